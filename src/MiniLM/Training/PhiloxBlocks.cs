using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Training;

/// <summary><see cref="Philox"/> for eight counters that follow one another, in 256-bit vectors.</summary>
internal static unsafe class PhiloxBlocks
{
    internal const int Count = 8;

    /// <summary>The four words of counters (a + i, b, c, d), i from 0 to 7.</summary>
    internal static void Words(uint a, uint b, uint c, uint d, uint keyLow, uint keyHigh,
        out Vector256<uint> wa, out Vector256<uint> wb, out Vector256<uint> wc, out Vector256<uint> wd)
    {
        Vector256<uint> factorA = Vector256.Create(Philox.FactorA), factorB = Vector256.Create(Philox.FactorB);
        (wa, wb, wc, wd) = (Vector256.Create(a) + Vector256<uint>.Indices, Vector256.Create(b), Vector256.Create(c), Vector256.Create(d));
        for (int round = 0; round < Philox.Rounds; round++)
        {
            (Vector256<uint> highA, Vector256<uint> lowA) = Multiply(wa, factorA);
            (Vector256<uint> highC, Vector256<uint> lowC) = Multiply(wc, factorB);
            (wa, wb, wc, wd) = (highC ^ wb ^ Vector256.Create(keyLow), lowC, highA ^ wd ^ Vector256.Create(keyHigh), lowA);
            (keyLow, keyHigh) = (keyLow + Philox.GoldenRatio, keyHigh + Philox.RootOfThree);
        }
    }

    // The even lanes' products and the odd lanes', put back together.
    private static (Vector256<uint> High, Vector256<uint> Low) Multiply(Vector256<uint> x, Vector256<uint> factor)
    {
        Vector256<uint> even = Avx2.Multiply(x, factor).AsUInt32(), odd = Avx2.Multiply(Avx2.ShiftRightLogical(x.AsUInt64(), 32).AsUInt32(), factor).AsUInt32();
        return (Avx2.Blend(Avx2.ShiftRightLogical(even.AsUInt64(), 32).AsUInt32(), odd, 0b10101010),
            Avx2.Blend(even, Avx2.ShiftLeftLogical(odd.AsUInt64(), 32).AsUInt32(), 0b10101010));
    }
}
