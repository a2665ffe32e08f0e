using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>p = exp(s - max) / sum, in place over one row; the maximum is taken off first, so no score overflows.</summary>
internal static class Softmax
{
    internal static void Forward<T>(Span<T> scores) where T : IBinaryFloatingPointIeee754<T>
    {
        T max = T.NegativeInfinity, sum = T.Zero;
        foreach (T score in scores) { max = T.Max(max, score); }
        foreach (ref T score in scores) { sum += score = T.Exp(score - max); }
        foreach (ref T score in scores) { score /= sum; }
    }

    /// <summary>ds = p (dp - sum of p dp), in place over one row of dp.</summary>
    internal static void Backward<T>(ReadOnlySpan<T> p, Span<T> dp) where T : IBinaryFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int i = 0; i < p.Length; i++) { sum += p[i] * dp[i]; }
        for (int i = 0; i < p.Length; i++) { dp[i] = p[i] * (dp[i] - sum); }
    }
}
