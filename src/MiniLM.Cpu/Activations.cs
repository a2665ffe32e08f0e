using System.Diagnostics;
using System.Runtime.CompilerServices;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>Element-wise activations of rows, for the tiers below machine code and for heads. Formulas: <see cref="Compute.Reference.Activations"/>.</summary>
internal static unsafe class Activations
{
    internal static void Forward<TLanes>(Activation activation, float* x, int count) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(count >= 0 && (x != null || count == 0));
        int lanes = TLanes.Count, whole = count - count % lanes;
        for (int i = 0; i < whole; i += lanes) { Apply(activation, TLanes.Load(x + i)).Store(x + i); }
        for (int i = whole; i < count; i++) { Apply(activation, Lanes1.Load(x + i)).Store(x + i); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Apply<TLanes>(Activation activation, TLanes x) where TLanes : struct, ILanes<TLanes> => activation switch
    {
        Activation.Gelu => Gelu(x),
        Activation.GeluTanh => GeluTanh(x),
        Activation.Relu => TLanes.Max(TLanes.Create(0), x),
        Activation.Tanh => Tanh(x),
        _ => x,
    };

    // x Phi(x) with erfc(z) = t (a1 + t (a2 + ...)) e^(-z^2), t = 1 / (1 + 0.3275911 z), z = |x| / sqrt 2 (Abramowitz and Stegun 7.1.26,
    // |error| <= 1.5e-7). With the half tail q = erfc(z) / 2: gelu = max(x, 0) - |x| q, so negative x does not cancel.
    private static TLanes Gelu<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0), one = TLanes.Create(1);
        TLanes magnitude = TLanes.Max(zero - x, x), z = magnitude * TLanes.Create(0.70710678f);
        TLanes t = one / TLanes.MultiplyAdd(z, TLanes.Create(0.3275911f), one);
        TLanes p = TLanes.MultiplyAdd(TLanes.Create(0.5f * 1.061405429f), t, TLanes.Create(0.5f * -1.453152027f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * 1.421413741f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * -0.284496736f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * 0.254829592f));
        TLanes tail = p * t * new Exponential<TLanes>().Power2(zero - z * z * TLanes.Create(1.44269504f));
        return TLanes.Max(zero, x) - magnitude * tail;
    }

    // x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3).
    private static TLanes GeluTanh<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        const float Scale = (float)(-2 * 1.4426950408889634 * 0.7978845608028654);
        TLanes one = TLanes.Create(1);
        TLanes t = TLanes.MultiplyAdd(x * x, TLanes.Create(Scale * 0.044715f), TLanes.Create(Scale)) * x;
        return x / (one + new Exponential<TLanes>().Power2(AtMost(t, 120)));
    }

    private static TLanes Tanh<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        // One lane at a time: only pooled rows come here, one a sequence.
        float* values = stackalloc float[TLanes.Count];
        x.Store(values);
        for (int i = 0; i < TLanes.Count; i++) { values[i] = MathF.Tanh(values[i]); }
        return TLanes.Load(values);
    }

    private static TLanes AtMost<TLanes>(TLanes x, float limit) where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0);
        return zero - TLanes.Max(TLanes.Create(-limit), zero - x); // a NaN stays one
    }
}
