using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>cvt of one value, by the ISA's rules: NaN becomes 0 as an integer, integers out of range are clamped when
/// they come from floats or with .sat.</summary>
internal static class ConversionRules
{
    /// <param name="bits">The source; bits above its type do not count.</param>
    /// <param name="from">Its type.</param>
    /// <param name="to">The type of the result.</param>
    /// <param name="rounding">0 nearest even, 1 to zero, 2 down, 3 up.</param>
    /// <param name="isInteger">Whether a float is rounded to an integer and stays a float: cvt.rni.f32.f32.</param>
    /// <param name="ftz">fp32 subnormals are zeros.</param>
    /// <param name="sat">Clamp: integers to their range, floats to [0, 1].</param>
    /// <returns>Floats as bits; integers extended to 64 bits by their sign.</returns>
    internal static ulong Convert(ulong bits, PtxType from, PtxType to, int rounding, bool isInteger, bool ftz, bool sat)
    {
        if (!from.IsFloat())
        {
            (bool isNegative, ulong magnitude) = Magnitude(bits, from);
            return to.IsFloat() ? FloatOfInteger(isNegative, magnitude, to, rounding, sat) : IntegerOfInteger(isNegative, magnitude, to, sat);
        }
        double value = from switch
        {
            PtxType.F16 => Fp16.Value((uint)bits),
            PtxType.BF16 => Fp16.BfloatValue((uint)bits & 0xffff),
            PtxType.F32 => ftz ? Single.Flush(BitConverter.UInt32BitsToSingle((uint)bits)) : BitConverter.UInt32BitsToSingle((uint)bits),
            _ => BitConverter.UInt64BitsToDouble(bits),
        };
        if (!to.IsFloat()) { return IntegerOfFloat(Round(value, rounding), to); }
        if (isInteger) { value = Round(value, rounding); }
        if (sat) { value = value > 0 ? Math.Min(value, 1) : 0; }
        return FloatBits(value, to, rounding, ftz);
    }

    private static double Round(double value, int rounding) => rounding switch
    {
        0 => Math.Round(value, MidpointRounding.ToEven),
        1 => Math.Truncate(value),
        2 => Math.Floor(value),
        _ => Math.Ceiling(value),
    };

    private static (bool IsNegative, ulong Magnitude) Magnitude(ulong bits, PtxType type)
    {
        int width = type.Bytes() * 8;
        if (type.IsSigned())
        {
            long value = (long)(bits << 64 - width) >> 64 - width;
            return (value < 0, value < 0 ? 0 - (ulong)value : (ulong)value);
        }
        return (false, width == 64 ? bits : bits & (1UL << width) - 1);
    }

    private static ulong IntegerOfInteger(bool isNegative, ulong magnitude, PtxType to, bool sat)
    {
        int width = to.Bytes() * 8;
        if (sat)
        {
            ulong most = to.IsSigned() ? (1UL << width - 1) - 1 : width == 64 ? ulong.MaxValue : (1UL << width) - 1;
            if (isNegative) { return to.IsSigned() ? 0 - Math.Min(magnitude, most + 1) : 0; }
            return Math.Min(magnitude, most);
        }
        ulong value = isNegative ? 0 - magnitude : magnitude;
        return to.IsSigned() ? (ulong)((long)(value << 64 - width) >> 64 - width) : width == 64 ? value : value & (1UL << width) - 1;
    }

    private static ulong IntegerOfFloat(double value, PtxType to)
    {
        if (double.IsNaN(value)) { return 0; }
        int width = to.Bytes() * 8;
        if (to.IsSigned())
        {
            double limit = Math.ScaleB(1, width - 1);
            if (value >= limit) { return (1UL << width - 1) - 1; }
            return value < -limit ? 0 - (1UL << width - 1) : (ulong)(long)value;
        }
        if (value <= 0) { return 0; }
        return value >= Math.ScaleB(1, width) ? width == 64 ? ulong.MaxValue : (1UL << width) - 1 : (ulong)value;
    }

    private static ulong FloatOfInteger(bool isNegative, ulong magnitude, PtxType to, int rounding, bool sat)
    {
        double value;
        if (to == PtxType.F64) { value = magnitude; }
        else
        {
            // 53 bits with the lost ones collected in the last: the next rounding, to 24 bits or fewer, is the only one.
            value = magnitude >> 53 == 0 ? magnitude : Math.ScaleB((double)(magnitude >> 11 | ((magnitude & 0x7ff) != 0 ? 1UL : 0)), 11);
        }
        if (isNegative) { value = -value; }
        if (sat) { value = value > 0 ? Math.Min(value, 1) : 0; }
        return FloatBits(value, to, rounding, false);
    }

    private static ulong FloatBits(double value, PtxType to, int rounding, bool ftz)
    {
        switch (to)
        {
            case PtxType.F64: return BitConverter.DoubleToUInt64Bits(Doubles.Canonical(value));
            case PtxType.F32:
                if (double.IsNaN(value)) { return Single.NaN; }
                float single = (float)value;
                if (rounding != 0 && single != value) { single = Direct(single, value, rounding, float.BitDecrement, float.BitIncrement); }
                return BitConverter.SingleToUInt32Bits(ftz ? Single.Flush(single) : single);
            case PtxType.F16:
                if (double.IsNaN(value)) { return Fp16.NaN; }
                Half half = (Half)value;
                if (rounding != 0 && (double)half != value) { half = Direct(half, value, rounding, Half.BitDecrement, Half.BitIncrement); }
                return BitConverter.HalfToUInt16Bits(half);
            default:
                uint bits = Fp16.RoundBfloat((float)value);
                if (rounding == 1 && Math.Abs(Fp16.BfloatValue(bits)) > Math.Abs(value)) { bits--; }
                return bits;
        }
    }

    /// <summary>From the nearest number to the one on the wanted side of the value.</summary>
    private static T Direct<T>(T nearest, double value, int rounding, Func<T, T> down, Func<T, T> up) where T : struct, System.Numerics.INumber<T>
    {
        double rounded = double.CreateChecked(nearest);
        bool wantsBelow = rounding == 2 || rounding == 1 && value > 0;
        if (rounded > value && wantsBelow) { return down(nearest); }
        return rounded < value && !wantsBelow ? up(nearest) : nearest;
    }
}
