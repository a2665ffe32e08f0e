using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>What a GEMM does to a sum before it is stored.</summary>
public interface IActivation
{
    /// <summary>One element.</summary>
    static abstract float Apply(float x);

    /// <summary>The derivative at x.</summary>
    static abstract float Slope(float x);
}

/// <summary>x.</summary>
public readonly struct Identity : IActivation
{
    public static float Apply(float x) => x;
    public static float Slope(float x) => 1;
}

/// <summary>
/// x Phi(x) with erfc(z) = t (a1 + t (a2 + ...)) e^(-z^2), t = 1 / (1 + 0.3275911 z), z = |x| / sqrt 2 (Abramowitz and Stegun 7.1.26,
/// |error| at most 1.5e-7). With the half tail q = erfc(z) / 2: gelu = max(x, 0) - |x| q, so negative x does not cancel.
/// </summary>
/// <remarks>10 FP32 and 2 MUFU instructions.</remarks>
public readonly struct Gelu : IActivation
{
    public static float Apply(float x)
    {
        float magnitude = Abs(x), z = magnitude * 0.70710678f;
        float tail = Ratio(z) * Exp2(z * z * -1.44269504f);
        return Fma(-magnitude, tail, Max(x, 0)); // max drops a NaN, the product brings it back
    }

    /// <summary>Phi(x) + x phi(x).</summary>
    public static float Slope(float x)
    {
        float z = Abs(x) * 0.70710678f, bell = Exp2(z * z * -1.44269504f), tail = Ratio(z) * bell;
        return Fma(x * 0.39894228f, bell, x < 0 ? tail : 1 - tail);
    }

    /// <summary>erfc(z) / 2 e^(z^2).</summary>
    private static float Ratio(float z)
    {
        float t = Reciprocal(Fma(z, 0.3275911f, 1));
        float p = Fma(0.5f * 1.061405429f, t, 0.5f * -1.453152027f);
        p = Fma(p, t, 0.5f * 1.421413741f);
        p = Fma(p, t, 0.5f * -0.284496736f);
        p = Fma(p, t, 0.5f * 0.254829592f);
        return p * t;
    }
}

/// <summary>x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3): the tanh form (Hendrycks and Gimpel 2016).</summary>
public readonly struct GeluTanh : IActivation
{
    private const float Scale = (float)(-2 * 1.4426950408889634 * 0.7978845608028654);

    public static float Apply(float x)
    {
        float exponent = Fma(x * x, Scale * 0.044715f, Scale) * x;
        return x * Reciprocal(1 + Exp2(Min(exponent, 120))); // 120: infinity times 0 would be NaN
    }

    /// <summary>s + x s (1 - s) 2u' with s = sigmoid(2u).</summary>
    public static float Slope(float x)
    {
        float square = x * x, exponent = Fma(square, Scale * 0.044715f, Scale) * x, s = Reciprocal(1 + Exp2(Min(exponent, 120)));
        float steepness = Fma(square, 6 * 0.7978845608f * 0.044715f, 2 * 0.7978845608f);
        return Fma(x * steepness, s * (1 - s), s);
    }
}

/// <summary>max(x, 0); a NaN stays one.</summary>
public readonly struct Relu : IActivation
{
    public static float Apply(float x) => x < 0 ? 0 : x;
    public static float Slope(float x) => x > 0 ? 1f : 0f; // of ints ILGPU makes a conversion that is always 0
}

/// <summary>tanh x = sign(x) (1 - 2 / (e^(2|x|) + 1)), below 0.3 its series to x^9, which does not cancel.</summary>
public readonly struct Tanh : IActivation
{
    public static float Apply(float x)
    {
        float magnitude = Abs(x), square = x * x;
        float series = Fma(Fma(Fma(Fma(62 / 2835f, square, -17 / 315f), square, 2 / 15f), square, -1 / 3f), square * x, x);
        float large = 1 - Divide(2, Exp2(magnitude * 2.885390082f) + 1), signed = x < 0 ? -large : large;
        return magnitude < 0.3f ? series : signed;
    }

    /// <summary>1 - tanh^2.</summary>
    public static float Slope(float x)
    {
        float y = Apply(x);
        return Fma(-y, y, 1);
    }
}
