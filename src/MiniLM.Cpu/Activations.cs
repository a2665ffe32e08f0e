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

    /// <summary>y = f(x), and where they are asked for, slopes = f'(x): all that backward needs.</summary>
    /// <param name="activation">f.</param>
    /// <param name="x">[count].</param>
    /// <param name="y">[count]; may be x, if no slopes are asked for.</param>
    /// <param name="slopes">[count], may be x; or null.</param>
    /// <param name="count">Any.</param>
    internal static void Forward<TLanes>(Activation activation, float* x, float* y, float* slopes, int count) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(count >= 0 && ((x != null && y != null && y != slopes) || count == 0));
        switch (activation)
        {
            case Activation.Gelu: Forward<TLanes, Gelu>(x, y, slopes, count); break;
            case Activation.GeluTanh: Forward<TLanes, GeluTanh>(x, y, slopes, count); break;
            case Activation.Relu: Forward<TLanes, Relu>(x, y, slopes, count); break;
            case Activation.Silu: Forward<TLanes, Silu>(x, y, slopes, count); break;
            case Activation.QuickGelu: Forward<TLanes, QuickGelu>(x, y, slopes, count); break;
            case Activation.Tanh: Forward<TLanes, Tanh>(x, y, slopes, count); break;
            default: Forward<TLanes, Identity>(x, y, slopes, count); break;
        }
    }

    private static void Forward<TLanes, TFunction>(float* x, float* y, float* slopes, int count)
        where TLanes : struct, ILanes<TLanes> where TFunction : struct, IFunction
    {
        var exponential = new Exponential<TLanes>();
        int lanes = TLanes.Count, whole = count - count % lanes;
        for (int i = 0; i < whole; i += lanes)
        {
            TLanes at = TLanes.Load(x + i);
            if (slopes == null) { TFunction.Value(at, exponential).Store(y + i); continue; }
            (TLanes value, TLanes slope) = TFunction.WithSlope(at, exponential);
            value.Store(y + i);
            slope.Store(slopes + i);
        }
        if (whole < count) { Forward<Lanes1, TFunction>(x + whole, y + whole, slopes == null ? null : slopes + whole, count - whole); }
    }

    /// <summary>dy *= f'(x).</summary>
    /// <param name="slopes">[count]: f'(x).</param>
    /// <param name="dy">[count].</param>
    /// <param name="count">Any.</param>
    internal static void Backward(float* slopes, float* dy, int count)
    {
        Debug.Assert(count >= 0 && ((slopes != null && dy != null) || count == 0));
        int whole = count - count % Vector<float>.Count;
        for (int i = 0; i < whole; i += Vector<float>.Count) { (Vector.Load(dy + i) * Vector.Load(slopes + i)).Store(dy + i); }
        for (int i = whole; i < count; i++) { dy[i] *= slopes[i]; }
    }

    // A type, so that the loop over rows is compiled for each function.
    private interface IFunction
    {
        static abstract TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>;
        static abstract (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>;
    }

    private readonly struct Identity : IFunction
    {
        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> => x;

        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            (x, TLanes.Create(1));
    }

    private readonly struct Relu : IFunction
    {
        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            TLanes.Max(TLanes.Create(0), x);

        // 1 from the least positive float on, and NaN where x is.
        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>
        {
            TLanes value = Value(x, exponential);
            return (value, TLanes.Min(TLanes.Create(1), value * TLanes.Create(1e38f) * TLanes.Create(1e7f)));
        }
    }

    private readonly struct Gelu : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            WithSlope(x, exponential).Value;

        // max(x, 0) - |x| q with q = Phi(-|x|), so negative x does not cancel; the slope is Phi(x) + x phi(x), with Phi(x) = 1/2 + sign(x) (1/2 - q).
        // q = erfc(z) / 2, z = |x| / sqrt 2, erfc(z) = t (a1 + t (a2 + ...)) e^(-z^2), t = 1 / (1 + 0.3275911 z)
        // (Abramowitz and Stegun 7.1.26, |error| <= 1.5e-7).
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>
        {
            TLanes zero = TLanes.Create(0), one = TLanes.Create(1), half = TLanes.Create(0.5f);
            TLanes near = Near(x), magnitude = TLanes.Max(zero - near, near), z = magnitude * TLanes.Create(0.70710678f);
            TLanes t = one / TLanes.MultiplyAdd(z, TLanes.Create(0.3275911f), one);
            TLanes p = TLanes.MultiplyAdd(TLanes.Create(0.5f * 1.061405429f), t, TLanes.Create(0.5f * -1.453152027f));
            p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * 1.421413741f));
            p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * -0.284496736f));
            p = TLanes.MultiplyAdd(p, t, TLanes.Create(0.5f * 0.254829592f));
            TLanes density = exponential.Power2(zero - z * z * TLanes.Create(1.44269504f)), tail = p * t * density;
            return (TLanes.Max(zero, x) - magnitude * tail, half + TLanes.CopySign(half - tail, near) + near * density * TLanes.Create(0.39894228f));
        }
    }

    // x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3); 2 u' = 2 sqrt(2/pi) (1 + 3 0.044715 x^2).
    private readonly struct GeluTanh : IFunction
    {
        private const float Factor = 2 * 0.79788456f, Exponent = (float)(-2 * 1.4426950408889634 * 0.7978845608028654); // of -2 log2(e) u

        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            Logistic(x, Scaled(x), exponential);

        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>
        {
            TLanes near = Near(x), inner = TLanes.MultiplyAdd(near * near, TLanes.Create(3 * 0.044715f * Factor), TLanes.Create(Factor));
            return (Value(x, exponential), LogisticSlope(near, Scaled(near), inner, exponential));
        }

        private static TLanes Scaled<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
            TLanes.MultiplyAdd(x * x, TLanes.Create(Exponent * 0.044715f), TLanes.Create(Exponent)) * x;
    }

    private readonly struct Silu : IFunction
    {
        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            Logistic(x, x * TLanes.Create(SiluScale), exponential);

        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            (Value(x, exponential), SiluSlope(x, 1, exponential));
    }

    private readonly struct QuickGelu : IFunction
    {
        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            Logistic(x, x * TLanes.Create(QuickGeluScale), exponential);

        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
            (Value(x, exponential), SiluSlope(x, (float)QuickGeluFactor, exponential));
    }

    private readonly struct Tanh : IFunction
    {
        // One lane at a time: only pooled rows come here, one a sequence.
        public static TLanes Value<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>
        {
            float* values = stackalloc float[TLanes.Count];
            x.Store(values);
            for (int i = 0; i < TLanes.Count; i++) { values[i] = Of(values[i]); }
            return TLanes.Load(values);
        }

        public static (TLanes Value, TLanes Slope) WithSlope<TLanes>(TLanes x, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>
        {
            TLanes value = Value(x, exponential);
            return (value, TLanes.Create(1) - value * value);
        }

        // Not the C library's, so that every system gives the same bits: x + x^3 p(x^2) near 0 (Moshier, Cephes tanhf), beyond 1 - 2 / (e^(2|x|) + 1).
        private static float Of(float x)
        {
            float magnitude = MathF.Abs(x), square = x * x;
            if (magnitude < 0.625f)
            {
                float p = MathF.FusedMultiplyAdd(-5.70498872745e-3f, square, 2.06390887954e-2f);
                p = MathF.FusedMultiplyAdd(p, square, -5.37397155531e-2f);
                p = MathF.FusedMultiplyAdd(p, square, 1.33314422036e-1f);
                p = MathF.FusedMultiplyAdd(p, square, -3.33332819422e-1f);
                return MathF.FusedMultiplyAdd(p * square, x, x);
            }
            // From 10 on it rounds to 1.
            Lanes1 power = new Exponential<Lanes1>().Power2(Lanes1.Create(MathF.Min(magnitude, 10) * (2 * 1.44269504f)));
            return MathF.CopySign(1 - 2 / (power.Sum() + 1), x);
        }
    }

    // x sigmoid(z), exponent = -log2(e) z.
    private static TLanes Logistic<TLanes>(TLanes x, TLanes exponent, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes> =>
        x / (TLanes.Create(1) + exponential.Power2(AtMost(exponent, 120)));

    // s + x s (1 - s) z', s = sigmoid(z), exponent = -log2(e) z.
    private static TLanes LogisticSlope<TLanes>(TLanes x, TLanes exponent, TLanes inner, in Exponential<TLanes> exponential)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes one = TLanes.Create(1);
        TLanes power = exponential.Power2(AtMost(exponent, 120)), sigmoid = one / (one + power); // 1 - s = power s, without cancelling
        return sigmoid + x * sigmoid * (power * sigmoid) * inner;
    }

    private static TLanes SiluSlope<TLanes>(TLanes x, float factor, in Exponential<TLanes> exponential) where TLanes : struct, ILanes<TLanes>
    {
        TLanes near = Near(x);
        return LogisticSlope(near, near * TLanes.Create(factor * SiluScale), TLanes.Create(factor), exponential);
    }

    // Beyond, slopes are 0 or 1: squares must stay finite, and a density that is the least float must stay next to 0 times x.
    private static TLanes Near<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => AtMost(TLanes.Max(TLanes.Create(-1e6f), x), 1e6f);

    private static TLanes AtMost<TLanes>(TLanes x, float limit) where TLanes : struct, ILanes<TLanes> => TLanes.Min(TLanes.Create(limit), x); // a NaN stays one
}
