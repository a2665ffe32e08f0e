namespace MiniLM.Evaluation.Statistics;

/// <summary>Student's t-test of paired values: whether the mean of their differences is 0.</summary>
/// <param name="MeanDifference">Mean of the differences.</param>
/// <param name="Deviation">Their standard deviation, with n - 1.</param>
/// <param name="T">NaN when all differences are 0, infinite when all are another number.</param>
/// <param name="DegreesOfFreedom">n - 1.</param>
/// <param name="P">Two-sided.</param>
internal readonly record struct PairedTTest(double MeanDifference, double Deviation, double T, int DegreesOfFreedom, double P)
{
    /// <param name="differences">One a pair; fewer than two have neither deviation nor t: NaN.</param>
    internal static PairedTTest Of(ReadOnlySpan<double> differences)
    {
        int n = differences.Length;
        double mean = PairwiseSum.Mean(differences), deviation = Deviations.Sample(differences);
        double t = mean / (deviation / Math.Sqrt(n));
        return new PairedTTest(mean, deviation, t, n - 1, StudentT.TwoSided(t, n - 1));
    }

    /// <summary>The interval that holds the mean with a confidence of 0.95, say.</summary>
    internal (double Low, double High) Interval(double confidence)
    {
        double half = StudentT.Quantile(1 - confidence, DegreesOfFreedom) * Deviation / Math.Sqrt(DegreesOfFreedom + 1);
        return (MeanDifference - half, MeanDifference + half);
    }
}
