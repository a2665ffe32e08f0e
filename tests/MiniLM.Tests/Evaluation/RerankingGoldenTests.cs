using System.Text.Json;
using MiniLM.Evaluation;
using static MiniLM.Tests.Evaluation.MetricsGolden;

namespace MiniLM.Tests.Evaluation;

/// <summary>Numbers of mteb and sentence-transformers for lists, and of CheckThat's scorer.</summary>
public sealed class RerankingGoldenTests
{
    [Fact]
    public void Lists_AreMtebs()
    {
        JsonElement golden = Json("ranking", "reranking.json");
        RerankingMeasures all = new();
        foreach (JsonElement sample in golden.GetProperty("samples").EnumerateArray())
        {
            double[][] rows = [.. sample.GetProperty("scores").EnumerateArray().Select(row => row.EnumerateArray().Select(Number).ToArray())];
            int positives = sample.GetProperty("positives").GetInt32();
            double[] scores = [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Max(row => row[i]))];
            ScoredLabels list = new(scores, [.. scores.Select((_, i) => i < positives)]);
            string name = sample.GetProperty("name").GetString()!;
            AssertClose(Number(sample, "ap"), list.AveragePrecision, $"{name}: ap", 1e-12);
            AssertClose(Number(sample, "mrr@10"), RerankingMeasures.ReciprocalRank(list, 10), $"{name}: mrr", 1e-12);
            AssertClose(Number(sample, "ndcg@10"), RerankingMeasures.Ndcg(list, 10), $"{name}: ndcg", 1e-12);
            all.Add(list);
        }
        Assert.True(all.Lists > 0, "no lists");
        all.Add(new ScoredLabels([1, 2], [true, true]));
        JsonElement mean = golden.GetProperty("mean");
        AssertClose(Number(mean, "map"), all.Map, "map", 1e-12);
        AssertClose(Number(mean, "mrr@10"), all.MrrAt(10), "mrr", 1e-12);
        AssertClose(Number(mean, "ndcg@10"), all.NdcgAt(10), "ndcg", 1e-12);
    }

    [Fact]
    public void FirstStageReranking_IsSentenceTransformers()
    {
        JsonElement golden = Json("ranking", "reranking.json");
        int compared = 0;
        foreach (JsonElement result in golden.GetProperty("cross_encoder_results").EnumerateArray())
        {
            FirstStageReranking reranking = new(result.GetProperty("always_rerank_positives").GetBoolean());
            foreach (JsonElement sample in golden.GetProperty("cross_encoder_samples").EnumerateArray())
            {
                JsonElement scores = sample.GetProperty("model_score");
                reranking.Add(Texts(sample, "documents"), Texts(sample, "positive"), document => Number(scores, document));
            }
            JsonElement metrics = result.GetProperty("metrics");
            foreach ((string name, (double before, double after)) in
                new[] { ("map", reranking.Map), ("mrr@10", reranking.MrrAt(10)), ("ndcg@10", reranking.NdcgAt(10)) })
            {
                AssertClose(Number(metrics, $"base_{name}"), before, $"base {name}", 1e-12);
                AssertClose(Number(metrics, name), after, name, 1e-12);
                compared++;
            }
        }
        Assert.True(compared > 0, "nothing compared");
    }

    [Fact]
    public void CheckThat_IsTheTasksScorer()
    {
        int compared = 0;
        foreach (JsonProperty file in Json("checkthat", "checkthat.json").GetProperty("files").EnumerateObject())
        {
            string gold = file.Value.GetProperty("gold").GetString()!;
            string goldPath = File.Exists(MetricsGolden.Path("checkthat") + "/" + gold) ? MetricsGolden.Path("checkthat", gold) : SharedFolder.Require("data", gold);
            string[] predictions = file.Value.TryGetProperty("preds", out JsonElement names)
                ? [.. names.EnumerateArray().Select(name => name.GetString()!)] : [file.Name];
            foreach (string name in predictions)
            {
                CheckThatMeasures measures = CheckThatMeasures.Read(MetricsGolden.Path("checkthat", name), goldPath);
                if (file.Value.TryGetProperty("tweets", out JsonElement tweets)) { Assert.Equal(tweets.GetInt32(), measures.Tweets); }
                foreach (JsonProperty at in file.Value.GetProperty("mrr").EnumerateObject())
                {
                    int k = int.Parse(at.Name, System.Globalization.CultureInfo.InvariantCulture);
                    AssertClose(Number(at.Value), measures.MrrAt(k), $"{name}: mrr@{k}", 1e-12);
                    AssertClose(Number(file.Value.GetProperty("recall"), at.Name), measures.RecallAt(k), $"{name}: recall@{k}", 1e-12);
                    compared++;
                }
            }
        }
        Assert.True(compared > 0, "nothing compared");
    }

    private static string[] Texts(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(text => text.GetString()!)];
}
