using System.Numerics;
using MiniLM.Model;

namespace MiniLM.Compute.Reference;

/// <summary>Element-wise activations, in place.</summary>
internal static class Activations
{
    internal static void Forward<T>(Activation activation, Span<T> x) where T : IBinaryFloatingPointIeee754<T>
    {
        if (activation == Activation.Identity) { return; }
        foreach (ref T value in x)
        {
            value = activation switch
            {
                Activation.Gelu => Gelu(value),
                Activation.GeluTanh => GeluTanh(value),
                Activation.Relu => value > T.Zero || T.IsNaN(value) ? value : T.Zero,
                Activation.Silu => Silu(value, T.One),
                Activation.QuickGelu => Silu(value, T.CreateChecked(QuickGeluFactor)),
                Activation.Tanh => T.Tanh(value),
                _ => throw new InvalidOperationException($"no activation {activation}"),
            };
        }
    }

    /// <summary>dy f'(x), in place over dy; x: what was activated.</summary>
    internal static void Backward<T>(Activation activation, ReadOnlySpan<T> x, Span<T> dy) where T : IBinaryFloatingPointIeee754<T>
    {
        if (activation == Activation.Identity) { return; }
        for (int i = 0; i < x.Length; i++)
        {
            dy[i] *= activation switch
            {
                Activation.Gelu => GeluSlope(x[i]),
                Activation.GeluTanh => GeluTanhSlope(x[i]),
                Activation.Relu => x[i] > T.Zero ? T.One : T.IsNaN(x[i]) ? x[i] : T.Zero,
                Activation.Silu => SiluSlope(x[i], T.One),
                Activation.QuickGelu => SiluSlope(x[i], T.CreateChecked(QuickGeluFactor)),
                Activation.Tanh => T.One - T.Tanh(x[i]) * T.Tanh(x[i]),
                _ => throw new InvalidOperationException($"no activation {activation}"),
            };
        }
    }

    /// <summary>f in x sigmoid(f x), near x Phi(x).</summary>
    internal const double QuickGeluFactor = 1.702;

    /// <summary>x sigmoid(f x).</summary>
    internal static T Silu<T>(T x, T factor) where T : IBinaryFloatingPointIeee754<T> =>
        T.IsNegativeInfinity(x) ? T.Zero : x / (T.One + T.Exp(-factor * x));

    /// <summary>s + f x s (1 - s), s = sigmoid(f x).</summary>
    private static T SiluSlope<T>(T x, T factor) where T : IBinaryFloatingPointIeee754<T>
    {
        T power = T.Exp(-factor * T.Abs(x)), sigmoid = T.One / (T.One + power); // of |x|: exp does not overflow
        T product = T.IsInfinity(x) ? T.Zero : factor * x * sigmoid * (power * sigmoid);
        return (x < T.Zero ? power * sigmoid : sigmoid) + product;
    }

    /// <summary>Phi(x) + x phi(x).</summary>
    private static T GeluSlope<T>(T x) where T : IBinaryFloatingPointIeee754<T>
    {
        double value = double.CreateChecked(x);
        if (double.IsInfinity(value)) { return value > 0 ? T.One : T.Zero; }
        return T.CreateChecked(0.5 * Erf.Complement(-value / Math.Sqrt(2)) + value * Math.Exp(-value * value / 2) / Math.Sqrt(2 * Math.PI));
    }

    /// <summary>(1 + t)/2 + x/2 (1 - t^2) u', u' = sqrt(2/pi) (1 + 3 0.044715 x^2), t = tanh(u).</summary>
    private static T GeluTanhSlope<T>(T x) where T : IBinaryFloatingPointIeee754<T>
    {
        if (T.IsInfinity(x)) { return x > T.Zero ? T.One : T.Zero; }
        T factor = T.CreateChecked(Math.Sqrt(2 / Math.PI)), cubic = T.CreateChecked(0.044715), half = T.CreateChecked(0.5);
        T t = T.Tanh(factor * (x + cubic * x * x * x));
        return half * (T.One + t) + half * x * (T.One - t * t) * factor * (T.One + T.CreateChecked(3) * cubic * x * x);
    }

    /// <summary>x Phi(x) = x/2 erfc(-x / sqrt 2): erfc keeps the digits that 1 + erf loses for negative x.</summary>
    internal static T Gelu<T>(T x) where T : IBinaryFloatingPointIeee754<T>
    {
        if (T.IsNegativeInfinity(x)) { return T.Zero; }
        return x * T.CreateChecked(0.5 * Erf.Complement(-double.CreateChecked(x) / Math.Sqrt(2)));
    }

    /// <summary>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel 2016, arXiv:1606.08415).</summary>
    internal static T GeluTanh<T>(T x) where T : IBinaryFloatingPointIeee754<T>
    {
        if (T.IsNegativeInfinity(x)) { return T.Zero; }
        T inner = T.CreateChecked(Math.Sqrt(2 / Math.PI)) * (x + T.CreateChecked(0.044715) * x * x * x);
        return x * T.CreateChecked(0.5) * (T.One + T.Tanh(inner));
    }
}
