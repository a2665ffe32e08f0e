using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace MiniLM.Cli.Tests;

/// <summary>Every command that computes gives on the emulated GPU what it gives on the CPU.</summary>
public sealed partial class EmulatedDeviceTests : CommandTests
{
    // Twice what the goldens allow each device: 2e-6 for embeddings and their cosines, 5e-5 for the logits of tiny models.
    private const double Embeddings = 4e-6, Logits = 1e-4;

    [Fact]
    public void Embed_AgreesWithTheCpu() =>
        AssertAgree(Embeddings, "embed", "--model", BiEncoder, "--input", Write("texts.jsonl", JsonTexts(20)), "--column", "text");

    [Fact]
    public void Similarity_AgreesWithTheCpu() =>
        AssertAgree(Embeddings, "similarity", "--model", BiEncoder, "--input", Write("pairs.tsv", "a\tb\none two\tthree\n\t\nof the\ta\n"), "--columns", "a,b");

    [Fact]
    public void Rerank_AgreesWithTheCpu() =>
        AssertAgree(Logits, "rerank", "--model", CrossEncoder, "--pairs", Write("pairs.tsv", "a\tb\none two\tthree\n\t\nof the\ta\n"), "--columns", "a,b");

    [Fact]
    public void IndexAndSearch_AgreeWithTheCpu()
    {
        string corpus = Write("corpus.jsonl", IndexCommandTests.Corpus), queries = Write("q.tsv", "q1\tone two three\nq2\tof a\n");
        string[][] runs = [.. new[] { "cpu", "emulated" }.Select(device =>
        {
            CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At(device), "--device", device).AssertDone();
            return CommandLine.Run("search", "--index", At(device), "--queries", queries, "--output", "-", "--device", device).AssertDone().Lines;
        })];
        AssertAgree(Embeddings, runs[0], runs[1]);
    }

    [Fact]
    public void Bench_MeasuresTheEmulatorWithoutARoof()
    {
        CommandResult result = CommandLine.Run("bench", "--model", BiEncoder, "--shapes", "1x3", "--device", "emulated", "--json").AssertDone();
        JsonElement line = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal((1, 3, JsonValueKind.Null), (line.GetProperty("batch").GetInt32(), line.GetProperty("seq").GetInt32(),
            line.GetProperty("roof_gflops").ValueKind));
        Assert.True(line.GetProperty("items_per_s").GetDouble() > 0);
    }

    private static void AssertAgree(double tolerance, params string[] command) =>
        AssertAgree(tolerance, CommandLine.Run([.. command, "--device", "cpu"]).AssertDone().Lines,
            CommandLine.Run([.. command, "--device", "emulated"]).AssertDone().Lines);

    /// <summary>The same lines but for their fractions, which are close.</summary>
    private static void AssertAgree(double tolerance, string[] expected, string[] actual)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Select(line => Fraction().Replace(line, "x")), actual.Select(line => Fraction().Replace(line, "x")));
        double[] Values(string[] lines) =>
            [.. lines.SelectMany(line => Fraction().Matches(line)).Select(match => double.Parse(match.Value, CultureInfo.InvariantCulture))];
        double[] cpu = Values(expected), emulated = Values(actual);
        Assert.NotEmpty(cpu);
        for (int i = 0; i < cpu.Length; i++)
        {
            Assert.True(Math.Abs(cpu[i] - emulated[i]) <= tolerance, $"number {i}: {cpu[i]} on the CPU, {emulated[i]} in the emulator");
        }
    }

    /// <summary>A score of 1 has no fraction: it is one where a score stands, at the end of a JSON object or of a run's column.</summary>
    [GeneratedRegex(@"-?\d+\.\d+(E-?\d+)?|-?\d+E-\d+|(?<=""score"":)-?\d+|(?<= )-?\d(?= minilm)")]
    private static partial Regex Fraction();
}
