namespace MiniLM.Evaluation.Statistics;

/// <summary>Fisher's randomisation test of paired values: how often a swap of some pairs gives a sum of differences as extreme.</summary>
/// <param name="Assignments">Swaps looked at.</param>
/// <param name="AtLeastAsExtreme">Those with |sum| >= |observed sum| - 1e-12.</param>
/// <param name="IsExact">Whether all 2^n were looked at.</param>
internal readonly record struct RandomizationTest(int Assignments, int AtLeastAsExtreme, bool IsExact)
{
    /// <summary>Most pairs whose swaps are all looked at.</summary>
    internal const int MaxExact = 12;

    private const double Rounding = 1e-12;

    /// <summary>The share that is as extreme; of a sample one is added to both counts, since the observed assignment is one of them.</summary>
    internal double P => IsExact ? (double)AtLeastAsExtreme / Assignments : (AtLeastAsExtreme + 1.0) / (Assignments + 1);

    /// <summary>The share of the sample alone: 0 when nothing was as extreme.</summary>
    internal double Share => (double)AtLeastAsExtreme / Assignments;

    /// <summary>All swaps of up to <see cref="MaxExact"/> pairs, else a sample.</summary>
    /// <param name="differences">One a pair.</param>
    /// <param name="samples">Swaps of a sample.</param>
    /// <param name="seed">Of the sample: one seed gives one result, everywhere.</param>
    /// <param name="cancellation">Looked at once a swap.</param>
    internal static RandomizationTest Of(ReadOnlySpan<double> differences, int samples, ulong seed, CancellationToken cancellation = default)
    {
        int n = differences.Length;
        if (n <= MaxExact) { return Count(differences, 1 << n, isExact: true, (assignment, pair) => (assignment >> pair & 1) != 0, cancellation); }
        SplitMix64 random = new(seed);
        return Count(differences, samples, isExact: false, (_, _) => random.Next(2) != 0, cancellation);
    }

    /// <summary>The swaps of a matrix.</summary>
    /// <param name="differences">[n].</param>
    /// <param name="swaps">[samples, n]: other than 0 swaps the pair, which turns the sign of its difference.</param>
    internal static RandomizationTest Of(ReadOnlySpan<double> differences, byte[] swaps)
    {
        int n = differences.Length;
        return Count(differences, swaps.Length / n, isExact: false, (sample, pair) => swaps[sample * n + pair] != 0, CancellationToken.None);
    }

    private static RandomizationTest Count(
        ReadOnlySpan<double> differences, int assignments, bool isExact, Func<int, int, bool> isSwapped, CancellationToken cancellation)
    {
        double observed = Math.Abs(PairwiseSum.Of(differences));
        int extreme = 0;
        for (int assignment = 0; assignment < assignments; assignment++)
        {
            cancellation.ThrowIfCancellationRequested();
            double sum = 0;
            for (int pair = 0; pair < differences.Length; pair++) { sum += isSwapped(assignment, pair) ? -differences[pair] : differences[pair]; }
            if (Math.Abs(sum) >= observed - Rounding) { extreme++; }
        }
        return new RandomizationTest(assignments, extreme, isExact);
    }
}
