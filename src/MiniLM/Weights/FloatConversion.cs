using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Weights;

/// <summary>Exact widening of stored floats to float (doubles are rounded), and rounding (to nearest, ties to even) of floats to F16 and BF16.</summary>
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
            case ElementType.F64:
                for (int i = 0; i < count; i++) { destination[i] = (float)((double*)source)[start + i]; }
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

    private static void WidenHalf(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            WidenHalf(Vector256.WidenLower(Vector128.Load(source + i).ToVector256Unsafe())).Store(destination + i);
        }
        for (; i < count; i++) { destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]); }
    }

    /// <summary>fp16 in the low halves of eight words, exactly; the high halves may hold anything.</summary>
    /// <remarks>
    /// There is no F16C intrinsic: shift the exponent and mantissa into place and multiply by 2^112, which also normalises denormals;
    /// an exponent of 31 (infinity, NaN) lands on 143 instead of 255 and is set apart.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> WidenHalf(Vector256<uint> half)
    {
        Vector256<uint> magnitude = half & Vector256.Create(0x7fffu);
        Vector256<uint> sign = Vector256.ShiftLeft(half & Vector256.Create(0x8000u), 16);
        Vector256<uint> value = (Vector256.ShiftLeft(magnitude, 13).AsSingle() * Vector256.Create(BitConverter.UInt32BitsToSingle(0x77800000u))).AsUInt32();
        Vector256<uint> special = Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x7bff)).AsUInt32();
        return (sign | value | (special & Vector256.Create(0x7f800000u))).AsSingle();
    }

    /// <summary>The first element of [start, end) that is NaN or infinite, or -1. Looks at exponents only: it runs at the speed of memory.</summary>
    internal static long FirstNonFinite(Tensor tensor, long start, long end) => tensor.ElementType switch
    {
        ElementType.F32 => FirstAtLeast((uint*)tensor.Data, start, end, 0x7fffffffu, 0x7f800000u),
        ElementType.F16 => FirstAtLeast((ushort*)tensor.Data, start, end, (ushort)0x7fff, (ushort)0x7c00),
        ElementType.BF16 => FirstAtLeast((ushort*)tensor.Data, start, end, (ushort)0x7fff, (ushort)0x7f80),
        ElementType.F64 => FirstBeyondFloat((double*)tensor.Data, start, end),
        _ => -1,
    };

    private static long FirstBeyondFloat(double* values, long start, long end)
    {
        for (long at = start; at < end; at++)
        {
            if (!float.IsFinite((float)values[at])) { return at; }
        }
        return -1;
    }

    private static long FirstAtLeast<T>(T* values, long start, long end, T magnitude, T limit) where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        Vector256<T> mask = Vector256.Create(magnitude), least = Vector256.Create(limit);
        long at = start;
        int step = 4 * Vector256<T>.Count;
        for (; at + step <= end; at += step)
        {
            Vector256<T> a = Vector256.Load(values + at) & mask, b = Vector256.Load(values + at + step / 4) & mask;
            Vector256<T> c = Vector256.Load(values + at + step / 2) & mask, d = Vector256.Load(values + at + 3 * step / 4) & mask;
            if (Vector256.GreaterThanOrEqualAny(Vector256.Max(Vector256.Max(a, b), Vector256.Max(c, d)), least)) { break; }
        }
        for (; at < end; at++)
        {
            if ((values[at] & magnitude) >= limit) { return at; }
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
