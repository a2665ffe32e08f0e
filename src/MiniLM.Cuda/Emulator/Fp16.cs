using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator;

/// <summary>fp16 and bf16 bits to floats and back: round to nearest even, overflow to infinity, subnormals kept, NaN canonical.</summary>
internal static class Fp16
{
    internal const uint NaN = 0x7fff;

    internal static float Value(uint bits) => (float)BitConverter.UInt16BitsToHalf((ushort)bits);

    internal static uint Round(float value) => float.IsNaN(value) ? NaN : BitConverter.HalfToUInt16Bits((Half)value);

    internal static uint Round(double value) => double.IsNaN(value) ? NaN : BitConverter.HalfToUInt16Bits((Half)value);

    internal static float BfloatValue(uint bits) => BitConverter.UInt32BitsToSingle(bits << 16);

    internal static uint RoundBfloat(float value)
    {
        if (float.IsNaN(value)) { return NaN; }
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return bits + 0x7fff + (bits >> 16 & 1) >> 16;
    }

    /// <summary>8 floats to fp16 in the low halves of 8 words (F. Giesen's float_to_half_fast3_rtne).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Narrow(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32(), sign = bits & Vector256.Create(0x80000000u), magnitude = bits ^ sign;
        Vector256<uint> normal = magnitude + Vector256.Create(unchecked((uint)(15 - 127 << 23)) + 0xfff) + (magnitude >> 13 & Vector256.Create(1u)) >> 13;
        // Below the smallest normal: adding 0.5 leaves the rounded fraction in the low bits.
        Vector256<uint> subnormal = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3f000000u);
        Vector256<int> m = magnitude.AsInt32();
        Vector256<uint> result = Vector256.ConditionalSelect(Vector256.LessThan(m, Vector256.Create(113 << 23)).AsUInt32(), subnormal, normal);
        result = Vector256.ConditionalSelect(Vector256.GreaterThan(m, Vector256.Create((142 << 23) + 0x7fffff)).AsUInt32(), Vector256.Create(0x7c00u), result);
        result |= sign >> 16;
        return Vector256.ConditionalSelect(Vector256.GreaterThan(m, Vector256.Create(0x7f800000)).AsUInt32(), Vector256.Create(NaN), result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> NarrowBfloat(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> rounded = bits + Vector256.Create(0x7fffu) + (bits >> 16 & Vector256.Create(1u)) >> 16;
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), rounded, Vector256.Create(NaN));
    }
}
