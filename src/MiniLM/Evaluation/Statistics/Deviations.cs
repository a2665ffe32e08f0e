namespace MiniLM.Evaluation.Statistics;

/// <summary>Deviations from the mean, in a second pass: sums of squares would cancel when the mean is large against them.</summary>
internal static class Deviations
{
    /// <summary>x - mean(x); all 0 for a constant x, whose mean may be rounded.</summary>
    internal static double[] Of(ReadOnlySpan<double> x)
    {
        double[] deviations = new double[x.Length];
        if (x.Length == 0 || x.IndexOfAnyExcept(x[0]) < 0) { return deviations; }
        double mean = PairwiseSum.Mean(x);
        for (int i = 0; i < x.Length; i++) { deviations[i] = x[i] - mean; }
        return deviations;
    }

    /// <summary>The standard deviation with n - 1; NaN of fewer than two values.</summary>
    internal static double Sample(ReadOnlySpan<double> x) => Math.Sqrt(Product(Of(x), Of(x)) / (x.Length - 1));

    /// <summary>Sum of products.</summary>
    internal static double Product(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++) { sum += x[i] * y[i]; }
        return sum;
    }
}
