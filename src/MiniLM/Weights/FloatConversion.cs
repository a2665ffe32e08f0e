using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Weights;

/// <summary>Exact widening of stored floats to float, and rounding (to nearest, ties to even) of floats to F16 and BF16.</summary>
internal static unsafe class FloatConversion
{
    internal static void Widen(ElementType from, byte* source, long start, int count, float* destination)
    {
        switch (from)
        {
            case ElementType.F32:
                Unsafe.CopyBlockUnaligned(destination, source + start * 4, (uint)count * 4);
                break;
            case ElementType.F16:
                WidenHalf((ushort*)source + start, count, destination);
                break;
            case ElementType.BF16:
                WidenBFloat16((ushort*)source + start, count, destination);
                break;
            default:
                throw new InvalidOperationException($"a tensor of {from} has no float values"); // refused when the model is opened
        }
    }

    private static void WidenBFloat16(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Load(source + i));
            Vector128.ShiftLeft(low, 16).AsSingle().Store(destination + i);
            Vector128.ShiftLeft(high, 16).AsSingle().Store(destination + i + 4);
        }
        for (; i < count; i++) { destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16); }
    }

    // There is no F16C intrinsic: shift the exponent and mantissa into place and multiply by 2^112, which also normalises denormals;
    // an exponent of 31 (infinity, NaN) lands on 143 instead of 255 and is set apart.
    private static void WidenHalf(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Load(source + i));
            Four(low).Store(destination + i);
            Four(high).Store(destination + i + 4);
        }
        for (; i < count; i++) { destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]); }

        static Vector128<float> Four(Vector128<uint> half)
        {
            Vector128<uint> magnitude = half & Vector128.Create(0x7fffu);
            Vector128<uint> sign = Vector128.ShiftLeft(half & Vector128.Create(0x8000u), 16);
            Vector128<uint> value = (Vector128.ShiftLeft(magnitude, 13).AsSingle() * Vector128.Create(BitConverter.UInt32BitsToSingle(0x77800000u))).AsUInt32();
            Vector128<uint> special = Vector128.GreaterThan(magnitude.AsInt32(), Vector128.Create(0x7bff)).AsUInt32();
            return (sign | value | (special & Vector128.Create(0x7f800000u))).AsSingle();
        }
    }

    /// <summary>The first element of [start, end) that is NaN or infinite, or -1.</summary>
    internal static long FirstNonFinite(Tensor tensor, long start, long end)
    {
        const int Block = 4096;
        float* values = stackalloc float[Block];
        for (long at = start; at < end; at += Block)
        {
            int count = (int)Math.Min(Block, end - at);
            tensor.Read(at, count, values);
            // x * 0 is 0 for finite x and NaN otherwise: a sum of products shows the block, then the element is looked for.
            Vector256<float> sums = Vector256<float>.Zero;
            int whole = count & ~7;
            for (int i = 0; i < whole; i += 8) { sums += Vector256.Load(values + i) * Vector256<float>.Zero; }
            float sum = Vector256.Sum(sums);
            for (int i = whole; i < count; i++) { sum += values[i] * 0; }
            if (sum == 0) { continue; }
            for (int i = 0; i < count; i++)
            {
                if (!float.IsFinite(values[i])) { return at + i; }
            }
        }
        return -1;
    }

    internal static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) { return (ushort)((bits >> 16) | 0x40); } // rounding could carry a NaN into infinity
        return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}
