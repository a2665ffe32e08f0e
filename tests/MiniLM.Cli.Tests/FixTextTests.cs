using System.IO.Compression;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

/// <summary>--fix-text: whoever reads texts reads repaired ones.</summary>
public sealed class FixTextTests : CommandTests
{
    /// <summary>A no-break space that was misread, and a character reference: "one two three" when all is repaired.</summary>
    private const string Damaged = "oneÂ\u00a0two&#32;three", Whole = "one\u00a0two three";

    [Theory]
    [InlineData("none", "[CLS] one ##a two & # 3 ##2 ; three [SEP]")]
    [InlineData("encoding", "[CLS] one two & # 3 ##2 ; three [SEP]")]
    [InlineData("full", "[CLS] one two three [SEP]")]
    public void Tokenize_ReadsWhatIsRepaired(string kind, string tokens)
    {
        string input = Write("texts.txt", Damaged + "\n");
        Assert.Equal(tokens + "\n", CommandLine.Run("tokenize", "--model", BiEncoder, "--fix-text", kind, Damaged).AssertDone().Output);
        Assert.Equal(tokens + "\n", CommandLine.Run("tokenize", "--model", BiEncoder, "--fix-text", kind, "--input", input).AssertDone().Output);
        if (kind == "none") { Assert.Equal(tokens + "\n", CommandLine.Run("tokenize", "--model", BiEncoder, Damaged).AssertDone().Output); }
    }

    [Fact]
    public void EmbedSimilarityAndRerank_GiveTheResultsOfTheWholeTexts()
    {
        string Pairs(string text) => Write("pairs.jsonl", JsonSerializer.Serialize(new { a = text, b = "the" }) + "\n");
        string Texts(string text) => Write("texts.tsv", $"id\ttext\n1\t{text}\n");
        string Queries(string text) => Write("q.tsv", $"q\t{text}\n");
        string Corpus(string text) => Write("corpus.jsonl", JsonSerializer.Serialize(new { _id = "d", title = text, text = "of" }) + "\n");
        string run = Write("in.run", "q Q0 d 1 1 x\n");
        Same(text => ["embed", "--model", BiEncoder, text]);
        Same(text => ["embed", "--model", BiEncoder, "--input", Texts(text)]);
        Same(text => ["similarity", "--model", BiEncoder, "--input", Pairs(text), "--columns", "a,b"]);
        Same(text => ["rerank", "--model", CrossEncoder, "--pairs", Pairs(text), "--columns", "a,b"]);
        Same(text => ["rerank", "--model", CrossEncoder, "--run", run, "--queries", Queries(text), "--corpus", Corpus("the")]);
        Same(text => ["rerank", "--model", CrossEncoder, "--run", run, "--queries", Queries("the"), "--corpus", Corpus(text)]);

        void Same(Func<string, string[]> command)
        {
            string expected = CommandLine.Run(command(Whole)).AssertDone().Output;
            string[] damaged = command(Damaged);
            Assert.Equal(expected, CommandLine.Run([.. damaged, "--fix-text", "full"]).AssertDone().Output);
            Assert.NotEqual(expected, CommandLine.Run([.. damaged, "--fix-text", "encoding"]).AssertDone().Output);
            Assert.NotEqual(expected, CommandLine.Run(damaged).AssertDone().Output);
        }
    }

    [Fact]
    public void IndexAndSearch_RepairAlike()
    {
        string corpus = Write("corpus.jsonl", JsonSerializer.Serialize(new { _id = "a", title = "", text = Damaged }) + "\n");
        string queries = Write("q.tsv", $"q\t{Damaged}\n");
        foreach (string[] option in new[] { [], new[] { "--fix-text", "none" }, ["--fix-text", "full"] })
        {
            CommandLine.Run(["index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("index"), "--overwrite", .. option]).AssertDone();
            bool isFull = option is [_, "full"];
            Assert.Equal(isFull, File.ReadAllText(At("index/index.json")).Contains("\"fix_text\": \"full\""));
            string kept = isFull ? Whole : Damaged;
            Assert.Equal(kept, Found(Damaged).GetProperty("text").GetString());
            Assert.InRange(Found(Damaged).GetProperty("score").GetDouble(), 1 - 1e-6, 1 + 1e-6);
            Assert.Equal(isFull, Found(Damaged, "--fix-text", "none").GetProperty("score").GetDouble() < 0.999);
            Assert.Equal(!isFull, Found(Damaged, "--fix-text", "full").GetProperty("score").GetDouble() < 0.999);
            Assert.Equal(Run(Write("kept.tsv", $"q\t{kept}\n")), Run(queries));
            Assert.NotEqual(Run(queries), Run(queries, "--fix-text", isFull ? "none" : "full"));
        }

        JsonElement Found(string query, params string[] more) => JsonDocument.Parse(
            CommandLine.Run(["search", "--index", At("index"), "--json", query, .. more]).AssertDone().Output).RootElement;
        string Run(string file, params string[] more) => CommandLine.Run(["search", "--index", At("index"), "--queries", file, .. more]).AssertDone().Output;
    }

    /// <summary>In a process of its own: whoever reads gzip first, be it the repair's data, decides whether .NET checks for the end.</summary>
    [Fact]
    public void Rerank_StillSeesACorpusThatWasCutOff()
    {
        Write("q.tsv", "q\t&amp;\n");
        Write("in.run", "q Q0 d 1 1 x\n");
        using MemoryStream corpus = new();
        using (GZipStream stream = new(corpus, CompressionLevel.Fastest)) { stream.Write("{\"_id\":\"d\",\"text\":\"one\"}\n"u8); }
        File.WriteAllBytes(At("corpus.jsonl.gz"), corpus.ToArray()[..^9]);
        string command = $"$MINILM rerank --model {BiEncoder} --run in.run --queries q.tsv --corpus corpus.jsonl.gz --fix-text full";
        CommandLine.Shell(command, Folder).AssertRefused(1, "copy it again");
    }

    [Fact]
    public void FixText_IsOneOfThree() =>
        CommandLine.Run("embed", "--model", BiEncoder, "--fix-text", "ful", "one").AssertRefused(2, "--fix-text ful: it is one of none, encoding, full.");
}
