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
                Activation.Tanh => T.Tanh(value),
                _ => throw new InvalidOperationException($"no activation {activation}"),
            };
        }
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
