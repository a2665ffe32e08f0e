using System.Text.Json;

namespace MiniLM.Cli.Tests;

/// <summary>Small trainings by the command.</summary>
public abstract class TrainingTests : CommandTests
{
    private protected static readonly string[] Words = ["one", "two", "three", "a", "of", "the"];

    private protected string Output => At("out");

    /// <summary>Rows whose label is whether their texts share the first word.</summary>
    private protected string Pairs(string name = "train.tsv", int rows = 24, int from = 0, Func<int, string>? label = null)
    {
        IEnumerable<string> lines = Enumerable.Range(from, rows).Select(row =>
            $"{Words[row % 6]} {Words[row / 6 % 6]}\t{Words[row % (2 + row % 5)]} {Words[(row + row / 6) % 6]}\t{label?.Invoke(row) ?? $"{row % 2}"}");
        return Write(name, "a\tb\tlabel\n" + string.Join('\n', lines) + "\n");
    }

    private protected string[] Arguments(string train, params string[] more) =>
        ["train", "--task", "cross-encoder", "--model", CrossEncoder, "--train", train, "--columns", "a,b,label", "--loss", "BinaryCrossEntropy",
            "--output-dir", Output, "--learning-rate", "1e-3", "--seed", "7", "--num-labels", "2", .. more];

    // The fixture has two labels, one each for a row of BinaryCrossEntropy; of a single label is what most train.
    private protected string OneLabel()
    {
        if (!Directory.Exists(At("one")))
        {
            CommandLine.Run("convert", "--model", BiEncoder, "--num-labels", "1", "--seed", "3", "--output", At("one")).AssertDone();
        }
        return At("one");
    }

    private protected CommandResult Train(string train, params string[] more)
    {
        string[] arguments =
        [
            "train", "--task", "cross-encoder", "--model", OneLabel(), "--train", train, "--columns", "a,b,label", "--loss", "BinaryCrossEntropy",
            "--seed", "7", .. Unless(more, "--learning-rate", "1e-3"), .. Unless(more, "--per-device-train-batch-size", "4"), .. more,
        ];
        return CommandLine.Run(more.Contains("--output-dir") || more.Contains("--overfit") ? arguments : [.. arguments, "--output-dir", Output]);
    }

    private protected static string[] Unless(string[] given, string name, string value) => given.Contains(name) ? [] : [name, value];

    private protected static JsonElement[] History(string folder)
    {
        using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "trainer_state.json")));
        return [.. state.RootElement.GetProperty("log_history").EnumerateArray().Select(entry => entry.Clone())];
    }

    /// <summary>What is the same in every run of a training: all but times.</summary>
    private protected static string[] Timeless(string folder) => [.. History(folder).Select(entry => string.Join(' ', entry.EnumerateObject()
        .Where(property => !property.Name.Contains("runtime") && !property.Name.Contains("per_second"))
            .Select(property => $"{property.Name}={property.Value}")))];

    private protected static byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));
}
