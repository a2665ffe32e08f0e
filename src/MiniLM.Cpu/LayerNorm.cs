using System.Diagnostics;

namespace MiniLM.Cpu;

/// <summary>Layer normalisation of one row. Formula: <see cref="Compute.Reference.LayerNorm"/>.</summary>
/// <remarks>Three passes over a row that stays in L1: half a percent of a layer's time.</remarks>
internal static unsafe class LayerNorm
{
    /// <param name="x">[width].</param>
    /// <param name="gamma">[width].</param>
    /// <param name="beta">[width].</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="y">[width]; may be x.</param>
    /// <param name="width">Any.</param>
    internal static void Forward<TLanes>(float* x, float* gamma, float* beta, float epsilon, float* y, int width) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(width > 0 && epsilon >= 0 && x != null && gamma != null && beta != null && y != null);
        (float mean, float rstd) = Statistics<TLanes>(x, epsilon, width);
        int lanes = TLanes.Count, whole = width - width % (4 * lanes);
        TLanes center = TLanes.Create(mean), scale = TLanes.Create(rstd);
        for (int i = 0; i < whole; i += lanes)
        {
            TLanes.MultiplyAdd((TLanes.Load(x + i) - center) * scale, TLanes.Load(gamma + i), TLanes.Load(beta + i)).Store(y + i);
        }
        for (int i = whole; i < width; i++) { y[i] = MathF.FusedMultiplyAdd((x[i] - mean) * rstd, gamma[i], beta[i]); }
    }

    private static (float Mean, float Rstd) Statistics<TLanes>(float* x, float epsilon, int width) where TLanes : struct, ILanes<TLanes>
    {
        int lanes = TLanes.Count, whole = width - width % (4 * lanes); // four sums in flight hide the latency of an add
        float origin = x[0]; // equal values must have exactly that mean
        TLanes s0 = TLanes.Create(0), s1 = s0, s2 = s0, s3 = s0, center = TLanes.Create(origin);
        for (int i = 0; i < whole; i += 4 * lanes)
        {
            s0 += TLanes.Load(x + i) - center;
            s1 += TLanes.Load(x + i + lanes) - center;
            s2 += TLanes.Load(x + i + 2 * lanes) - center;
            s3 += TLanes.Load(x + i + 3 * lanes) - center;
        }
        float sum = (s0 + s1 + (s2 + s3)).Sum();
        for (int i = whole; i < width; i++) { sum += x[i] - origin; }
        float mean = origin + sum / width;

        // A second pass, not E[x*x] - mean*mean: that cancels when |mean| is large against the deviation.
        center = TLanes.Create(mean);
        s0 = s1 = s2 = s3 = TLanes.Create(0);
        for (int i = 0; i < whole; i += 4 * lanes)
        {
            TLanes a = TLanes.Load(x + i) - center, b = TLanes.Load(x + i + lanes) - center;
            TLanes c = TLanes.Load(x + i + 2 * lanes) - center, d = TLanes.Load(x + i + 3 * lanes) - center;
            s0 = TLanes.MultiplyAdd(a, a, s0);
            s1 = TLanes.MultiplyAdd(b, b, s1);
            s2 = TLanes.MultiplyAdd(c, c, s2);
            s3 = TLanes.MultiplyAdd(d, d, s3);
        }
        float squares = (s0 + s1 + (s2 + s3)).Sum();
        for (int i = whole; i < width; i++) { squares += (x[i] - mean) * (x[i] - mean); }
        return (mean, 1 / MathF.Sqrt(squares / width + epsilon));
    }

    /// <summary>dx of one row; its parts of dGamma and dBeta are added. Formula: <see cref="Compute.Reference.LayerNorm"/>.</summary>
    /// <param name="x">[width]: what was normalised.</param>
    /// <param name="gamma">[width].</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="d">[width]: dy, then dx.</param>
    /// <param name="dGamma">[width].</param>
    /// <param name="dBeta">[width].</param>
    /// <param name="width">Any.</param>
    internal static void Backward<TLanes>(float* x, float* gamma, float epsilon, float* d, float* dGamma, float* dBeta, int width)
        where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(width > 0 && epsilon >= 0 && x != null && gamma != null && d != null && dGamma != null && dBeta != null);
        (float mean, float rstd) = Statistics<TLanes>(x, epsilon, width);
        int lanes = TLanes.Count, whole = width - width % lanes;
        TLanes center = TLanes.Create(mean), scale = TLanes.Create(rstd), sums = TLanes.Create(0), projections = sums;
        for (int i = 0; i < whole; i += lanes)
        {
            TLanes dy = TLanes.Load(d + i), normalised = (TLanes.Load(x + i) - center) * scale, gradient = dy * TLanes.Load(gamma + i);
            TLanes.MultiplyAdd(dy, normalised, TLanes.Load(dGamma + i)).Store(dGamma + i);
            (TLanes.Load(dBeta + i) + dy).Store(dBeta + i);
            sums += gradient;
            projections = TLanes.MultiplyAdd(gradient, normalised, projections);
        }
        float sum = sums.Sum(), projection = projections.Sum();
        for (int i = whole; i < width; i++)
        {
            float normalised = (x[i] - mean) * rstd, gradient = d[i] * gamma[i];
            dGamma[i] += d[i] * normalised;
            dBeta[i] += d[i];
            sum += gradient;
            projection += gradient * normalised;
        }
        TLanes average = TLanes.Create(sum / width), along = TLanes.Create(projection / width);
        for (int i = 0; i < whole; i += lanes)
        {
            TLanes normalised = (TLanes.Load(x + i) - center) * scale;
            ((TLanes.Load(d + i) * TLanes.Load(gamma + i) - average - normalised * along) * scale).Store(d + i);
        }
        for (int i = whole; i < width; i++) { d[i] = (d[i] * gamma[i] - sum / width - (x[i] - mean) * rstd * (projection / width)) * rstd; }
    }
}
