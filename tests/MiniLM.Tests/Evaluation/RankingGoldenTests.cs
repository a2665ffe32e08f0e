using System.Globalization;
using System.Text.Json;
using MiniLM.Data;
using MiniLM.Evaluation;

namespace MiniLM.Tests.Evaluation;

public sealed class RankingGoldenTests
{
    private const double Tolerance = 1e-12;

    private static JsonElement Json(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "metrics", "ranking", name))).RootElement;

    private static Dictionary<string, Dictionary<string, T>> Nested<T>(JsonElement json, Func<JsonElement, T> value) => json.EnumerateObject()
        .ToDictionary(query => query.Name, query => query.Value.EnumerateObject().ToDictionary(document => document.Name, document => value(document.Value)));

    /// <summary>The goldens' names of measures that trec_eval has not.</summary>
    private static string Name(string golden)
    {
        string k = golden[(golden.LastIndexOf('_') + 1)..];
        return golden.StartsWith("ndcg_exp_cut_", StringComparison.Ordinal) ? $"nDCG(dcg='exp-log2')@{k}"
            : golden.StartsWith("RR_", StringComparison.Ordinal) ? $"RR@{k}"
            : golden.StartsWith("judged_", StringComparison.Ordinal) ? $"Judged@{k}"
            : golden;
    }

    [Fact]
    public void Synthetic_EveryMeasureOfEveryCase()
    {
        int compared = 0;
        foreach (JsonElement golden in Json("synthetic.json").GetProperty("cases").EnumerateArray())
        {
            Dictionary<string, Dictionary<string, int>> qrels = Nested(golden.GetProperty("qrels"), grade => grade.GetInt32());
            Dictionary<string, Dictionary<string, double>> run = Nested(golden.GetProperty("run"), score => score.GetDouble());
            foreach (JsonProperty level in golden.GetProperty("levels").EnumerateObject())
            {
                RankingOptions options = new() { Level = int.Parse(level.Name, CultureInfo.InvariantCulture) };
                string[] names = [.. level.Value.GetProperty("mean").EnumerateObject().Select(measure => measure.Name)];
                RankingEvaluation both = RankingMetrics.Evaluate(qrels, run, names.Select(Name), options, TestContext.Current.CancellationToken);
                RankingEvaluation all = RankingMetrics.Evaluate(qrels, run, names.Select(Name), options with { AllQueries = true },
                    TestContext.Current.CancellationToken);
                string about = $"{golden.GetProperty("name")}, level {level.Name}";
                compared += AssertQueries(level.Value.GetProperty("per_query"), both, names, about);
                compared += AssertMeans(level.Value.GetProperty("mean"), both, names, about);
                compared += AssertMeans(level.Value.GetProperty("mean_over_all_judged_queries"), all, names, about + ", all");
            }
        }
        Assert.True(compared > 1000, $"only {compared}");
    }

    [Fact]
    public void PublishedRuns_EveryMeasure()
    {
        int compared = 0;
        foreach (JsonProperty golden in Json("dl19.json").EnumerateObject())
        {
            Qrels qrels = Qrels.Read(SharedFolder.Require(["data", .. golden.Value.GetProperty("qrels").GetString()!.Split('/')]));
            TrecRun run = TrecRun.Read(SharedFolder.Require(["data", .. golden.Value.GetProperty("run").GetString()!.Split('/')]));
            foreach (JsonProperty level in golden.Value.GetProperty("levels").EnumerateObject())
            {
                string[] names = [.. level.Value.GetProperty("mean").EnumerateObject().Select(measure => measure.Name)];
                RankingEvaluation evaluation = RankingEvaluation.Of(qrels, run, MeasureNames.Parse(names.Select(Name)),
                    new RankingOptions { Level = int.Parse(level.Name, CultureInfo.InvariantCulture) }, TestContext.Current.CancellationToken);
                compared += AssertQueries(level.Value.GetProperty("per_query"), evaluation, names, golden.Name);
                compared += AssertMeans(level.Value.GetProperty("mean"), evaluation, names, golden.Name);
            }
        }
        Assert.True(compared > 1000, $"only {compared}");
    }

    /// <summary>trec_eval's own test outputs; interpolated precision is version 9's and not looked at.</summary>
    [Theory]
    [InlineData("out.test", "qrels.test", "results.test", "official", 1, false, false)]
    [InlineData("out.test.a", "qrels.test", "results.test", "all_trec", 1, false, false)]
    [InlineData("out.test.aq", "qrels.test", "results.test", "all_trec", 1, true, false)]
    [InlineData("out.test.aqc", "qrels.test", "results.trunc", "all_trec", 1, true, true)]
    [InlineData("out.test.aql", "qrels.rel_level", "results.test", "all_trec,relstring.20", 2, true, false)]
    public void TrecEvalFormat_IsWhatTrecEvalPrints(string output, string judgements, string results, string measures, int level, bool perQuery, bool all)
    {
        Qrels qrels = Qrels.Read(SharedFolder.Require("data", "trec_eval", judgements));
        TrecRun run = TrecRun.Read(SharedFolder.Require("data", "trec_eval", results));
        RankingEvaluation evaluation = RankingEvaluation.Of(qrels, run,
            MeasureNames.Parse([measures]), new RankingOptions { Level = level, AllQueries = all }, TestContext.Current.CancellationToken);
        using StringWriter text = new() { NewLine = "\n" };
        TrecEvalFormat.Write(text, evaluation, qrels, run.Tag, perQuery, all);
        string[] expected = Lines(File.ReadAllText(SharedFolder.Require("data", "trec_eval", output)));
        Assert.NotEmpty(expected);
        Assert.Equal(expected, Lines(text.ToString()));

        static string[] Lines(string text) => [.. text.Split('\n').Where(line => !line.StartsWith("iprec", StringComparison.Ordinal)
            && !line.StartsWith("11pt", StringComparison.Ordinal))];
    }

    [Fact]
    public void RankBiasedOverlap_OfEveryCase()
    {
        int compared = 0;
        foreach (JsonElement golden in Json("rbo.json").GetProperty("cases").EnumerateArray())
        {
            (string[] a, string[] b, double p) = (Texts(golden.GetProperty("a")), Texts(golden.GetProperty("b")), golden.GetProperty("p").GetDouble());
            foreach ((string[] first, string[] second) in new[] { (a, b), (b, a) })
            {
                Assert.Equal(golden.GetProperty("rbo_ext").GetDouble(), RankBiasedOverlap.Extrapolated(first, second, p), Tolerance);
                Assert.Equal(golden.GetProperty("rbo_min_common_depth").GetDouble(), RankBiasedOverlap.LowerBound(first, second, p), Tolerance);
                compared++;
            }
        }
        Assert.NotEqual(0, compared);
    }

    [Fact]
    public void InformationRetrievalMeasures_OfEveryQueryAndDepth()
    {
        JsonElement golden = Json("st_retrieval_evaluator.json");
        Dictionary<string, List<InformationRetrievalMeasures>> byDepth = [];
        foreach (JsonElement query in golden.GetProperty("queries").EnumerateArray())
        {
            (string, double)[] hits = [.. query.GetProperty("hits").EnumerateArray().Select(hit => (hit[0].GetString()!, hit[1].GetDouble()))];
            HashSet<string> relevant = [.. Texts(query.GetProperty("relevant"))];
            foreach (JsonProperty depth in query.GetProperty("expected").GetProperty("map@k").EnumerateObject())
            {
                InformationRetrievalMeasures at = InformationRetrievalMeasures.At(hits, relevant, int.Parse(depth.Name, CultureInfo.InvariantCulture));
                AssertAt(query.GetProperty("expected"), depth.Name, at);
                if (!byDepth.TryGetValue(depth.Name, out List<InformationRetrievalMeasures>? all)) { byDepth.Add(depth.Name, all = []); }
                all.Add(at);
            }
        }
        Assert.NotEmpty(byDepth);
        foreach ((string depth, List<InformationRetrievalMeasures> all) in byDepth)
        {
            AssertAt(golden.GetProperty("mean"), depth, InformationRetrievalMeasures.Mean(all));
        }

        static void AssertAt(JsonElement expected, string depth, InformationRetrievalMeasures at)
        {
            foreach ((string measure, double value) in new[] { ("accuracy@k", at.Accuracy), ("precision@k", at.Precision), ("recall@k", at.Recall),
                ("ndcg@k", at.Ndcg), ("mrr@k", at.ReciprocalRank), ("map@k", at.AveragePrecision) })
            {
                Assert.Equal(expected.GetProperty(measure).GetProperty(depth).GetDouble(), value, Tolerance);
            }
        }
    }

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(text => text.GetString()!)];

    private static int AssertQueries(JsonElement golden, RankingEvaluation evaluation, string[] names, string about)
    {
        int compared = 0;
        Assert.Equal(golden.EnumerateObject().Select(query => query.Name).Order(StringComparer.Ordinal), evaluation.Queries.Order(StringComparer.Ordinal));
        for (int query = 0; query < evaluation.Queries.Count; query++)
        {
            JsonElement expected = golden.GetProperty(evaluation.Queries[query]);
            for (int measure = 0; measure < names.Length; measure++, compared++)
            {
                AssertNear(expected.GetProperty(names[measure]).GetDouble(), evaluation.Value(query, measure),
                    $"{about}, {evaluation.Queries[query]}, {names[measure]}");
            }
        }
        return compared;
    }

    private static int AssertMeans(JsonElement golden, RankingEvaluation evaluation, string[] names, string about)
    {
        for (int measure = 0; measure < names.Length; measure++)
        {
            AssertNear(golden.GetProperty(names[measure]).GetDouble(), evaluation.Mean(measure), $"{about}, mean, {names[measure]}");
        }
        return names.Length;
    }

    private static void AssertNear(double expected, double actual, string about) =>
        Assert.True(Math.Abs(expected - actual) <= Tolerance, string.Create(CultureInfo.InvariantCulture, $"{about}: {expected:r} expected, {actual:r}"));
}
