using System.Diagnostics;
using System.Runtime.Intrinsics;

namespace MiniLM.Cpu;

/// <summary>Floats to the nearest number of 16 bits, ties to even, as floats.</summary>
internal static unsafe class Rounding
{
    /// <param name="from">[count].</param>
    /// <param name="to">[count]; may be <paramref name="from"/>.</param>
    /// <param name="count">A multiple of 8.</param>
    internal static void ToBFloat16(float* from, float* to, int count)
    {
        Debug.Assert(count % Vector256<float>.Count == 0);
        for (int i = 0; i < count; i += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.Load(from + i);
            Vector256<uint> bits = x.AsUInt32();
            Vector256<uint> odd = Vector256.ShiftRightLogical(bits, 16) & Vector256<uint>.One;
            Vector256<uint> rounded = (bits + Vector256.Create(0x7fffu) + odd) & Vector256.Create(0xffff0000u);
            Vector256.ConditionalSelect(Vector256.Equals(x, x), rounded.AsSingle(), x).Store(to + i); // rounding could carry a NaN into infinity
        }
    }

    /// <summary>The same; what is too large becomes infinite.</summary>
    internal static void ToFloat16(float* from, float* to, int count)
    {
        Debug.Assert(count % Vector256<float>.Count == 0);
        const float Largest = 65504, SmallestNormal = 6.103515625e-5f;
        Vector256<float> infinity = Vector256.Create(float.PositiveInfinity), shift = Vector256.Create(0.75f); // whose last place is 2^-24, as a denormal's
        for (int i = 0; i < count; i += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.Load(from + i), magnitude = Vector256.Abs(x);
            Vector256<uint> bits = magnitude.AsUInt32();
            Vector256<uint> odd = Vector256.ShiftRightLogical(bits, 13) & Vector256<uint>.One;
            Vector256<float> normal = ((bits + Vector256.Create(0xfffu) + odd) & Vector256.Create(0xffffe000u)).AsSingle();
            Vector256<float> isDenormal = Vector256.LessThan(magnitude, Vector256.Create(SmallestNormal));
            Vector256<float> y = Vector256.ConditionalSelect(isDenormal, magnitude + shift - shift, normal);
            y = Vector256.ConditionalSelect(Vector256.GreaterThan(y, Vector256.Create(Largest)), infinity, y);
            y |= x & Vector256.Create(-0f);
            Vector256.ConditionalSelect(Vector256.Equals(x, x), y, x).Store(to + i);
        }
    }
}
