using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Training;

/// <summary><see cref="Philox"/> for eight counters that follow one another, in 256-bit vectors.</summary>
internal static unsafe class PhiloxBlocks
{
    internal const int Count = 8;

    /// <summary>The four words of counters (a + i, b, c, d), i from 0 to 7.</summary>
    /// <remarks>
    /// Multiplication reads the even words of a vector and makes 64 bits of each. So even and odd counters are two sets until the end, each in the even words
    /// of its own vectors: the low halves of products stay where they are, the high ones are shifted there, and what the odd words hold is never read.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Words(uint a, uint b, uint c, uint d, uint keyLow, uint keyHigh,
        out Vector256<uint> wa, out Vector256<uint> wb, out Vector256<uint> wc, out Vector256<uint> wd)
    {
        Vector256<uint> evenA = Vector256.Create(a) + Vector256<uint>.Indices, oddA = High(evenA);
        Vector256<uint> evenB = Vector256.Create(b), evenC = Vector256.Create(c), evenD = Vector256.Create(d), oddB = evenB, oddC = evenC, oddD = evenD;
        Vector256<uint> low = Vector256.Create(keyLow), high = Vector256.Create(keyHigh);
        for (int round = 0; round < Philox.Rounds; round++)
        {
            (evenA, evenB, evenC, evenD) = Round(evenA, evenB, evenC, evenD, low, high);
            (oddA, oddB, oddC, oddD) = Round(oddA, oddB, oddC, oddD, low, high);
            low += Vector256.Create(Philox.GoldenRatio);
            high += Vector256.Create(Philox.RootOfThree);
        }
        (wa, wb, wc, wd) = (Together(evenA, oddA), Together(evenB, oddB), Together(evenC, oddC), Together(evenD, oddD));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<uint> A, Vector256<uint> B, Vector256<uint> C, Vector256<uint> D) Round(
        Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d, Vector256<uint> keyLow, Vector256<uint> keyHigh)
    {
        Vector256<uint> first = Avx2.Multiply(a, Vector256.Create(Philox.FactorA)).AsUInt32();
        Vector256<uint> second = Avx2.Multiply(c, Vector256.Create(Philox.FactorB)).AsUInt32();
        return (High(second) ^ b ^ keyLow, second, High(first) ^ d ^ keyHigh, first);
    }

    private static Vector256<uint> High(Vector256<uint> words) => Avx2.ShiftRightLogical(words.AsUInt64(), 32).AsUInt32();

    private static Vector256<uint> Together(Vector256<uint> even, Vector256<uint> odd) =>
        Avx2.Blend(even, Avx2.ShiftLeftLogical(odd.AsUInt64(), 32).AsUInt32(), 0b10101010);
}
