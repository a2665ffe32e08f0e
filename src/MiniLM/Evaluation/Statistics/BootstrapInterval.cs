using System.Runtime.Intrinsics;

namespace MiniLM.Evaluation.Statistics;

/// <summary>Means of samples drawn with replacement (Efron 1979), and percentile intervals of them.</summary>
internal sealed class BootstrapInterval
{
    private readonly double[] _sorted;

    /// <summary>Gives the places of a sample's values.</summary>
    private delegate void Draw(int sample, Span<int> indices);

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

    /// <summary>Samples of a seed, the same for every measure: one seed gives one result, everywhere.</summary>
    /// <param name="values">A measure's; of one length.</param>
    /// <param name="samples">Number of samples.</param>
    /// <param name="seed">Of the samples.</param>
    /// <param name="report">Takes the measures so far; null: nobody.</param>
    /// <param name="cancellation">Looked at once a sample.</param>
    /// <returns>One a measure.</returns>
    internal static BootstrapInterval[] Of(
        double[][] values, int samples, ulong seed, Action<int>? report = null, CancellationToken cancellation = default) => Of(values, samples, () =>
    {
        SplitMix64 random = new(seed);
        return (_, indices) =>
        {
            foreach (ref int index in indices) { index = random.Next(indices.Length); }
        };
    }, report, cancellation);

    /// <summary>The samples of a matrix.</summary>
    /// <param name="values">[n].</param>
    /// <param name="indices">[samples, n]: which values a sample takes.</param>
    internal static BootstrapInterval Of(double[] values, int[] indices)
    {
        int n = values.Length;
        return Of([values], indices.Length / n, () => (sample, drawn) => indices.AsSpan(sample * n, n).CopyTo(drawn), null, CancellationToken.None)[0];
    }

    private static BootstrapInterval[] Of(double[][] values, int samples, Func<Draw> start, Action<int>? report, CancellationToken cancellation)
    {
        double[][] means = Array.ConvertAll(values, _ => new double[samples]);
        foreach ((int first, MeasureRow[] rows) in MeasureRow.Blocks(values))
        {
            Draw draw = start();
            int[] indices = new int[rows.Length];
            MeasureRow[] drawn = new MeasureRow[rows.Length];
            int end = Math.Min(means.Length, first + MeasureRow.Width);
            for (int sample = 0; sample < samples; sample++)
            {
                cancellation.ThrowIfCancellationRequested();
                draw(sample, indices);
                for (int i = 0; i < drawn.Length; i++) { drawn[i] = rows[indices[i]]; }
                Vector512<double> mean = PairwiseSum.Of<MeasureRow>(drawn).Values / rows.Length;
                for (int measure = first; measure < end; measure++) { means[measure][sample] = mean[measure - first]; }
            }
            report?.Invoke(end);
        }
        return Array.ConvertAll(means, of => new BootstrapInterval(of));
    }

    /// <summary>The percentile interval of a confidence: for 0.95 from the 2.5th to the 97.5th percentile.</summary>
    internal (double Low, double High) Percentiles(double confidence) => (Percentile((1 - confidence) / 2), Percentile((1 + confidence) / 2));

    internal double Percentile(double q) => Quantile.Of(_sorted, q);
}
