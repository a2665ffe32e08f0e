using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using MiniLM.Model;
using static MiniLM.Compute.Reference.Activations;

namespace MiniLM.Cpu;

/// <summary>Element-wise activations of rows, for the tiers below machine code and for heads. Formulas: <see cref="Compute.Reference.Activations"/>.</summary>
internal static unsafe class Activations
{
    // -log2(e) times the factor of x in the sigmoid.
    internal const float SiluScale = -1.44269504f, QuickGeluScale = (float)(-1.4426950408889634 * QuickGeluFactor);

    /// <param name="activation">f.</param>
    /// <param name="x">[count].</param>
    /// <param name="y">[count]: f(x); may be x.</param>
    /// <param name="count">Any.</param>
    internal static void Forward<TLanes>(Activation activation, float* x, float* y, int count) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(count >= 0 && ((x != null && y != null) || count == 0));
        int lanes = TLanes.Count, whole = count - count % lanes;
        for (int i = 0; i < whole; i += lanes) { Apply(activation, TLanes.Load(x + i)).Store(y + i); }
        for (int i = whole; i < count; i++) { Apply(activation, Lanes1.Load(x + i)).Store(y + i); }
    }

    /// <summary>y = f(x), and x = f'(x): all that backward needs, where both share their exponential.</summary>
    /// <param name="activation">f.</param>
    /// <param name="x">[count].</param>
    /// <param name="y">[count].</param>
    /// <param name="count">Any.</param>
    internal static void ForwardSaving<TLanes>(Activation activation, float* x, float* y, int count) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(count >= 0 && ((x != null && y != null && x != y) || count == 0));
        int lanes = TLanes.Count, whole = count - count % lanes;
        for (int i = 0; i < whole; i += lanes) { Step<TLanes>(activation, x + i, y + i); }
        for (int i = whole; i < count; i++) { Step<Lanes1>(activation, x + i, y + i); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TLanes>(Activation activation, float* x, float* y) where TLanes : struct, ILanes<TLanes>
    {
        TLanes sum = TLanes.Load(x);
        (TLanes value, TLanes slope) = activation == Activation.Gelu ? GeluWithSlope(sum) : (Apply(activation, sum), Slope(activation, sum));
        value.Store(y);
        slope.Store(x);
    }

    /// <summary>dy *= f'(x).</summary>
    /// <param name="slope">[count]: f'(x).</param>
    /// <param name="dy">[count].</param>
    /// <param name="count">Any.</param>
    internal static void Backward(float* slope, float* dy, int count)
    {
        Debug.Assert(count >= 0 && ((slope != null && dy != null) || count == 0));
        int whole = count - count % Vector<float>.Count;
        for (int i = 0; i < whole; i += Vector<float>.Count) { (Vector.Load(dy + i) * Vector.Load(slope + i)).Store(dy + i); }
        for (int i = whole; i < count; i++) { dy[i] *= slope[i]; }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Slope<TLanes>(Activation activation, TLanes x) where TLanes : struct, ILanes<TLanes> => activation switch
    {
        Activation.Identity => TLanes.Create(1),
        Activation.GeluTanh => GeluTanhSlope(x),
        Activation.Relu => ReluSlope(x),
        Activation.Silu => SiluSlope(x, 1),
        Activation.QuickGelu => SiluSlope(x, (float)QuickGeluFactor),
        _ => TLanes.Create(1) - Tanh(x) * Tanh(x),
    };

    // max(x, 0) - |x| q with q = Phi(-|x|), so negative x does not cancel; the slope is Phi(x) + x phi(x), with Phi(x) = 1/2 + sign(x) (1/2 - q).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TLanes Value, TLanes Slope) GeluWithSlope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0), half = TLanes.Create(0.5f), near = Near(x), magnitude = TLanes.Max(zero - near, near);
        (TLanes tail, TLanes density) = HalfTail(magnitude);
        return (TLanes.Max(zero, x) - magnitude * tail, half + Sign(near) * (half - tail) + near * density * TLanes.Create(0.39894228f));
    }

    // 2 u', u' = sqrt(2/pi) (1 + 3 0.044715 x^2).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes GeluTanhSlope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        const float Factor = 2 * 0.79788456f;
        TLanes near = Near(x);
        return LogisticSlope(near, TanhExponent(near), TLanes.MultiplyAdd(near * near, TLanes.Create(3 * 0.044715f * Factor), TLanes.Create(Factor)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes SiluSlope<TLanes>(TLanes x, float factor) where TLanes : struct, ILanes<TLanes>
    {
        TLanes near = Near(x);
        return LogisticSlope(near, near * TLanes.Create(factor * SiluScale), TLanes.Create(factor));
    }

    // s + x s (1 - s) z', s = sigmoid(z), exponent = -log2(e) z.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes LogisticSlope<TLanes>(TLanes x, TLanes exponent, TLanes inner) where TLanes : struct, ILanes<TLanes>
    {
        TLanes one = TLanes.Create(1);
        TLanes power = new Exponential<TLanes>().Power2(AtMost(exponent, 120)), sigmoid = one / (one + power); // 1 - s = power s, without cancelling
        return sigmoid + x * sigmoid * (power * sigmoid) * inner;
    }

    // Beyond, slopes are 0 or 1: squares must stay finite, and a density that is the least float must stay next to 0 times x.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Near<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => AtMost(TLanes.Max(TLanes.Create(-1e6f), x), 1e6f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes ReluSlope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => TLanes.Max(TLanes.Create(0), Sign(x));

    // -1, 0 or 1, but for denormal x.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Sign<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
        AtMost(TLanes.Max(TLanes.Create(-1), x * TLanes.Create(1e38f) * TLanes.Create(1e7f)), 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Apply<TLanes>(Activation activation, TLanes x) where TLanes : struct, ILanes<TLanes> => activation switch
    {
        Activation.Gelu => GeluWithSlope(x).Value,
        Activation.GeluTanh => GeluTanh(x),
        Activation.Relu => TLanes.Max(TLanes.Create(0), x),
        Activation.Silu => Logistic(x, x * TLanes.Create(SiluScale)),
        Activation.QuickGelu => Logistic(x, x * TLanes.Create(QuickGeluScale)),
        Activation.Tanh => Tanh(x),
        _ => x,
    };

    // q = Phi(-m) = erfc(z) / 2 and e^(-z^2), with erfc(z) = t (a1 + t (a2 + ...)) e^(-z^2), t = 1 / (1 + 0.3275911 z), z = |x| / sqrt 2
    // (Abramowitz and Stegun 7.1.26, |error| <= 1.5e-7).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TLanes Tail, TLanes Density) HalfTail<TLanes>(TLanes magnitude) where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0), one = TLanes.Create(1), z = magnitude * TLanes.Create(0.70710678f);
        TLanes t = one / TLanes.MultiplyAdd(z, TLanes.Create(0.3275911f), one);
        TLanes p = TLanes.MultiplyAdd(TLanes.Create(0.5f * 1.061405429f), t, TLanes.Create(0.5f * -1.453152027f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * 1.421413741f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * -0.284496736f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * 0.254829592f));
        TLanes density = new Exponential<TLanes>().Power2(zero - z * z * TLanes.Create(1.44269504f));
        return (p * t * density, density);
    }

    // x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes GeluTanh<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => Logistic(x, TanhExponent(x));

    // x sigmoid(z), exponent = -log2(e) z.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Logistic<TLanes>(TLanes x, TLanes exponent) where TLanes : struct, ILanes<TLanes> =>
        x / (TLanes.Create(1) + new Exponential<TLanes>().Power2(AtMost(exponent, 120)));

    // -2 log2(e) u
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes TanhExponent<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        const float Scale = (float)(-2 * 1.4426950408889634 * 0.7978845608028654);
        return TLanes.MultiplyAdd(x * x, TLanes.Create(Scale * 0.044715f), TLanes.Create(Scale)) * x;
    }

    private static TLanes Tanh<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        // One lane at a time: only pooled rows come here, one a sequence.
        float* values = stackalloc float[TLanes.Count];
        x.Store(values);
        for (int i = 0; i < TLanes.Count; i++) { values[i] = MathF.Tanh(values[i]); }
        return TLanes.Load(values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AtMost<TLanes>(TLanes x, float limit) where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0);
        return zero - TLanes.Max(TLanes.Create(-limit), zero - x); // a NaN stays one
    }
}
