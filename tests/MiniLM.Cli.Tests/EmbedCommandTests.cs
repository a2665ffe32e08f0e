using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class EmbedCommandTests : CommandTests
{
    [Fact]
    public void Embed_PrintsOneEmbedding()
    {
        CommandResult result = CommandLine.Run("embed", "--model", BiEncoder, "one two").AssertDone();
        Assert.Equal(32, Embedding(Assert.Single(result.Lines)).Length);
        Assert.StartsWith("{\"embedding\":[", result.Output);
    }

    [Fact]
    public void Embed_TakesAnEmptyText() => Assert.Equal(32, Embedding(CommandLine.Run("embed", "--model", BiEncoder, "").AssertDone().Output).Length);

    [Fact]
    public void Embed_WritesTheSameFloatsToNpyJsonLinesAndStandardOutput()
    {
        string input = Write("texts.jsonl", JsonTexts(700));
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--column", "text", "--output", At("a.npy"), "--precision", "float32",
            "--batch-tokens", "100", "--threads", "1").AssertDone();
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("a.jsonl")).AssertDone();
        string output = CommandLine.Run("embed", "--model", BiEncoder, "--input", input).AssertDone().Output;
        Assert.Equal(File.ReadAllText(At("a.jsonl")), output);
        byte[] npy = File.ReadAllBytes(At("a.npy"));
        Assert.Contains("'shape': (700, 32)", Encoding.ASCII.GetString(npy, 0, 128));
        Assert.Equal(output.Split('\n', StringSplitOptions.RemoveEmptyEntries).SelectMany(Embedding),
            MemoryMarshal.Cast<byte, float>(npy.AsSpan(128)).ToArray());
        AssertOnly("a.jsonl", "a.npy", "texts.jsonl");
    }

    [Fact]
    public void Embed_GivesATextTheSameFloatsAloneAndAmongOthers()
    {
        string input = Write("texts.txt", "one\n\ntwo three of the\n");
        CommandResult all = CommandLine.Run("embed", "--model", BiEncoder, "--input", input).AssertDone();
        Assert.Equal(all.Output,
            string.Concat(new[] { "one", "", "two three of the" }.Select(text => CommandLine.Run("embed", "--model", BiEncoder, text).AssertDone().Output)));
    }

    [Fact]
    public void Embed_ReadsStandardInput()
    {
        CommandResult lines = CommandLine.RunWith(CancellationToken.None, "one\ntwo\n", "embed", "--model", BiEncoder, "--input", "-").AssertDone();
        CommandResult json = CommandLine.RunWith(CancellationToken.None, "{\"t\":\"one\"}\n{\"t\":\"two\"}\n", "embed", "--model", BiEncoder, "--input", "-",
            "--column", "t").AssertDone();
        Assert.Equal(2, lines.Lines.Length);
        Assert.Equal(lines.Output, json.Output);
    }

    [Fact]
    public void Embed_SaysHowManyTextsWereCut()
    {
        string input = Write("texts.txt", $"one\n{string.Concat(Enumerable.Repeat("one ", 100))}\n");
        Assert.Equal("minilm: truncated: 1 of 2\n" + AssumesMean, CommandLine.Run("embed", "--model", BiEncoder, "--input", input).AssertDone().Error);
        Assert.Equal("", CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--quiet").AssertDone().Error);
        string more = Write("more.txt", "one two three\none\nof the\n");
        Assert.Equal("minilm: truncated: 2 of 3\n" + AssumesMean,
            CommandLine.Run("embed", "--model", BiEncoder, "--input", more, "--max-length", "3").AssertDone().Error);
    }

    [Fact]
    public void Embed_TakesALineOfTenMegabytes()
    {
        string input = Write("long.jsonl", $"{{\"text\":\"{string.Concat(Enumerable.Repeat("one two ", 1_250_000))}\"}}\n");
        CommandResult result = CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--column", "text").AssertDone();
        Assert.Single(result.Lines);
        Assert.Equal("minilm: truncated: 1 of 1\n" + AssumesMean, result.Error);
    }

    [Fact]
    public void Embed_OfNoTextsIsAnEmptyTable()
    {
        CommandLine.Run("embed", "--model", BiEncoder, "--input", Write("none.jsonl", ""), "--output", At("none.npy")).AssertDone();
        byte[] npy = File.ReadAllBytes(At("none.npy"));
        Assert.Equal(128, npy.Length);
        Assert.Contains("'shape': (0, 32)", Encoding.ASCII.GetString(npy));
    }

    [Fact]
    public void Embed_SaysWhereANameOrNothingWasTaken()
    {
        string input = Write("a.txt", ""), said = $"minilm: the name '{input}' was taken for the text. For what that file holds: --input {input}\n";
        Assert.Equal(said + AssumesMean, CommandLine.Run("embed", "--model", BiEncoder, input).AssertDone().Error);
        Assert.Equal(said, CommandLine.Run("tokenize", "--model", BiEncoder, input).AssertDone().Error);
        CommandResult none = CommandLine.Run("embed", "--model", BiEncoder, "--input", input).AssertDone();
        Assert.Equal(("", AssumesMean + "minilm: the input has no rows\n"), (none.Output, none.Error));
    }

    [Fact]
    public void Embed_OnTheReferenceDeviceIsNear()
    {
        float[] cpu = Embedding(CommandLine.Run("embed", "--model", BiEncoder, "one two").AssertDone().Output);
        float[] reference = Embedding(CommandLine.Run("embed", "--model", BiEncoder, "--device", "reference", "one two").AssertDone().Output);
        for (int i = 0; i < cpu.Length; i++) { Assert.Equal(reference[i], cpu[i], 1e-4f); }
    }

    private static float[] Embedding(string line)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        return [.. json.RootElement.GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle())];
    }
}
