using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Evaluation;

public sealed class RerankingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Measures_ByHand()
    {
        ScoredLabels third = new([0.1, 0.9, 0.5], [true, false, false]);
        Assert.Equal((0, 1 / 3.0), (RerankingMeasures.ReciprocalRank(third, 2), RerankingMeasures.ReciprocalRank(third, 3)));
        Assert.Equal((0, 0.5), (RerankingMeasures.Ndcg(third, 2), RerankingMeasures.Ndcg(third, 3)));
        // A tie: the first document is first, nDCG shares, and so does AP.
        ScoredLabels tie = new([1, 1], [false, true]);
        Assert.Equal(0.5, RerankingMeasures.ReciprocalRank(tie, 10));
        Assert.Equal((1 + 1 / Math.Log2(3)) / 2, RerankingMeasures.Ndcg(tie, 10), 1e-15);
        Assert.Equal(0.5, RerankingMeasures.Ndcg(tie, 1), 1e-15);
        Assert.Equal(0, RerankingMeasures.Ndcg(new ScoredLabels([1], [false]), 10));
    }

    [Fact]
    public void Means_DropListsOfOneKind()
    {
        RerankingMeasures measures = new();
        Assert.True(double.IsNaN(measures.Map));
        measures.Add(new ScoredLabels([1, 2], [true, true]));
        measures.Add(new ScoredLabels([1, 2], [false, false]));
        measures.Add(new ScoredLabels([1, 2], [false, true]));
        measures.Add(new ScoredLabels([1, 2], [true, false]));
        Assert.Equal((2, 2), (measures.Lists, measures.Dropped));
        Assert.Equal((0.75, 0.5, 0.75), (measures.Map, measures.MrrAt(1), measures.MrrAt(2)));
    }

    [Fact]
    public void FirstStageReranking_CountsWhatTheFirstStageMissed()
    {
        double[] AlwaysAndNot(Func<FirstStageReranking, double> measure) => [.. new[] { true, false }.Select(always =>
        {
            FirstStageReranking reranking = new(always);
            reranking.Add(["a", "b", "c"], ["b", "missed"], document => document switch { "missed" => 9, "a" => 3, "b" => 2, _ => 1 });
            reranking.Add(["a"], ["missed"], document => document == "missed" ? 9 : 1);
            return measure(reranking);
        })];
        Assert.Equal([(1 / 2.0 + 2 / 4.0) / 2 / 2, (1 / 2.0 + 2 / 4.0) / 2 / 2], AlwaysAndNot(reranking => reranking.Map.Base));
        Assert.Equal([((1 + 2 / 3.0) / 2 + 1) / 2, 0.5 / 2], AlwaysAndNot(reranking => reranking.Map.Reranked));
        Assert.Equal([1, 0], AlwaysAndNot(reranking => reranking.MrrAt(1).Reranked));
        Assert.Equal([0, 0], AlwaysAndNot(reranking => reranking.MrrAt(1).Base));
    }

    [Fact]
    public void CandidateLists_TakeScoresInTheirOrder_OfSeveralQueriesTheGreatest()
    {
        string lists = Write("lists.jsonl", """
            {"query": "a", "pos": ["p"], "neg": ["n", "m"]}
            {"query": ["b", "c"], "pos": ["p"], "neg": ["n"]}
            {"query": "d", "pos": [], "neg": ["n"]}
            {"query": "e", "pos": ["p"], "neg": ["n"]}

            """);
        // a: the positive is second; b and c: 5 of 2 and 5 against 4 of 3 and 4; e: the positive is first.
        double[] scores = [2, 3, 1, 2, 3, 5, 4, 9, 8, 7];
        RerankingMeasures measures = CandidateLists.Read(lists, scores, "scores");
        Assert.Equal((3, 1), (measures.Lists, measures.Dropped));
        Assert.Equal(((0.5 + 1 + 1) / 3, 2 / 3.0), (measures.MrrAt(2), measures.MrrAt(1)));
        Refused(scores[..9], "lists.jsonl:4: needs the scores 8 to 9, scores has 9.");
        Refused(scores[..4], "lists.jsonl:2: needs the scores 3 to 6, scores has 4.");
        Refused([.. scores, 1], "scores: has 11 scores, the lists of lists.jsonl need 10.");
        Assert.Throws<OperationCanceledException>(() => CandidateLists.Read(lists, scores, "scores", cancellation: new CancellationToken(canceled: true)));

        void Refused(double[] given, string message) => Assert.StartsWith(message,
            Assert.Throws<DataFormatException>(() => CandidateLists.Read(lists, given, "scores")).Message.Replace(_folder.Path + "/", ""));
    }

    [Fact]
    public void FirstStage_HasOnlyWhatItMissedBehindItsList()
    {
        FirstStageReranking found = new(always: true), missed = new(always: true);
        found.Add(["b", "a"], ["b"], _ => 0);
        missed.Add(["b", "a"], ["b", "missed"], _ => 0);
        Assert.Equal((1, (1 + 2 / 3.0) / 2), (found.Map.Base, missed.Map.Base));
    }

    [Theory]
    [InlineData("['a', 'b']", "a|b")]
    [InlineData("[\"a\", \"b\"]", "a|b")]
    [InlineData(" [ 'a' ,] ", "a")]
    [InlineData("['it\\'s', \"it's\", 'x\\\\y', '\\x41\\u0042\\n']", "it's|it's|x\\y|AB\n")]
    [InlineData("['a\\U000e0001b', '\\ud83d\\ude00', '\\U0001f600']", "a\U000e0001b|\U0001f600|\U0001f600")]
    [InlineData("[12, x7]", "12|x7")]
    [InlineData("['']", "")]
    public void PredictedList_TakesBothNotations(string text, string items) => Assert.Equal(items.Split('|'), PredictedList.Parse(text));

    [Fact]
    public void PredictedList_MayBeEmpty() => Assert.Equal([], PredictedList.Parse("[ ]"));

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("]")]
    [InlineData("a, b")]
    [InlineData("['a'")]
    [InlineData("['a]")]
    [InlineData("['a' 'b']")]
    [InlineData("[,]")]
    [InlineData("['a',,]")]
    [InlineData("[['a']]")]
    [InlineData("['a\\']")]
    [InlineData("['\\q']")]
    [InlineData("['\\u12']")]
    [InlineData("['\\U0001f6']")]
    [InlineData("['\\U00110000']")]
    [InlineData("[a'b']")]
    public void PredictedList_IsNullOfWhatIsNone(string text) => Assert.Null(PredictedList.Parse(text));

    [Fact]
    public void CheckThat_ByHand()
    {
        string gold = Write("gold.tsv", "post_id\ttweet_text\tcord_uid\n1\t\"a\ttab\"\tp1\n2\tx\tp2\n3\ty\tp3\n4\tz\tp4\n");
        string predictions = Write("preds.tsv", "post_id\tpreds\n3\t\"[\"\"a\"\", \"\"p3\"\"]\"\n1\t['p1', 'p1']\n2\t[]\n");
        CheckThatMeasures measures = CheckThatMeasures.Read(predictions, gold);
        Assert.Equal(4, measures.Tweets);
        Assert.Equal((0.25, 0.375), (measures.MrrAt(1), measures.MrrAt(2)));
        Assert.Equal((0.25, 0.5, 0.5), (measures.RecallAt(1), measures.RecallAt(2), measures.RecallAt(100)));
    }

    [Theory]
    [InlineData("post_id\tpreds\n1\tx\n", "preds.tsv:2: preds is 'x', not a list")]
    [InlineData("post_id\tpreds\n1\t[]\n1\t[]\n", "preds.tsv:3: tweet '1' is there twice")]
    [InlineData("post_id\tpreds\n7\t[]\n", "preds.tsv:2: tweet '7' is not in ")]
    [InlineData("post_id\tranking\n1\t[]\n", "has no column 'preds'")]
    public void CheckThat_RefusesByLine(string predictions, string message)
    {
        string gold = Write("gold.tsv", "post_id\tcord_uid\n1\tp1\n");
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => CheckThatMeasures.Read(Write("preds.tsv", predictions), gold)).Message);
    }

    [Fact]
    public void CheckThat_RefusesAnEmptyGoldFile() => Assert.Contains("has no tweets", Assert.Throws<DataFormatException>(() =>
        CheckThatMeasures.Read(Write("preds.tsv", "post_id\tpreds\n"), Write("gold.tsv", "post_id\tcord_uid\n"))).Message);

    private string Write(string name, string content)
    {
        string path = _folder.File(name);
        File.WriteAllText(path, content);
        return path;
    }
}
