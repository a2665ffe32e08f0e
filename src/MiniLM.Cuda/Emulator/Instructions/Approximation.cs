using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>An approximate instruction: the correctly rounded value, and how far the ISA lets hardware be from the true one.</summary>
internal interface IApproximation
{
    static abstract Vector256<float> Rounded(Vector256<float> x);

    static abstract double Exact(double x);

    /// <summary>Largest error at a result y that is finite.</summary>
    static abstract double MaxError(double x, double y);
}

internal readonly struct ExponentialBase2 : IApproximation
{
    // Taylor coefficients of e^z up to z^13: |z| <= ln(2)/2 leaves less than 2^-58.
    private static readonly double[] InverseFactorials =
    [
        1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800,
        1.0 / 479001600, 1.0 / 6227020800,
    ];

    public static Vector256<float> Rounded(Vector256<float> x)
    {
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(x);
        return Vector256.ConditionalSelect(Vector256.Equals(x, x), Vector256.Narrow(Power(low), Power(high)), x);
    }

    /// <summary>2^x in double: 2^(x - n) as a polynomial, n into the exponent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Power(Vector256<double> x)
    {
        // Beyond these all is infinity or zero in fp32, and n stays small enough for a double's exponent.
        x = Vector256.Min(Vector256.Max(x, Vector256.Create(-300.0)), Vector256.Create(300.0));
        Vector256<double> shifted = x + Vector256.Create(6755399441055744.0); // 1.5 * 2^52: the integer is in the low bits
        Vector256<double> z = (x - (shifted - Vector256.Create(6755399441055744.0))) * Vector256.Create(0.6931471805599453);
        Vector256<double> p = Vector256.Create(InverseFactorials[13]);
        for (int k = 12; k >= 0; k--) { p = Vector256.FusedMultiplyAdd(p, z, Vector256.Create(InverseFactorials[k])); }
        return (p.AsInt64() + (shifted.AsInt64() << 52)).AsDouble();
    }

    public static double Exact(double x) => Math.Pow(2, x);

    public static double MaxError(double x, double y) => 2 * Ulp.Of(y);
}

internal readonly struct Reciprocal : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x) => Vector256<float>.One / x;

    public static double Exact(double x) => 1 / x;

    public static double MaxError(double x, double y) => Ulp.Of(y);
}

internal readonly struct SquareRoot : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x) => Vector256.Sqrt(x);

    public static double Exact(double x) => Math.Sqrt(x);

    public static double MaxError(double x, double y) => Math.ScaleB(Math.Abs(y), -23);
}

internal readonly struct ReciprocalSquareRoot : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x)
    {
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(x);
        return Vector256.Narrow(Vector256<double>.One / Vector256.Sqrt(low), Vector256<double>.One / Vector256.Sqrt(high));
    }

    public static double Exact(double x) => 1 / Math.Sqrt(x);

    public static double MaxError(double x, double y) => Math.Abs(y) * 1.2783e-7; // 2^-22.9
}

internal readonly struct LogarithmBase2 : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x)
    {
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(x);
        return Vector256.Narrow(Vector256.Log2(low), Vector256.Log2(high));
    }

    public static double Exact(double x) => Math.Log2(x);

    public static double MaxError(double x, double y) => x is > 0.5 and < 2 ? Math.ScaleB(1, -22) : Math.ScaleB(Math.Abs(y), -22);
}

internal readonly unsafe struct Sine : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x) => Scalar.Map(x, &Math.Sin);

    public static double Exact(double x) => Math.Sin(x);

    public static double MaxError(double x, double y) => 6.7e-7; // 2^-20.5, in [-2 pi, 2 pi]
}

internal readonly unsafe struct Cosine : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x) => Scalar.Map(x, &Math.Cos);

    public static double Exact(double x) => Math.Cos(x);

    public static double MaxError(double x, double y) => 6.7e-7;
}

internal readonly unsafe struct HyperbolicTangent : IApproximation
{
    public static Vector256<float> Rounded(Vector256<float> x) => Scalar.Map(x, &Math.Tanh);

    public static double Exact(double x) => Math.Tanh(x);

    public static double MaxError(double x, double y) => Math.ScaleB(Math.Abs(y), -11);
}

internal static unsafe class Scalar
{
    internal static Vector256<float> Map(Vector256<float> x, delegate*<double, double> function)
    {
        float* values = stackalloc float[8];
        x.Store(values);
        for (int k = 0; k < 8; k++) { values[k] = (float)function(values[k]); }
        return Vector256.Load(values);
    }
}

internal static class Ulp
{
    /// <summary>Distance of fp32 numbers at a value.</summary>
    internal static double Of(double value) => Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 23);
}
