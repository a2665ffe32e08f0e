using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Data;
using MiniLM.Ranking;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Ranking;

public sealed class RunRerankingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("bert_prefix")]
    public void Rank_OrdersEveryQueryByTheScoresOfItsPairs(string model)
    {
        using RunTexts texts = Texts();
        using PairScorer scorer = Open(model);
        RunReranking reranking = RunReranking.Of(texts, scorer, null, default);
        RankedDocument[][] ranked = reranking.Rank(0, texts.Queries.Length, score => score, out EncodingStatistics statistics, default);
        bool isCross = scorer is LogitScorer;
        Assert.Equal((isCross ? 0 : 6, isCross ? 7 : 0), (reranking.Embedded.Inputs, statistics.Inputs));
        for (int query = 0; query < texts.Queries.Length; query++)
        {
            List<TrecRun.Line> lines = texts.Run.Lines[query];
            scorer.Compute([.. lines.SelectMany(line => new[] { texts.Queries[query], texts.Document(line.Document) })], default);
            float[] raw = [.. lines.Select((_, i) => scorer.Raw(i))];
            Assert.Equal(Enumerable.Range(0, raw.Length).OrderByDescending(i => raw[i]), ranked[query].Select(document => document.Index));
            Assert.All(ranked[query], document => Assert.Equal((raw[document.Index], raw[document.Index]), (document.Score, document.Logit)));
        }
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("bert_prefix")]
    public void Rank_OfAPartIsThatPartOfTheWhole(string model)
    {
        using RunTexts texts = Texts();
        using PairScorer scorer = Open(model);
        RunReranking reranking = RunReranking.Of(texts, scorer, null, default);
        RankedDocument[][] whole = reranking.Rank(0, 2, raw => -raw, out _, default);
        Assert.Equal(whole[1], reranking.Rank(1, 2, raw => -raw, out _, default)[0]);
        Assert.Empty(reranking.Rank(1, 1, raw => -raw, out EncodingStatistics nothing, default));
        Assert.Equal(default, nothing);
    }

    // What a progress bar goes by: nothing would move for as long as a bi-encoder reads all of a corpus.
    [Fact]
    public void Of_ABiEncoderTellsWhatItHasReadAsItReads()
    {
        string text = string.Concat(Enumerable.Repeat("one two ", 126)); // a quarter of the first window
        Write("q.tsv", "q1\tone\n");
        Write("corpus.tsv", string.Concat(Enumerable.Range(0, 10).Select(i => $"d{i}\t{text}\n")));
        Write("in.run", string.Concat(Enumerable.Range(0, 10).Select(i => $"q1 Q0 d{i} {i + 1} {10 - i} x\n")));
        using RunTexts texts = RunTexts.Read(_folder.File("in.run"), _folder.File("q.tsv"), _folder.File("corpus.tsv"));
        using PairScorer scorer = Open("bert");
        List<EncodingStatistics> told = [];
        RunReranking reranking = RunReranking.Of(texts, scorer, ranking => told.Add(ranking.Embedded), default);
        Assert.Equal([1, 5], told.Take(2).Select(embedded => embedded.Inputs));
        Assert.Equal((11, reranking.Embedded), (told[^1].Inputs, told[^1]));
        Assert.All(reranking.Rank(0, 1, raw => raw, out _, default)[0], (document, i) => Assert.Equal(i, document.Index)); // equal texts, equal scores
    }

    [Fact]
    public void Rank_KeepsTheRunsOrderOfEqualDocuments()
    {
        using RunTexts texts = Texts(); // d4 and d2 have one text
        using PairScorer scorer = Open("bert_prefix");
        RankedDocument[] ranked = RunReranking.Of(texts, scorer, null, default).Rank(0, 1, raw => raw, out _, default)[0];
        string[] documents = [.. ranked.Select(document => texts.Run.Documents[texts.Run.Lines[0][document.Index].Document])];
        Assert.Equal(Array.IndexOf(documents, "d4") + 1, Array.IndexOf(documents, "d2"));
    }

    [Fact]
    public void Cosine_ByHand()
    {
        Assert.Equal(0.96f, Cosine.Of([3, 4], [4, 3]));
        Assert.Equal(-1, Cosine.Of([1e-30f, 0, 2e-30f], [-1e30f, 0, -2e30f]));
        Assert.Equal((0, 0), (Cosine.Of([0, 0], [1, 2]), Cosine.Of([1, 2], [0, 0])));
    }

    [Fact]
    public void Read_NamesWhatIsMissingOrTwice()
    {
        Texts().Dispose();
        Write("twice.tsv", "q1\tone\nq2\ttwo\nq1\tone\n");
        Assert.Contains("twice.tsv:3: the id 'q1' was there before", Refusal("twice.tsv"), StringComparison.Ordinal);
        Write("less.tsv", "q1\tone\nx\ttwo\nx\ttwo\n"); // only what the run names is looked at
        Assert.Contains("less.tsv: has no query 'q2', which", Refusal("less.tsv"), StringComparison.Ordinal);

        string Refusal(string queries) =>
            Assert.Throws<DataFormatException>(() => RunTexts.Read(_folder.File("in.run"), _folder.File(queries), _folder.File("corpus.tsv"))).Message;
    }

    [Fact]
    public void Read_TakesTheRunsBestDocumentsOnly()
    {
        Texts().Dispose();
        Write("less.tsv", "d1\tone two three\nd3\t\nd4\tof the a\n"); // no d2, the third of q1
        using RunTexts texts = RunTexts.Read(_folder.File("in.run"), _folder.File("q.tsv"), _folder.File("less.tsv"), depth: 2);
        Assert.Equal(["d1", "d4", "d3"], texts.Run.Documents);
        Assert.Equal(["one two three", "of the a", ""], texts.Run.Documents.Select((_, document) => texts.Document(document)));
        Assert.Equal("one two".Length + "of the a".Length, texts.Length(0, texts.Run.Lines[0][1]));
    }

    private PairScorer Open(string model) => PairScorer.Open(DeviceContract.Fixture("models", model), _device, Precision.Float32, new EmbedOptions());

    private RunTexts Texts()
    {
        Write("q.tsv", "q2\tthe\nq1\tone two\nunused\tx\n");
        Write("corpus.tsv", "d1\tone two three\nd2\tof the a\nx\t\nd3\t\nd4\tof the a\n");
        Write("in.run", "q1 Q0 d1 1 4 x\nq1 Q0 d4 2 3 x\nq1 Q0 d2 3 2 x\nq1 Q0 d3 4 1 x\nq2 Q0 d3 1 4 x\nq2 Q0 d4 2 3 x\nq2 Q0 d1 3 2 x\n");
        return RunTexts.Read(_folder.File("in.run"), _folder.File("q.tsv"), _folder.File("corpus.tsv"));
    }

    private void Write(string name, string content) => File.WriteAllText(_folder.File(name), content);
}
