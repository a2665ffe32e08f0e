namespace MiniLM.Evaluation.Statistics;

/// <summary>Means of samples drawn with replacement (Efron 1979), and percentile intervals of them.</summary>
internal sealed class BootstrapInterval
{
    private readonly double[] _sorted;

    private BootstrapInterval(double[] means)
    {
        Means = means;
        _sorted = [.. means.Order()];
    }

    /// <summary>One a sample, in their order.</summary>
    internal double[] Means { get; }

    internal double Mean => PairwiseSum.Mean(Means);

    /// <summary>Standard deviation of the means, with n - 1.</summary>
    internal double Deviation => Deviations.Sample(Means);

    /// <summary>The share of means that are not above 0.</summary>
    internal double ShareNotPositive => (double)Means.Count(mean => mean <= 0) / Means.Length;

    /// <summary>Samples of a seed: one seed gives one result, everywhere.</summary>
    internal static BootstrapInterval Of(ReadOnlySpan<double> values, int samples, ulong seed, CancellationToken cancellation = default)
    {
        SplitMix64 random = new(seed);
        int n = values.Length;
        return Of(values, samples, (_, _) => random.Next(n), cancellation);
    }

    /// <summary>The samples of a matrix.</summary>
    /// <param name="values">[n].</param>
    /// <param name="indices">[samples, n]: which values a sample takes.</param>
    internal static BootstrapInterval Of(ReadOnlySpan<double> values, int[] indices)
    {
        int n = values.Length;
        return Of(values, indices.Length / n, (sample, i) => indices[sample * n + i], CancellationToken.None);
    }

    private static BootstrapInterval Of(ReadOnlySpan<double> values, int samples, Func<int, int, int> index, CancellationToken cancellation)
    {
        double[] means = new double[samples], drawn = new double[values.Length];
        for (int sample = 0; sample < samples; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int i = 0; i < drawn.Length; i++) { drawn[i] = values[index(sample, i)]; }
            means[sample] = PairwiseSum.Mean(drawn);
        }
        return new BootstrapInterval(means);
    }

    /// <summary>The percentile interval of a confidence: for 0.95 from the 2.5th to the 97.5th percentile.</summary>
    internal (double Low, double High) Percentiles(double confidence) => (Percentile((1 - confidence) / 2), Percentile((1 + confidence) / 2));

    /// <summary>Between the order statistics around (n - 1) q, linearly.</summary>
    internal double Percentile(double q)
    {
        double position = (_sorted.Length - 1) * q;
        int below = (int)position, above = Math.Min(below + 1, _sorted.Length - 1);
        return _sorted[below] + (position - below) * (_sorted[above] - _sorted[below]);
    }
}
