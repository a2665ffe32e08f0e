using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>What is common to fp32 instructions.</summary>
internal static class Single
{
    internal const uint NaN = 0x7fffffff;

    /// <summary>The hardware's NaN has one pattern.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Canonical(Vector256<float> value) =>
        Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), value.AsUInt32(), Vector256.Create(NaN));

    /// <summary>.ftz: a subnormal is a zero of its sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Flush(Vector256<uint> value)
    {
        Vector256<uint> isNormal = Vector256.GreaterThan((value & Vector256.Create(0x7fffffffu)).AsInt32(), Vector256.Create(0x007fffff)).AsUInt32();
        return value & (isNormal | Vector256.Create(0x80000000u));
    }

    internal static float Flush(float value) => Math.Abs(value) < 1.17549435e-38f ? float.CopySign(0, value) : value;
}

internal readonly struct Ftz1<TOp> : IUnary where TOp : struct, IUnary
{
    public static Vector256<uint> Apply(Vector256<uint> a) => Single.Flush(TOp.Apply(Single.Flush(a)));
}

internal readonly struct Ftz2<TOp> : IBinary where TOp : struct, IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Single.Flush(TOp.Apply(Single.Flush(a), Single.Flush(b)));
}

internal readonly struct Ftz3<TOp> : ITernary where TOp : struct, ITernary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) =>
        Single.Flush(TOp.Apply(Single.Flush(a), Single.Flush(b), Single.Flush(c)));
}

/// <summary>.sat: to [0, 1], NaN to +0.</summary>
internal readonly struct Sat2<TOp> : IBinary where TOp : struct, IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Saturation.Of(TOp.Apply(a, b));
}

internal readonly struct Sat3<TOp> : ITernary where TOp : struct, ITernary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => Saturation.Of(TOp.Apply(a, b, c));
}

internal static class Saturation
{
    internal static Vector256<uint> Of(Vector256<uint> bits)
    {
        Vector256<float> value = bits.AsSingle(), one = Vector256.Create(1f);
        Vector256<uint> isPositive = Vector256.GreaterThan(value, Vector256<float>.Zero).AsUInt32();
        return Vector256.ConditionalSelect(Vector256.GreaterThan(value, one).AsUInt32(), one.AsUInt32(), bits) & isPositive;
    }
}

internal readonly struct AddF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Single.Canonical(a.AsSingle() + b.AsSingle());
}

internal readonly struct SubtractF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Single.Canonical(a.AsSingle() - b.AsSingle());
}

internal readonly struct MultiplyF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Single.Canonical(a.AsSingle() * b.AsSingle());
}

internal readonly struct DivideF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Single.Canonical(a.AsSingle() / b.AsSingle());
}

internal readonly struct FusedMultiplyAddF32 : ITernary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) =>
        Single.Canonical(Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()));
}

/// <summary>One NaN: the other operand. -0 is less than +0.</summary>
internal readonly struct MaxF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b)
    {
        Vector256<float> x = a.AsSingle(), y = b.AsSingle();
        Vector256<uint> result = Vector256.ConditionalSelect(Vector256.GreaterThan(x, y).AsUInt32(), a, b);
        result = Vector256.ConditionalSelect(Vector256.Equals(x, y).AsUInt32(), a & b, result);
        result = Vector256.ConditionalSelect(Vector256.Equals(y, y).AsUInt32(), result, a);
        return Single.Canonical(result.AsSingle());
    }
}

internal readonly struct MinF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b)
    {
        Vector256<float> x = a.AsSingle(), y = b.AsSingle();
        Vector256<uint> result = Vector256.ConditionalSelect(Vector256.LessThan(x, y).AsUInt32(), a, b);
        result = Vector256.ConditionalSelect(Vector256.Equals(x, y).AsUInt32(), a | b, result);
        result = Vector256.ConditionalSelect(Vector256.Equals(y, y).AsUInt32(), result, a);
        return Single.Canonical(result.AsSingle());
    }
}

/// <summary>.NaN: any NaN gives the NaN.</summary>
internal readonly struct PropagateNaN<TOp> : IBinary where TOp : struct, IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b)
    {
        Vector256<uint> isOrdered = (Vector256.Equals(a.AsSingle(), a.AsSingle()) & Vector256.Equals(b.AsSingle(), b.AsSingle())).AsUInt32();
        return Vector256.ConditionalSelect(isOrdered, TOp.Apply(a, b), Vector256.Create(Single.NaN));
    }
}

internal readonly struct NegateF32 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a ^ Vector256.Create(0x80000000u); }

internal readonly struct AbsoluteF32 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a & Vector256.Create(0x7fffffffu); }

/// <summary>The sign of a, the rest of b.</summary>
internal readonly struct CopySignF32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a & Vector256.Create(0x80000000u) | b & Vector256.Create(0x7fffffffu);
}

/// <summary>Both halves of a word.</summary>
internal readonly struct NegateF16x2 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a ^ Vector256.Create(0x80008000u); }

internal readonly struct AbsoluteF16x2 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a & Vector256.Create(0x7fff7fffu); }

internal readonly struct NegateF16 : IUnary
{
    public static Vector256<uint> Apply(Vector256<uint> a) => (a ^ Vector256.Create(0x8000u)) & Vector256.Create(0xffffu);
}

internal readonly struct AbsoluteF16 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a & Vector256.Create(0x7fffu); }

internal readonly struct AddF64 : IDouble2 { public static double Apply(double a, double b) => Doubles.Canonical(a + b); }

internal readonly struct SubtractF64 : IDouble2 { public static double Apply(double a, double b) => Doubles.Canonical(a - b); }

internal readonly struct MultiplyF64 : IDouble2 { public static double Apply(double a, double b) => Doubles.Canonical(a * b); }

internal readonly struct DivideF64 : IDouble2 { public static double Apply(double a, double b) => Doubles.Canonical(a / b); }

internal readonly struct MinF64 : IDouble2 { public static double Apply(double a, double b) => Doubles.Canonical(double.MinNumber(a, b)); }

internal readonly struct MaxF64 : IDouble2 { public static double Apply(double a, double b) => Doubles.Canonical(double.MaxNumber(a, b)); }

internal readonly struct CopySignF64 : IDouble2 { public static double Apply(double a, double b) => double.CopySign(b, a); }

internal readonly struct NegateF64 : IInteger1 { public static ulong Apply<T>(ulong a) where T : struct, IElement => a ^ 1UL << 63; }

internal readonly struct AbsoluteF64 : IInteger1 { public static ulong Apply<T>(ulong a) where T : struct, IElement => a & ~(1UL << 63); }

internal static class Doubles
{
    internal static double Canonical(double value) => double.IsNaN(value) ? BitConverter.UInt64BitsToDouble(0x7ff8_0000_0000_0000) : value;

    /// <summary>a * b + c in double with the last bit made odd when it is not exact: rounding that once more to a
    /// type of at most 51 bits rounds once.</summary>
    /// <remarks>a and b have at most 26 bits, so that the product is exact (Boldo and Melquiond, "Emulation of FMA
    /// and correctly rounded sums", 2008).</remarks>
    internal static double MultiplyAddToOdd(double a, double b, double c)
    {
        double product = a * b, sum = product + c;
        if (!double.IsFinite(sum)) { return sum; }
        double shadow = sum - product, error = product - (sum - shadow) + (c - shadow);
        long bits = BitConverter.DoubleToInt64Bits(sum);
        if (error == 0 || (bits & 1) != 0) { return sum; }
        // Toward the error, away from or toward zero.
        return BitConverter.Int64BitsToDouble(sum == 0 || error > 0 == sum > 0 ? bits + 1 : bits - 1);
    }
}

internal readonly struct AddF16 : IHalf2 { public static float Apply(float a, float b) => a + b; }

internal readonly struct SubtractF16 : IHalf2 { public static float Apply(float a, float b) => a - b; }

internal readonly struct MultiplyF16 : IHalf2 { public static float Apply(float a, float b) => a * b; }

internal readonly struct MinF16 : IHalf2 { public static float Apply(float a, float b) => float.MinNumber(a, b); }

internal readonly struct MaxF16 : IHalf2 { public static float Apply(float a, float b) => float.MaxNumber(a, b); }
