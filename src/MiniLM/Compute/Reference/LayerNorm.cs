using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>Layer normalisation over the last axis: y = (x - mean) * rstd * gamma + beta (Ba et al. 2016, arXiv:1607.06450).</summary>
/// <remarks>x, y: [rows, hidden]; gamma, beta: [hidden]. Biased variance, as in BERT. y may be x.</remarks>
internal static class LayerNorm
{
    internal static void Forward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gamma, ReadOnlySpan<T> beta, T epsilon, Span<T> y)
        where T : IBinaryFloatingPointIeee754<T>
    {
        T hidden = T.CreateChecked(gamma.Length);
        for (int at = 0; at < x.Length; at += gamma.Length)
        {
            T sum = T.Zero, squares = T.Zero;
            // Counted from the first value: equal values then have exactly that mean, and give exactly beta.
            for (int i = 0; i < gamma.Length; i++) { sum += x[at + i] - x[at]; }
            T mean = x[at] + sum / hidden;
            for (int i = 0; i < gamma.Length; i++) { squares += (x[at + i] - mean) * (x[at + i] - mean); }
            T rstd = T.One / T.Sqrt(squares / hidden + epsilon);
            for (int i = 0; i < gamma.Length; i++) { y[at + i] = (x[at + i] - mean) * rstd * gamma[i] + beta[i]; }
        }
    }
}
