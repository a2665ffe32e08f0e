using System.Text;
using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Model;
using static MiniLM.Evaluation.LossCause;

namespace MiniLM.Tests.Evaluation;

/// <summary>A collection in which every cause occurs a known number of times, at a cutoff of 2.</summary>
public sealed class RunExplanationTests
{
    // Query, its answers, the first stage, the reranker, and the cause at the end and of the first stage alone; null: not lost.
    private static readonly (string Query, string Answers, string First, string Second, LossCause? Cause, LossCause? CauseOfFirst)[] Cases =
    [
        ("found", "a", "x=3 a=2", "a=3 x=2", null, null),
        ("second-answer", "b a", "x=3 a=2 b=1", "x=3 b=2 a=1", null, null),
        ("lifted", "a", "x=3 y=2 a=1", "a=3 x=2 y=1", null, BelowFirstStage),
        ("gone", "gone", "x=3 y=2 z=1", "x=3 y=2 z=1", NotInCorpus, NotInCorpus),
        ("gone-but-ranked", "gone", "gone=3 y=2 z=1", "x=3 y=2 gone=2", NotInCorpus, null),
        ("tied", "a", "a=3 x=2 y=1", "x=3 y=2 a=2", Tied, null), // y is the greater id
        ("tied-as-float32", "a", "a=3 x=2 y=1", "x=3 y=2.00000001 a=2", Tied, null),
        ("tied-and-long", "long", "long=3 x=2 y=1", "x=3 y=2 long=2", Tied, null),
        ("first-tied", "a", "x=3 y=2 a=2", "x=3 y=2 a=1", BelowFirstStage, Tied), // where it was, so not demoted
        ("long", "long", "long=3 x=2 y=1", "x=3 y=2 long=1", Truncated, null),
        ("long-missed", "long", "x=3 y=2", "x=3 y=2", BelowFirstStage, Truncated),
        ("demoted", "a", "a=3 x=2 y=1", "x=3 y=2 a=1", Demoted, null),
        ("demoted-from-below", "a", "x=5 y=4 a=3 z=2", "x=5 y=4 z=3 a=2", Demoted, BelowFirstStage),
        ("demoted-out", "a", "a=3 x=2 y=1", "x=3 y=2", Demoted, null),
        ("demoted-out-of-one", "a", "x=3 a=2", "x=3", Demoted, null),
        ("demoted-out-of-none", "a", "a=3", "", Demoted, null),
        ("below", "a", "x=3 y=2 a=1", "x=3 y=2 a=1", BelowFirstStage, BelowFirstStage),
        ("below-but-lifted", "a", "x=5 y=4 z=3 a=2", "x=5 y=4 a=3 z=2", BelowFirstStage, BelowFirstStage),
        ("below-what-is-reranked", "a", "x=5 y=4 z=3 a=2", "x=5 y=4 z=3", BelowFirstStage, BelowFirstStage),
        ("missed", "a", "x=3 y=2", "x=3 y=2", BelowFirstStage, BelowFirstStage),
        ("nothing", "a", "", "", BelowFirstStage, BelowFirstStage),
    ];

    [Fact]
    public void Of_TwoRuns_FindsEveryCause()
    {
        RunExplanation explanation = Explain(Cases, isReranked: true);
        Assert.Equal(Cases.Where(one => one.Cause is not null).Select(one => (one.Query, one.Cause)), Found(explanation));
        Assert.Equal((21, 18, 2), (explanation.Queries, explanation.Lost.Count, explanation.Depth));
        Assert.Equal([2, 3, 1, 5, 7], Enum.GetValues<LossCause>().Select(explanation.Count));
    }

    [Fact]
    public void Of_TheFirstStageAlone_FindsEveryCause()
    {
        RunExplanation explanation = Explain(Cases, isReranked: false);
        Assert.Equal(Cases.Where(one => one.CauseOfFirst is not null).Select(one => (one.Query, one.CauseOfFirst)), Found(explanation));
    }

    [Fact]
    public void ACase_HasItsRanksScoresAndTexts()
    {
        LostQuery lost = Lost("demoted");
        Assert.Equal(("a", 1, 3, 1, 2, "x", 3), (lost.Answer, lost.FirstRank, lost.Rank, lost.Score, lost.ScoreAtDepth, lost.Top, lost.TopScore));
        Assert.Equal(("query demoted", "text of a", "text of x"), (lost.QueryText, lost.AnswerText, lost.TopText));
        lost = Lost("demoted-out-of-one");
        Assert.Equal(("x", 3, "text of x", null), (lost.Top, lost.TopScore, lost.TopText, lost.ScoreAtDepth));
        lost = Lost("nothing");
        Assert.Equal((null, null, null, null, null, null), (lost.FirstRank, lost.Rank, lost.Score, lost.ScoreAtDepth, lost.TopScore, lost.Top));
        Assert.Equal((null, "text of a"), (lost.TopText, lost.AnswerText));
        Assert.Equal((null, 1, 3), (Lost("gone-but-ranked").AnswerText, Lost("gone-but-ranked").FirstRank, Lost("gone-but-ranked").Rank));

        static LostQuery Lost(string query) => Explain(Cases, isReranked: true).Lost.Single(lost => lost.Query == query);
    }

    [Fact]
    public void TheAnswer_IsTheOneThatCameFurthest()
    {
        Assert.Equal("b", Answer("a b c", "x=9 y=8 a=7 b=6", "x=9 y=8 b=7 a=6"));
        Assert.Equal("b", Answer("a b", "x=9 y=8 b=7 a=6", "x=9 y=8")); // by the first stage where the reranker has none
        Assert.Equal("a", Answer("gone a", "x=9 y=8", "x=9 y=8"));
        Assert.Equal("a", Answer("b a", "x=9 y=8", "x=9 y=8"));
        Assert.Equal("gone", Answer("a gone", "x=9 y=8 gone=7", "x=9 y=8"));

        static string Answer(string answers, string first, string second) =>
            Explain([("q", answers, first, second, null, null)], isReranked: true).Lost.Single().Answer;
    }

    [Fact]
    public void WithoutQueriesAndModel_TheRestIsSaid()
    {
        RunExplanation explanation = Explain(Cases, isReranked: true, withModel: false);
        Assert.Equal([2, 3, 0, 6, 7], Enum.GetValues<LossCause>().Select(explanation.Count));
        Assert.All(explanation.Lost, lost => Assert.Equal((null, null), (lost.QueryText, lost.Length)));
    }

    [Fact]
    public void ACrossEncoder_CutsOnlyWhatItHadBeforeIt()
    {
        (string, string, string, string, LossCause?, LossCause?)[] cases =
        [
            ("read", "long", "x=3 y=2 long=1", "x=3 y=2 long=1", Truncated, Truncated),
            ("not-found", "long", "x=3 y=2", "x=3 y=2", BelowFirstStage, BelowFirstStage),
            ("not-reranked", "long", "x=5 y=4 z=3 long=2", "x=5 y=4 z=3", BelowFirstStage, Truncated), // the first run may be one of its own
            ("left-out", "long", "x=5 y=4 long=3", "z=5 x=4 y=3", Truncated, Truncated),
            ("left-out-from-the-top", "long", "long=5 y=4", "y=4", Truncated, null),
        ];
        Assert.Equal(cases.Select(one => (one.Item1, one.Item5)), Found(Explain(cases, isReranked: true, model: "bert_prefix")));
        Assert.Equal(cases.Where(one => one.Item6 is not null).Select(one => (one.Item1, one.Item6)),
            Found(Explain(cases, isReranked: false, model: "bert_prefix")));
    }

    [Theory]
    [InlineData("bert", 62, 0)]
    [InlineData("bert", 63, 1)]
    [InlineData("bert_prefix", 61, 0)]
    [InlineData("bert_prefix", 63, 2)]
    public void Measure_OfAnUnknownQuery_CountsWhatIsCutWhateverItIs(string model, int document, int beyond)
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", model));
        Assert.Equal(new InputLength(null, document, 64, beyond), new InputLimit(folder).Measure(null, Words(document)));
    }

    [Fact]
    public void Cancellation_EndsItBehindTheCorpus()
    {
        Qrels qrels = new();
        qrels.Add("q", "a", 1);
        using CancellationTokenSource source = new();
        using TextCollection corpus = TextCollection.Open("-", openStandardInput: () => new CancelingAtItsEnd(source, "a\tx\n"));
        Assert.Throws<OperationCanceledException>(() => RunExplanation.Of(qrels, new TrecRun(), null, 2, corpus, cancellation: source.Token));
    }

    private sealed class CancelingAtItsEnd(CancellationTokenSource source, string text) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = base.Read(buffer, offset, count);
            if (read == 0) { source.Cancel(); }
            return read;
        }
    }

    [Fact]
    public void JudgementsOfNothingRelevant_AreNoQuery()
    {
        Qrels qrels = new();
        qrels.Add("q", "a", 0);
        qrels.Add("p", "a", -1);
        using TextCollection corpus = Collection("a\tx\n");
        RunExplanation explanation = RunExplanation.Of(qrels, new TrecRun(), null, 2, corpus);
        Assert.Equal((0, 0), (explanation.Queries, explanation.Lost.Count));
    }

    [Fact]
    public void ALevel_SaysWhatIsRelevant()
    {
        Qrels qrels = new();
        qrels.Add("q", "a", 1);
        qrels.Add("q", "b", 2);
        TrecRun run = new();
        Add(run, "q", "a=3 b=2");
        Assert.Equal(["0 1", "1 1", "0 0"], new[] { 1, 2, 3 }.Select(level =>
        {
            using TextCollection corpus = Collection("a\tx\nb\ty\n");
            RunExplanation explanation = RunExplanation.Of(qrels, run, null, 1, corpus, level: level);
            return $"{explanation.Lost.Count} {explanation.Queries}";
        }));
    }

    [Theory]
    [InlineData("bert", 62, 62, 0)] // 64 positions, two special tokens: of either text
    [InlineData("bert", 63, 1, 1)]
    [InlineData("bert", 1, 65, 3)]
    [InlineData("bert", 63, 64, 3)]
    [InlineData("bert_prefix", 30, 31, 0)] // three special tokens: of both together
    [InlineData("bert_prefix", 30, 33, 2)]
    public void Measure_CountsTokensBeyondTheLimit(string model, int query, int document, int beyond)
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", model));
        Assert.Equal(new InputLength(query, document, 64, beyond), new InputLimit(folder).Measure(Words(query), Words(document)));
    }

    private static RunExplanation Explain(
        (string Query, string Answers, string First, string Second, LossCause?, LossCause?)[] cases, bool isReranked, bool withModel = true,
        string model = "bert")
    {
        Qrels qrels = new();
        TrecRun first = new(), second = new();
        StringBuilder queries = new();
        foreach ((string query, string answers, string one, string two, _, _) in cases)
        {
            foreach (string answer in answers.Split(' ')) { qrels.Add(query, answer, 1); }
            qrels.Add(query, "x", 0);
            Add(first, query, one);
            Add(second, query, two);
            queries.Append($"{query}\tquery {query}\n");
        }
        using TextCollection corpus = Collection($"{string.Concat("abcxyz".Select(id => $"{id}\ttext of {id}\n"))}long\t{Words(80)}\n");
        using TextCollection texts = Collection(queries.ToString());
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", model));
        return RunExplanation.Of(qrels, first, isReranked ? second : null, 2, corpus, withModel ? texts : null, withModel ? new InputLimit(folder) : null);
    }

    private static void Add(TrecRun run, string query, string lines)
    {
        foreach (string line in lines.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            run.Add(query, line.Split('=')[0], double.Parse(line.Split('=')[1], System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private static IEnumerable<(string, LossCause?)> Found(RunExplanation explanation) => explanation.Lost.Select(lost => (lost.Query, (LossCause?)lost.Cause));

    private static string Words(int count) => string.Join(' ', Enumerable.Repeat("one", count));

    private static TextCollection Collection(string lines) =>
        TextCollection.Open("-", openStandardInput: () => new MemoryStream(Encoding.UTF8.GetBytes(lines)));
}
