using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class BenchCommandTests : CommandTests
{
    private static readonly string[] ShapeKeys =
    [
        "batch", "seq", "precision", "threads", "items_per_s", "tokens_per_s", "gflops", "roof_gflops", "roof_percent", "p50_ms", "p99_ms", "allocated_bytes",
        "peak_bytes",
    ];

    private static readonly string[] TokenizerKeys = ["texts", "tokens", "tokens_per_s", "bytes_per_s", "threads", "allocated_bytes"];

    [Fact]
    public void Bench_PrintsALineAShape()
    {
        CommandResult result = CommandLine.Run("bench", "--model", BiEncoder, "--shapes", "1x8,3x16", "--threads", "1", "--json").AssertDone();
        JsonElement[] lines = [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([(1, 8), (3, 16)], lines.Select(line => (line.GetProperty("batch").GetInt32(), line.GetProperty("seq").GetInt32())));
        Assert.All(lines, line =>
        {
            Assert.Equal(ShapeKeys, line.EnumerateObject().Select(member => member.Name));
            Assert.True(line.GetProperty("items_per_s").GetDouble() > 0);
            Assert.True(line.GetProperty("gflops").GetDouble() > 0);
            Assert.True(line.GetProperty("roof_gflops").GetDouble() > 0);
            Assert.Equal(100 * line.GetProperty("gflops").GetDouble() / line.GetProperty("roof_gflops").GetDouble(),
                line.GetProperty("roof_percent").GetDouble(), 1e-9);
            Assert.True(line.GetProperty("p50_ms").GetDouble() <= line.GetProperty("p99_ms").GetDouble());
        });
    }

    [Fact]
    public void Bench_OfTheTokenizerCountsEveryToken()
    {
        string texts = Write("texts.jsonl", "{\"text\": \"one two three\"}\n{\"text\": \"\"}\n");
        CommandResult result = CommandLine.Run("bench", "--tokenizer", "--model", BiEncoder, "--input", texts, "--column", "text",
            "--threads", "2", "--json").AssertDone();
        JsonElement line = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        Assert.Equal(TokenizerKeys, line.EnumerateObject().Select(member => member.Name));
        string[] tokenized = CommandLine.Run("tokenize", "--model", BiEncoder, "--input", texts, "--column", "text", "--json").AssertDone().Lines;
        Assert.Equal(tokenized.Sum(text => JsonDocument.Parse(text).RootElement.GetProperty("ids").GetArrayLength()), line.GetProperty("tokens").GetInt32());
        Assert.Equal((2, 2), (line.GetProperty("texts").GetInt32(), line.GetProperty("threads").GetInt32()));
    }

    [Fact]
    public void Bench_RefusesWhatItCannotRun()
    {
        CommandLine.Run("bench", "--model", BiEncoder, "--shapes", "1y8").AssertRefused(2, "--shapes 1y8");
        CommandLine.Run("bench", "--model", BiEncoder, "--shapes", "1x65").AssertRefused(1, "at most 64 tokens");
        CommandLine.Run("bench", "--model", BiEncoder, "--shapes", "1x8", "--precision", "int8").AssertRefused(1, "int8");
        CommandLine.Run("bench", "--model", BiEncoder, "--precision", "int9").AssertRefused(2, "int9");
        CommandLine.Run("bench", "--model", BiEncoder, "--tokenizer").AssertRefused(2, "--input");
        CommandLine.Run("bench", "--model", BiEncoder, "--tokenizer", "--input", At("none.txt")).AssertRefused(1, "no such file");
        CommandLine.Run("bench", "--model", BiEncoder, "--tokenizer", "--input", Write("empty.txt", "")).AssertRefused(1, "has no texts");
    }
}
