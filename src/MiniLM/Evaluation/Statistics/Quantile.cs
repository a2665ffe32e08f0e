namespace MiniLM.Evaluation.Statistics;

/// <summary>Quantiles of sorted values, between the order statistics around (n - 1) q, linearly: the default of numpy and torch.</summary>
internal static class Quantile
{
    /// <param name="sorted">Ascending.</param>
    /// <param name="q">0 to 1.</param>
    /// <returns>NaN of no values.</returns>
    internal static double Of(ReadOnlySpan<double> sorted, double q)
    {
        if (sorted.IsEmpty) { return double.NaN; }
        double position = (sorted.Length - 1) * q;
        int below = (int)position, above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
