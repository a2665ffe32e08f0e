using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class SearchCommandTests : CommandTests
{
    private string Index { get; }

    public SearchCommandTests()
    {
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", Write("corpus.jsonl", IndexCommandTests.Corpus), "--output",
            At("index")).AssertDone();
        Index = At("index");
    }

    [Fact]
    public void Search_FindsTheTextItselfFirst()
    {
        CommandResult result = CommandLine.Run("search", "--index", Index, "one two three", "--json").AssertDone();
        JsonElement first = JsonDocument.Parse(result.Lines[0]).RootElement;
        Assert.Equal(3, result.Lines.Length);
        Assert.Equal((1, "a", "one two three"),
            (first.GetProperty("rank").GetInt32(), first.GetProperty("id").GetString(), first.GetProperty("text").GetString()));
        Assert.InRange(first.GetProperty("score").GetDouble(), 1 - 1e-6, 1 + 1e-6);
        Assert.Contains("one two three", CommandLine.Run("search", "--index", Index, "one two three", "--top-k", "1").AssertDone().Lines[1]);
    }

    [Fact]
    public void Search_ShowsTitlesWhereThereAreSome()
    {
        string[] lines = CommandLine.Run("search", "--index", Index, "the of a two", "--json").AssertDone().Lines;
        JsonElement first = JsonDocument.Parse(lines[0]).RootElement;
        string?[] strings = [.. new[] { "id", "title", "text" }.Select(name => first.GetProperty(name).GetString())];
        Assert.Equal(["b", "the", "of a two"], strings);
        Assert.InRange(first.GetProperty("score").GetDouble(), 1 - 1e-6, 1 + 1e-6); // title and text are embedded as one
        Assert.All(lines[1..], line => Assert.False(JsonDocument.Parse(line).RootElement.TryGetProperty("title", out _)));
        string[] table = CommandLine.Run("search", "--index", Index, "the of a two", "--top-k", "1").AssertDone().Lines;
        Assert.Equal(["rank score id title text", "1 1.0000 b the of a two"],
            table.Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
        Assert.DoesNotContain("title", CommandLine.Run("search", "--index", Index, "one two three", "--top-k", "1").AssertDone().Lines[0]);
    }

    [Fact]
    public void Search_TakesAnIndexThatHasTitleAndTextAsOne()
    {
        // As earlier versions wrote it.
        string lines = "{\"_id\":\"a\",\"title\":\"\",\"text\":\"one two three\"}\n";
        File.WriteAllText(Path.Combine(Index, "documents.jsonl"), lines);
        File.WriteAllBytes(Path.Combine(Index, "documents.offsets"), [.. BitConverter.GetBytes(0L), .. BitConverter.GetBytes((long)lines.Length)]);
        Edit("index.json", text => text.Replace("\"count\": 3", "\"count\": 1"));
        string vectors = Path.Combine(Index, "vectors.f32");
        File.WriteAllBytes(vectors, File.ReadAllBytes(vectors)[..(32 * 4)]);
        File.Delete(Path.Combine(Index, "lengths.f32"));
        Assert.Contains("\"text\":\"one two three\"", CommandLine.Run("search", "--index", Index, "one", "--json").AssertDone().Lines.Single());
        CommandLine.Run("search", "--index", Index, "one", "--similarity", "dot").AssertRefused(1, "has no lengths.f32, which 'dot' needs");
    }

    [Fact]
    public void Search_WritesARunOfAFileOfQueries()
    {
        string queries = Write("q.tsv", "q1\tone two three\nq2\t\n");
        CommandLine.Run("search", "--index", Index, "--queries", queries, "--top-k", "2", "--output", At("out.run")).AssertDone();
        string[] lines = File.ReadAllLines(At("out.run"));
        Assert.Equal(["q1 Q0 a 1", "q2 Q0 c 1"], [string.Join(' ', lines[0].Split(' ')[..4]), string.Join(' ', lines[2].Split(' ')[..4])]);
        Assert.Equal(4, lines.Length);
        Assert.Equal(File.ReadAllText(At("out.run")),
            CommandLine.Run("search", "--index", Index, "--queries", queries, "--top-k", "2", "--output", "-").AssertDone().Output);
        CommandLine.Run("search", "--index", Index, "--queries", queries, "--output", At("out.run")).AssertRefused(1, "exists. Use --overwrite");
        CommandLine.Run("search", "--index", Index, "--queries", queries, "--output", At("out.run"), "--overwrite").AssertDone();
        AssertOnly("corpus.jsonl", "index", "out.run", "q.tsv");
    }

    [Fact]
    public void Search_CountsEqualScoresAndPutsTheEarlierDocumentFirst()
    {
        string corpus = Write("same.tsv", "x\tone\ny\tone\nz\ttwo\n");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("same")).AssertDone();
        CommandResult result = CommandLine.Run("search", "--index", At("same"), "one", "--json").AssertDone();
        Assert.Contains("equal scores: 2", result.Error);
        Assert.Contains("\"id\":\"x\"", result.Lines[0]);
        Assert.Contains("\"id\":\"y\"", result.Lines[1]);
    }

    [Fact]
    public void Search_TakesOnlyTheModelThatMadeTheIndex()
    {
        string moved = CopyModel(BiEncoder, "moved");
        CommandLine.Run("search", "--index", Index, "--model", moved, "one").AssertDone();
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float16", "--output", At("half")).AssertDone();
        CommandLine.Run("search", "--index", Index, "--model", At("half"), "one").AssertRefused(1, "half: hash");
        Edit("index.json", text => text.Replace(BiEncoder, At("gone")));
        CommandLine.Run("search", "--index", Index, "one").AssertRefused(1, "Say where it is now: --model");
    }

    [Theory]
    [InlineData("index.json", "\"version\": 1", "\"version\": 9", "version 9, this program reads 1")]
    [InlineData("index.json", "minilm-vector-index", "other", "format is not")]
    [InlineData("index.json", "\"dimension\": 32", "\"dimension\": 16", "vectors.f32")]
    [InlineData("index.json", "\"dimension\": 32", "\"dimension\": 262143", "vectors.f32")]
    [InlineData("index.json", "\"dimension\": 32", "\"dimension\": 262144", "dimension 262144: out of range")]
    [InlineData("index.json", "{", "", "not a header of an index")]
    [InlineData("index.json", "\"version\": 1", "\"version\": 1, \"fix_text\": \"most\"", "fix_text 'most' is not one of none, encoding, full")]
    [InlineData("index.json", "\"version\": 1", "\"version\": 1, \"fix_text\": 2", "not a header of an index")]
    public void Search_RefusesADamagedHeader(string file, string from, string to, string message)
    {
        Edit(file, text => text.Replace(from, to));
        CommandLine.Run("search", "--index", Index, "one").AssertRefused(1, message);
    }

    [Theory]
    [InlineData("vectors.f32")]
    [InlineData("documents.jsonl")]
    [InlineData("documents.offsets")]
    public void Search_RefusesTruncatedAndMissingFiles(string file)
    {
        string path = Path.Combine(Index, file);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^5]);
        CommandLine.Run("search", "--index", Index, "one").AssertRefused(1, "Make the index again");
        File.Delete(path);
        CommandLine.Run("search", "--index", Index, "one").AssertRefused(1, $"{file}: missing");
    }

    [Fact]
    public void Search_RefusesWhatItCannotUse()
    {
        CommandLine.Run("search", "--index", At("none"), "one").AssertRefused(1, "none: no such folder");
        CommandLine.Run("search", "--index", Folder, "one").AssertRefused(1, "not an index");
        CommandLine.Run("search", "--index", Index).AssertRefused(2, "give a query");
        CommandLine.Run("search", "--index", Index, "one", "--queries", "q.tsv").AssertRefused(2, "not both");
        CommandLine.Run("search", "--index", Index, "one", "--top-k", "0").AssertRefused(2, "--top-k 0");
        CommandLine.Run("search", "--index", Index, "one", "--overwrite").AssertRefused(2, "--overwrite goes with --output");
        CommandLine.Run("search", "--index", Index, "--queries", "q.tsv", "--output", "q.tsv", "--overwrite")
            .AssertRefused(2, "q.tsv: is the input and the output");
        string twice = Write("q.tsv", "a\tone\na\ttwo\n");
        CommandLine.Run("search", "--index", Index, "--queries", twice, "--output", At("out.run")).AssertRefused(1, "q.tsv:2: the id 'a' was there before");
        CommandLine.Run("search", "--index", Index, "--queries", Write("space.tsv", "a b\tone\n"), "--output", At("out.run")).AssertRefused(1, "white space");
        CommandLine.Run("search", "--index", Index, "--queries", twice, "--output", At("none/out.run")).AssertRefused(1, "no folder");
        CommandLine.Run("search", "--index", Index, "--queries", twice, "--output", At("q.tsv/out.run")).AssertRefused(1, "is a file, not a folder");
        CommandLine.Run("search", "--index", Index, "--queries", Write("empty.tsv", "")).AssertRefused(1, "empty.tsv: has no queries. Give at least one.");
        AssertOnly("corpus.jsonl", "empty.tsv", "index", "q.tsv", "space.tsv");
    }

    private void Edit(string file, Func<string, string> change)
    {
        string path = Path.Combine(Index, file);
        File.WriteAllText(path, change(File.ReadAllText(path)));
    }
}
