using System.Runtime.Intrinsics;

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

    /// <summary>Gives the pairs of a sample -1 where they are swapped, else 1.</summary>
    private delegate void Draw(int sample, Span<double> signs);

    /// <summary>The share that is as extreme; of a sample one is added to both counts, since the observed assignment is one of them.</summary>
    internal double P => IsExact ? (double)AtLeastAsExtreme / Assignments : (AtLeastAsExtreme + 1.0) / (Assignments + 1);

    /// <summary>The share of the sample alone: 0 when nothing was as extreme.</summary>
    internal double Share => (double)AtLeastAsExtreme / Assignments;

    /// <summary>All swaps of up to <see cref="MaxExact"/> pairs, else a sample, the same for every measure.</summary>
    /// <param name="differences">A measure's, one a pair; of one length.</param>
    /// <param name="samples">Swaps of a sample.</param>
    /// <param name="seed">Of the sample: one seed gives one result, everywhere.</param>
    /// <param name="report">Takes the measures so far; null: nobody.</param>
    /// <param name="cancellation">Looked at once a swap.</param>
    /// <returns>One a measure.</returns>
    internal static RandomizationTest[] Of(
        double[][] differences, int samples, ulong seed, Action<int>? report = null, CancellationToken cancellation = default)
    {
        int n = differences.Length == 0 ? 0 : differences[0].Length;
        return n <= MaxExact ? Count(differences, 1 << n, isExact: true, () => All, report, cancellation)
            : Count(differences, samples, isExact: false, () => Random(new SplitMix64(seed)), report, cancellation);

        static void All(int assignment, Span<double> signs)
        {
            for (int pair = 0; pair < signs.Length; pair++) { signs[pair] = (assignment >> pair & 1) != 0 ? -1 : 1; }
        }

        static Draw Random(SplitMix64 random) => (_, signs) =>
        {
            foreach (ref double sign in signs) { sign = random.Next(2) != 0 ? -1 : 1; }
        };
    }

    /// <summary>The swaps of a matrix.</summary>
    /// <param name="differences">[n].</param>
    /// <param name="swaps">[samples, n]: other than 0 swaps the pair, which turns the sign of its difference.</param>
    internal static RandomizationTest Of(double[] differences, byte[] swaps) =>
        Count([differences], swaps.Length / differences.Length, isExact: false, () => (sample, signs) =>
        {
            for (int pair = 0; pair < signs.Length; pair++) { signs[pair] = swaps[sample * signs.Length + pair] != 0 ? -1 : 1; }
        }, null, CancellationToken.None)[0];

    // Every block of measures draws anew, the same: drawing again takes less than keeping all that was drawn.
    private static RandomizationTest[] Count(
        double[][] differences, int assignments, bool isExact, Func<Draw> start, Action<int>? report, CancellationToken cancellation)
    {
        RandomizationTest[] tests = new RandomizationTest[differences.Length];
        double[] signs = new double[differences.Length == 0 ? 0 : differences[0].Length];
        foreach ((int first, MeasureRow[] rows) in MeasureRow.Blocks(differences))
        {
            Draw draw = start();
            Vector512<double> observed = Vector512.Abs(PairwiseSum.Of<MeasureRow>(rows).Values);
            Vector512<long> extreme = Vector512<long>.Zero;
            for (int assignment = 0; assignment < assignments; assignment++)
            {
                cancellation.ThrowIfCancellationRequested();
                draw(assignment, signs);
                Vector512<double> sum = Vector512<double>.Zero;
                for (int pair = 0; pair < rows.Length; pair++) { sum += rows[pair].Values * signs[pair]; }
                extreme -= Vector512.GreaterThanOrEqual(Vector512.Abs(sum), observed - Vector512.Create(Rounding)).AsInt64(); // -1 where it is
            }
            int end = Math.Min(tests.Length, first + MeasureRow.Width);
            for (int measure = first; measure < end; measure++) { tests[measure] = new RandomizationTest(assignments, (int)extreme[measure - first], isExact); }
            report?.Invoke(end);
        }
        return tests;
    }
}
