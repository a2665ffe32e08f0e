using MiniLM.Retrieval;

namespace MiniLM.Cli.Tests;

public sealed class IndexCommandTests : CommandTests
{
    internal const string Corpus = """
        {"_id": "a", "title": "", "text": "one two three"}
        {"_id": "b", "title": "the", "text": "of a two"}
        {"_id": "c", "title": "", "text": ""}

        """;

    private CommandResult Index(string corpus, params string[] more) =>
        CommandLine.Run(["index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("index"), .. more]);

    [Fact]
    public void Index_KeepsIdsTextsAndVectorsOfEveryDocument()
    {
        Index(Write("corpus.jsonl", Corpus)).AssertDone();
        using VectorIndex index = VectorIndex.Open(At("index"));
        Assert.Equal((3, 32), (index.Count, index.Dimension));
        Assert.Equal(["a", "b", "c"], Enumerable.Range(0, 3).Select(i => index.Documents.Read(i).Id));
        Assert.Equal(("the", "of a two", "the of a two"), (index.Documents.Read(1).Title, index.Documents.Read(1).Text, index.Documents.Read(1).Joined));
        Assert.Equal(Path.TrimEndingDirectorySeparator(BiEncoder), index.Model);
        AssertOnly("corpus.jsonl", "index");
    }

    [Fact]
    public void Index_SaysHowManyTextsWereCut()
    {
        string text = string.Join(' ', Enumerable.Repeat("one", 100));
        CommandResult result = Index(Write("corpus.tsv", $"a\t{text}\nb\tone\n")).AssertDone();
        Assert.Contains("truncated: 1 of 2", result.Error);
        Assert.Contains("truncated: 2 of 2", Index(Write("two.tsv", "a\tone two\nb\tone two three\n"), "--max-length", "3", "--overwrite").AssertDone().Error);
    }

    [Fact]
    public void Index_OfManyWindowsEqualsThatOfOneBatchSize()
    {
        string corpus = Write("corpus.tsv", string.Concat(Enumerable.Range(0, 9000).Select(i => $"d{i}\tone two {(i % 3 == 0 ? "three of" : "a")}\n")));
        Index(corpus).AssertDone();
        byte[] vectors = File.ReadAllBytes(At("index/vectors.f32"));
        Index(corpus, "--overwrite", "--batch-tokens", "64", "--threads", "1").AssertDone();
        Assert.Equal(vectors, File.ReadAllBytes(At("index/vectors.f32")));
        Assert.Equal(9000 * 32 * 4, vectors.Length);
    }

    [Fact]
    public void IndexAndSearch_TakeTextsLargerThanAWindow()
    {
        string large = string.Concat(Enumerable.Repeat("one two ", 700_000)); // two of them are more than the characters of a window
        string texts = Write("large.tsv", string.Concat(Enumerable.Range(0, 5).Select(i => $"d{i}\t{large}{i}\n")));
        Assert.Contains("truncated: 5 of 5", Index(texts).AssertDone().Error);
        CommandResult found = CommandLine.Run("search", "--index", At("index"), "--queries", texts, "--top-k", "1").AssertDone();
        Assert.Equal(["d0", "d1", "d2", "d3", "d4"], found.Lines.Select(line => line.Split(' ')[0]));
        Assert.Contains("truncated: 5 of 5", found.Error);
    }

    [Fact]
    public void Index_RefusesBadInputAndLeavesNothing()
    {
        Index(At("none.jsonl")).AssertRefused(1, "none.jsonl: no such file");
        Index(Write("empty.jsonl", "")).AssertRefused(1, "has no documents");
        Index(Write("twice.tsv", "a\tone\nb\ttwo\na\tthree\n")).AssertRefused(1, "twice.tsv:3: the id 'a' was there before");
        Index(Write("noid.jsonl", "{\"text\": \"x\"}\n")).AssertRefused(1, "has no '_id'");
        Index(Write("broken.jsonl", "{\"_id\": \"a\", \"text\": \n")).AssertRefused(1, "broken.jsonl:1");
        CommandLine.Run("index", "--dense", "--model", CrossEncoder, "--corpus", At("twice.tsv"), "--output", At("index")).AssertRefused(1, "a cross-encoder");
        AssertOnly("broken.jsonl", "empty.jsonl", "noid.jsonl", "twice.tsv");
    }

    [Fact]
    public void Index_RefusesPlacesItCannotWriteTo()
    {
        string corpus = Write("corpus.jsonl", Corpus);
        Write("index", "a file");
        Index(corpus).AssertRefused(1, "is a file");
        Assert.Equal("a file", File.ReadAllText(At("index")));
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("index/in")).AssertRefused(1, "there is no folder");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("none/in")).AssertRefused(1, "there is no folder");
        AssertOnly("corpus.jsonl", "index");
    }

    [Fact]
    public void Index_NeedsToKnowWhichKind() =>
        CommandLine.Run("index", "--model", BiEncoder, "--corpus", "c.jsonl", "--output", At("index")).AssertRefused(2, "--dense");

    [Fact]
    public void Index_StopsWhenInterruptedAndLeavesNothing()
    {
        string corpus = Write("corpus.jsonl", Corpus);
        using CancellationTokenSource source = new();
        source.Cancel();
        CommandResult result = CommandLine.RunWith(source.Token, "", "index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("index"));
        Assert.Equal(130, result.Code);
        AssertOnly("corpus.jsonl");
    }
}
