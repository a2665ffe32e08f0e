using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>Layer normalisation over the last axis: y = (x - mean) * rstd * gamma + beta (Ba et al. 2016, arXiv:1607.06450).</summary>
/// <remarks>x, y: [rows, hidden]; gamma, beta: [hidden]. Biased variance, as in BERT. y may be x.</remarks>
internal static class LayerNorm
{
    internal static void Forward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gamma, ReadOnlySpan<T> beta, T epsilon, Span<T> y)
        where T : IBinaryFloatingPointIeee754<T>
    {
        for (int at = 0; at < x.Length; at += gamma.Length)
        {
            (T mean, T rstd) = Statistics(x.Slice(at, gamma.Length), epsilon);
            for (int i = 0; i < gamma.Length; i++) { y[at + i] = (x[at + i] - mean) * rstd * gamma[i] + beta[i]; }
        }
    }

    /// <summary>With n = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - n mean(g n)); dGamma += sum of dy n; dBeta += sum of dy.</summary>
    /// <remarks>x: what was normalised; dx may be dy.</remarks>
    internal static void Backward<T>(
        ReadOnlySpan<T> x, ReadOnlySpan<T> gamma, T epsilon, ReadOnlySpan<T> dy, Span<T> dx, Span<T> dGamma, Span<T> dBeta)
        where T : IBinaryFloatingPointIeee754<T>
    {
        T hidden = T.CreateChecked(gamma.Length);
        for (int at = 0; at < x.Length; at += gamma.Length)
        {
            (T mean, T rstd) = Statistics(x.Slice(at, gamma.Length), epsilon);
            T sum = T.Zero, projection = T.Zero;
            for (int i = 0; i < gamma.Length; i++)
            {
                T normalised = (x[at + i] - mean) * rstd, gradient = dy[at + i] * gamma[i];
                dGamma[i] += dy[at + i] * normalised;
                dBeta[i] += dy[at + i];
                sum += gradient;
                projection += gradient * normalised;
            }
            for (int i = 0; i < gamma.Length; i++)
            {
                T normalised = (x[at + i] - mean) * rstd;
                dx[at + i] = rstd * (dy[at + i] * gamma[i] - sum / hidden - normalised * (projection / hidden));
            }
        }
    }

    private static (T Mean, T Rstd) Statistics<T>(ReadOnlySpan<T> row, T epsilon) where T : IBinaryFloatingPointIeee754<T>
    {
        T width = T.CreateChecked(row.Length), sum = T.Zero, squares = T.Zero;
        // Counted from the first value: equal values then have exactly that mean, and give exactly beta.
        foreach (T value in row) { sum += value - row[0]; }
        T mean = row[0] + sum / width;
        foreach (T value in row) { squares += (value - mean) * (value - mean); }
        return (mean, T.One / T.Sqrt(squares / width + epsilon));
    }
}
