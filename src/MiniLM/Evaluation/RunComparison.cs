using MiniLM.Evaluation.Statistics;

namespace MiniLM.Evaluation;

/// <summary>A run against another one, by a measure's values of the queries that both have.</summary>
/// <param name="Measure">Its name.</param>
/// <param name="Difference">Mean of the second run's value less the first one's.</param>
/// <param name="T">Of the paired t-test.</param>
/// <param name="P">Two-sided, of the t-test.</param>
/// <param name="RandomizationP">Of Fisher's randomisation test.</param>
/// <param name="Interval">Of the difference: 95 %, by the bootstrap's percentiles; NaN of one query, which says nothing of others.</param>
/// <param name="Wins">Queries in which the second run is better.</param>
/// <param name="Losses">Queries in which it is worse.</param>
/// <param name="Ties">Queries in which both are equal.</param>
internal sealed record RunComparison(
    string Measure, double Difference, double T, double P, double RandomizationP, (double Low, double High) Interval, int Wins, int Losses, int Ties)
{
    private const int Samples = 10_000;
    private const ulong Seed = 1;
    private const double Confidence = 0.95;

    /// <summary>P corrected by Holm for all the comparisons that are shown with this one.</summary>
    internal double HolmP { get; init; } = P;

    /// <summary>Compares by every measure whose run's value is the mean of its queries'.</summary>
    /// <param name="first">What is compared with.</param>
    /// <param name="second">What is compared; of the same measures.</param>
    /// <param name="report">Takes the measures so far, which are drawn samples of twice; null: nobody.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal static RunComparison[] Of(
        RankingEvaluation first, RankingEvaluation second, Action<int>? report = null, CancellationToken cancellation = default)
    {
        Dictionary<string, int> places = Enumerable.Range(0, second.Queries.Count).ToDictionary(query => second.Queries[query], StringComparer.Ordinal);
        (int First, int Second)[] pairs = [.. Enumerable.Range(0, first.Queries.Count).Where(query => places.ContainsKey(first.Queries[query]))
            .Select(query => (query, places[first.Queries[query]]))];
        int[] measures = [.. Enumerable.Range(0, first.Measures.Count)
            .Where(measure => pairs.Length > 0 && first.Definitions[measure].Summary == MeasureSummary.Mean)];
        double[][] differences = Array.ConvertAll(measures, measure =>
            Array.ConvertAll(pairs, pair => second.Value(pair.Second, measure) - first.Value(pair.First, measure)));
        RandomizationTest[] randomized = RandomizationTest.Of(differences, Samples, Seed, report, cancellation);
        BootstrapInterval[] drawn = BootstrapInterval.Of(differences, Samples, Seed, done => report?.Invoke(measures.Length + done), cancellation);
        return [.. measures.Select((measure, i) => Of(first.Measures[measure], differences[i], randomized[i], drawn[i]))];
    }

    /// <summary>Corrects the p-values of some lists of comparisons together.</summary>
    internal static RunComparison[][] Correct(RunComparison[][] lists)
    {
        double[] adjusted = HolmCorrection.Adjust([.. lists.SelectMany(list => list).Select(comparison => comparison.P)]);
        int next = 0;
        return Array.ConvertAll(lists, list => Array.ConvertAll(list, comparison => comparison with { HolmP = adjusted[next++] }));
    }

    private static RunComparison Of(string measure, double[] differences, RandomizationTest randomized, BootstrapInterval drawn)
    {
        PairedTTest test = PairedTTest.Of(differences);
        return new RunComparison(measure, test.MeanDifference, test.T, test.P, randomized.P,
            differences.Length > 1 ? drawn.Percentiles(Confidence) : (double.NaN, double.NaN),
            differences.Count(difference => difference > 0), differences.Count(difference => difference < 0), differences.Count(difference => difference == 0));
    }
}
