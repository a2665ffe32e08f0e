using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Evaluation.Statistics;

namespace MiniLM.Tests.Evaluation;

public sealed class RankingMetricsTests
{
    private static readonly Dictionary<string, Dictionary<string, int>> Judgements = new()
    {
        ["q2"] = new() { ["a"] = 1, ["b"] = 0 },
        ["q10"] = new() { ["a"] = 2, ["c"] = 1, ["d"] = -1 },
        ["q3"] = new() { ["a"] = 1, ["b"] = 1 },
    };

    private static readonly Dictionary<string, Dictionary<string, double>> Scores = new()
    {
        ["q2"] = new() { ["a"] = 1, ["b"] = 1, ["x"] = 0.5, ["y"] = 0.5 },
        ["q10"] = new() { ["a"] = 3, ["d"] = 3, ["x"] = 3, ["c"] = 0 },
        ["other"] = new() { ["a"] = 1, ["b"] = 1 },
    };

    private static RankingEvaluation Evaluate(string measures, RankingOptions? options = null) =>
        RankingMetrics.Evaluate(Judgements, Scores, [measures], options, TestContext.Current.CancellationToken);

    [Fact]
    public void Evaluate_RanksByScoreThenByTheGreaterId()
    {
        RankingEvaluation evaluation = Evaluate("RR,AP,num_rel,gm_map,num_q");
        Assert.Equal(["q10", "q2"], evaluation.Queries); // by bytes, as trec_eval prints them
        Assert.Equal(["RR", "AP", "num_rel", "gm_map", "num_q"], evaluation.Measures);
        Assert.Equal([1.0 / 3, 1.0 / 2], [evaluation.Value(0, 0), evaluation.Value(1, 0)]);
        Assert.Equal((1.0 / 3 + 1.0 / 2) / 2, evaluation.Mean(0), 1e-15);
        Assert.Equal(3, evaluation.Mean(2));
        Assert.Equal(Math.Sqrt((1.0 / 3 + 2.0 / 4) / 2 * 0.5), evaluation.Mean(3), 1e-15);
        Assert.Equal(2, evaluation.Mean(4));
    }

    [Fact]
    public void Ties_AreDocumentsOfJudgedQueriesThatShareAScore() => Assert.Equal(4 + 3, Evaluate("AP").Ties);

    [Fact]
    public void JudgedOnly_LeavesOutWhatIsNotJudged()
    {
        RankingEvaluation evaluation = Evaluate("RR,NumRet", new RankingOptions { JudgedOnly = true });
        Assert.Equal([1.0, 1.0 / 2], [evaluation.Value(0, 0), evaluation.Value(1, 0)]);
        Assert.Equal(4, evaluation.Mean(1));
        Assert.Equal(2, evaluation.Ties);
    }

    [Fact]
    public void AllQueries_CountsThoseThatTheRunHasNot()
    {
        RankingEvaluation evaluation = Evaluate("RR,num_rel,gm_map,num_q,NumRet", new RankingOptions { AllQueries = true });
        Assert.Equal(["q10", "q2", "q3"], evaluation.Queries);
        Assert.Equal((1.0 / 3 + 1.0 / 2) / 3, evaluation.Mean(0), 1e-15);
        Assert.Equal(3, evaluation.Mean(1)); // of the queries that the run has
        Assert.Equal(2, evaluation.Value(2, 1));
        Assert.Equal(Math.Exp((Math.Log(5.0 / 12) + Math.Log(0.5) + Math.Log(1e-5)) / 3), evaluation.Mean(2), 1e-15);
        Assert.Equal(3, evaluation.Mean(3));
        Assert.Equal(8, evaluation.Mean(4));
        Assert.Equal(7, evaluation.Ties);
    }

    [Fact]
    public void Level_IsTheLowestGradeOfARelevantDocument_UnlessTheMeasureNamesIts()
    {
        RankingEvaluation evaluation = Evaluate("NumRel,NumRel(rel=1)", new RankingOptions { Level = 2 });
        Assert.Equal([1.0, 3.0], [evaluation.Mean(0), evaluation.Mean(1)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => Evaluate("AP", new RankingOptions { Level = 0 }));
    }

    [Theory]
    [InlineData("q2", double.NaN, "query 'q2': the score of 'a' is NaN")]
    [InlineData("q", 1, "none of the run's queries is judged")]
    public void Evaluate_RefusesWhatCannotBeMeasured(string query, double score, string message)
    {
        Dictionary<string, Dictionary<string, double>> run = new() { [query] = new() { ["a"] = score } };
        Assert.Contains(message, Assert.Throws<ArgumentException>(() =>
            RankingMetrics.Evaluate(Judgements, run, ["AP"], cancellation: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void Cancellation_EndsAnEvaluation() => Assert.Throws<OperationCanceledException>(() =>
        RankingMetrics.Evaluate(Judgements, Scores, ["AP"], cancellation: new CancellationToken(canceled: true)));

    [Fact]
    public void Comparison_TakesTheQueriesThatBothRunsHave()
    {
        RankingEvaluation first = Evaluate("RR,num_ret,gm_map,relstring");
        RankingEvaluation second = RankingMetrics.Evaluate(Judgements, new Dictionary<string, Dictionary<string, double>>
        {
            ["q3"] = new() { ["x"] = 1 },
            ["q2"] = new() { ["a"] = 1 },
            ["q10"] = new() { ["x"] = 1, ["y"] = 0.5 },
        }, ["RR,num_ret,gm_map,relstring"], cancellation: TestContext.Current.CancellationToken);
        RunComparison comparison = Assert.Single(RunComparison.Of(first, second, cancellation: TestContext.Current.CancellationToken));
        Assert.Equal(("RR", 1, 1, 0), (comparison.Measure, comparison.Wins, comparison.Losses, comparison.Ties));
        Assert.Equal((-1.0 / 3 + 1.0 / 2) / 2, comparison.Difference, 1e-15);
        Assert.Equal(0.2, comparison.T, 1e-12); // mean 1/12, deviation 5/6 / sqrt 2
        Assert.Equal(1, comparison.RandomizationP); // both orders of 2 pairs
        Assert.Equal((-1.0 / 3, 1.0 / 2), comparison.Interval);
        RunComparison same = Assert.Single(RunComparison.Of(first, first, cancellation: TestContext.Current.CancellationToken));
        Assert.Equal((0, 0, 2), (same.Wins, same.Losses, same.Ties));
        Assert.True(double.IsNaN(same.T));
    }

    [Fact]
    public void Comparison_DrawsTenThousandSamplesFromSeedOne()
    {
        // Of so many queries not all swaps are looked at. The reciprocal ranks differ by 0 or 2/3.
        string[] queries = [.. Enumerable.Range(0, 20).Select(query => $"{query:D2}")];
        Dictionary<string, Dictionary<string, int>> qrels = queries.ToDictionary(query => query, _ => new Dictionary<string, int> { ["a"] = 1 });
        RankingEvaluation Of(Func<int, double> score) => RankingMetrics.Evaluate(qrels, Enumerable.Range(0, 20).ToDictionary(
            query => queries[query], query => new Dictionary<string, double> { ["a"] = score(query), ["x"] = 1, ["y"] = 2 }),
            ["RR"], cancellation: TestContext.Current.CancellationToken);
        RunComparison comparison = Assert.Single(
            RunComparison.Of(Of(_ => 0), Of(query => query % 3 == 0 ? 0 : 3), cancellation: TestContext.Current.CancellationToken));
        double[] differences = [.. Enumerable.Range(0, 20).Select(query => query % 3 == 0 ? 0 : 1 - 1 / 3.0)];
        Assert.Equal(RandomizationTest.Of([differences], 10_000, seed: 1)[0].P, comparison.RandomizationP);
        BootstrapInterval bootstrap = BootstrapInterval.Of([differences], 10_000, seed: 1)[0];
        Assert.Equal((bootstrap.Percentile((1 - 0.95) / 2), bootstrap.Percentile((1 + 0.95) / 2)), comparison.Interval);
    }

    [Fact]
    public void Comparison_OfOneQuery_HasNoInterval_AndReportsItsMeasures()
    {
        RankingEvaluation second = RankingMetrics.Evaluate(Judgements, new Dictionary<string, Dictionary<string, double>> { ["q2"] = new() { ["a"] = 1 } },
            ["RR,AP"], cancellation: TestContext.Current.CancellationToken);
        List<int> reported = [];
        RunComparison comparison = RunComparison.Of(Evaluate("RR,AP"), second, reported.Add, TestContext.Current.CancellationToken)[0];
        Assert.Equal((double.NaN, double.NaN), comparison.Interval);
        Assert.True(double.IsNaN(comparison.T) && double.IsNaN(comparison.P));
        Assert.Equal((1, 1), (comparison.RandomizationP, comparison.Wins + comparison.Losses + comparison.Ties));
        Assert.Equal([2, 4], reported);
    }

    [Fact]
    public void Comparison_OfRunsWithoutACommonQuery_IsEmpty()
    {
        RankingEvaluation second = RankingMetrics.Evaluate(Judgements, new Dictionary<string, Dictionary<string, double>> { ["q3"] = new() { ["a"] = 1 } },
            ["RR"], cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(RunComparison.Of(Evaluate("RR"), second, cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Correct_CountsAllComparisonsTogether()
    {
        RunComparison Of(double p) => new("AP", 0, 0, p, 0, default, 0, 0, 0);
        RunComparison[][] corrected = RunComparison.Correct([[Of(0.04)], [Of(0.01), Of(0.02)]]);
        Assert.Equal([0.04, 0.03, 0.04], corrected.SelectMany(list => list).Select(comparison => Math.Round(comparison.HolmP, 12)));
        Assert.Equal([1, 2], corrected.Select(list => list.Length));
    }

    [Fact]
    public void ScoreDistribution_CountsRelevantAndOtherDocumentsByScore()
    {
        Qrels qrels = new();
        qrels.Add("q", "a", 2);
        qrels.Add("q", "b", 1);
        TrecRun run = new();
        run.Add("q", "a", 4);
        run.Add("q", "b", 0);
        run.Add("q", "c", 0.1);
        run.Add("q", "d", double.PositiveInfinity);
        run.Add("unjudged", "a", 9);
        ScoreDistribution distribution = ScoreDistribution.Of(qrels, run, 2);
        Assert.Equal((0, 4), (distribution.Low, distribution.High));
        Assert.Equal((1, 1), (distribution.Relevant.Sum(), distribution.Relevant[39]));
        Assert.Equal((2, 1, 1), (distribution.Others.Sum(), distribution.Others[0], distribution.Others[1]));
        TrecRun equal = new();
        equal.Add("q", "a", 3);
        Assert.Equal(1, ScoreDistribution.Of(qrels, equal, 1).Relevant[0]);
    }
}
