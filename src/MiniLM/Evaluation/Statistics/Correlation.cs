namespace MiniLM.Evaluation.Statistics;

/// <summary>Correlations of paired values; NaN for a constant input.</summary>
internal static class Correlation
{
    /// <summary>Pearson's r, from deviations of the means.</summary>
    internal static double Pearson(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double[] dx = Deviations.Of(Scaled(x)), dy = Deviations.Of(Scaled(y));
        double r = Deviations.Product(dx, dy) / (Math.Sqrt(Deviations.Product(dx, dx)) * Math.Sqrt(Deviations.Product(dy, dy)));
        return Math.Clamp(r, -1, 1); // rounding may pass 1
    }

    // By a power of two, which changes no other bit: squares of numbers near the ends of the range would leave it.
    private static double[] Scaled(ReadOnlySpan<double> values)
    {
        double greatest = 0;
        foreach (double value in values) { greatest = Math.Max(greatest, Math.Abs(value)); }
        int exponent = greatest == 0 || !double.IsFinite(greatest) ? 0 : -Math.ILogB(greatest);
        double[] scaled = values.ToArray();
        for (int i = 0; i < scaled.Length; i++) { scaled[i] = Math.ScaleB(scaled[i], exponent); }
        return scaled;
    }

    /// <summary>Spearman's rho: Pearson's r of the average ranks.</summary>
    internal static double Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y) => Pearson(AverageRanks.Of(x), AverageRanks.Of(y));

    /// <summary>The two-sided p of no correlation, by Student's t with n - 2; NaN of fewer than three pairs.</summary>
    internal static double P(double r, int pairs)
    {
        int df = pairs - 2;
        return StudentT.TwoSided(r * Math.Sqrt(df / ((1 - r) * (1 + r))), df);
    }

    /// <summary>Kendall's tau-b = (concordant - discordant) / sqrt((n0 - tied in x) (n0 - tied in y)), n0 = n (n - 1) / 2, by Knight's sort (1966).</summary>
    internal static double KendallTauB(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        (double X, double Y)[] pairs = new (double, double)[x.Length];
        for (int i = 0; i < pairs.Length; i++) { pairs[i] = (x[i], y[i]); }
        Array.Sort(pairs);
        double[] second = Array.ConvertAll(pairs, pair => pair.Y);
        long tiedX = Ties(Array.ConvertAll(pairs, pair => pair.X)), tiedBoth = Ties(pairs);
        long discordant = SortCounting(second, new double[second.Length]), tiedY = Ties(second); // which is sorted now
        long all = (long)x.Length * (x.Length - 1) / 2;
        return (all - tiedX - tiedY + tiedBoth - 2 * discordant) / (Math.Sqrt(all - tiedX) * Math.Sqrt(all - tiedY));
    }

    /// <summary>Pairs of equal values of a sorted list.</summary>
    private static long Ties<T>(T[] sorted) where T : IEquatable<T>
    {
        long pairs = 0, run = 0;
        for (int i = 1; i < sorted.Length; i++)
        {
            run = sorted[i].Equals(sorted[i - 1]) ? run + 1 : 0;
            pairs += run;
        }
        return pairs;
    }

    /// <summary>Sorts by merging; gives the number of pairs that stood in the wrong order.</summary>
    private static long SortCounting(Span<double> values, Span<double> scratch)
    {
        if (values.Length < 2) { return 0; }
        int half = values.Length / 2;
        long swaps = SortCounting(values[..half], scratch) + SortCounting(values[half..], scratch);
        for (int left = 0, right = half, to = 0; to < values.Length; to++)
        {
            if (left < half && (right == values.Length || values[left] <= values[right])) { scratch[to] = values[left++]; }
            else
            {
                scratch[to] = values[right++];
                swaps += half - left;
            }
        }
        scratch[..values.Length].CopyTo(values);
        return swaps;
    }
}
