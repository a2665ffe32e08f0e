namespace MiniLM.Evaluation.Statistics;

/// <summary>p-values of several tests, corrected by Holm's step-down method (1979): the family-wise error is held without assumptions.</summary>
internal static class HolmCorrection
{
    /// <summary>Adjusted p-values in the order given: the i-th smallest of m times m - i + 1, at most 1, never below a smaller one's. NaN stays NaN
    /// and is no test.</summary>
    internal static double[] Adjust(ReadOnlySpan<double> p)
    {
        double[] adjusted = p.ToArray();
        int[] order = [.. Enumerable.Range(0, adjusted.Length).Where(i => !double.IsNaN(adjusted[i])).OrderBy(i => adjusted[i])];
        double least = 0;
        for (int i = 0; i < order.Length; i++)
        {
            least = Math.Max(least, Math.Min(1, (order.Length - i) * adjusted[order[i]]));
            adjusted[order[i]] = least;
        }
        return adjusted;
    }
}
