namespace MiniLM.Evaluation.Statistics;

/// <summary>Ranks from 1 up; equal values share the mean of their ranks.</summary>
internal static class AverageRanks
{
    internal static double[] Of(ReadOnlySpan<double> values) => Of(values, out _);

    /// <param name="values">Without NaN.</param>
    /// <param name="ties">Sum of t^3 - t over groups of t equal values, which corrections for ties take.</param>
    internal static double[] Of(ReadOnlySpan<double> values, out double ties)
    {
        double[] sorted = values.ToArray(), ranks = new double[sorted.Length];
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        ties = 0;
        for (int start = 0, end; start < sorted.Length; start = end)
        {
            for (end = start + 1; end < sorted.Length && sorted[end] == sorted[start]; end++) { }
            double count = end - start;
            ties += count * count * count - count;
            for (int i = start; i < end; i++) { ranks[order[i]] = (start + 1 + end) / 2.0; }
        }
        return ranks;
    }
}
