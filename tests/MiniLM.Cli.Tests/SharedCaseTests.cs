using System.Text.Json;
using System.Text.RegularExpressions;
using MiniLM.Tests;

namespace MiniLM.Cli.Tests;

/// <summary>Folders and files that users of other engines reported, with the answers of sentence-transformers and transformers: a model is put together of a
/// base folder and what lies over it, and all that the list expects of a command must hold.</summary>
public sealed class SharedCaseTests : CommandTests
{
    private const double Tolerance = 2e-6; // times the larger of 1 and the right value
    private static readonly TimeSpan MostToRefuse = TimeSpan.FromSeconds(10);

    public static TheoryData<string> Names()
    {
        if (SharedFolder.Root is not { } root || Path.Combine(root, "cases", "cases.json") is var list && !File.Exists(list)) { return [""]; }
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(list));
        return [.. json.RootElement.EnumerateArray().Select(entry => entry.GetProperty("name").GetString()!)];
    }

    [Theory, MemberData(nameof(Names))]
    public void Command_AnswersAsExpected(string name)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("cases", "cases.json")));
        JsonElement entry = json.RootElement.EnumerateArray().Single(one => one.GetProperty("name").GetString() == name);
        string model = PutTogether(entry);
        Directory.CreateDirectory(At("out"));
        foreach (JsonElement before in Values(entry, "before")) { CommandLine.Run(Arguments(before)).AssertDone(); }
        string[] command = Arguments(entry.GetProperty("command"));
        byte[] input = entry.TryGetProperty("stdin", out JsonElement file) ? File.ReadAllBytes(Path.Combine(InputFolder(), file.GetString()!)) : [];
        using CancellationTokenSource late = new(MostToRefuse);
        bool isRefused = entry.GetProperty("expect").GetProperty("rc").ValueKind == JsonValueKind.String;
        // A working folder is of the whole process.
        CommandResult result = entry.TryGetProperty("cwd", out JsonElement folder)
            ? CommandLine.Shell($"$MINILM {string.Join(' ', command.Select(argument => $"'{argument}'"))}", Text(folder))
            : CommandLine.RunWith(isRefused ? late.Token : default, input, command);
        JsonProperty[] expectations = [.. entry.GetProperty("expect").EnumerateObject()];
        Assert.NotEmpty(expectations);
        Assert.All(expectations, expectation => Check(expectation, result));

        string[] Arguments(JsonElement arguments) => [.. arguments.EnumerateArray().Select(Text)];
        string InputFolder() => SharedFolder.Require("cases", "input", name);
        string Text(JsonElement value) => value.GetString()!.Replace("{model}", model, StringComparison.Ordinal)
            .Replace("{folder}", Path.GetFileName(model), StringComparison.Ordinal).Replace("{out}", At("out"), StringComparison.Ordinal)
            is var text && text.Contains("{case}", StringComparison.Ordinal) ? text.Replace("{case}", InputFolder(), StringComparison.Ordinal) : text;
    }

    private string PutTogether(JsonElement entry)
    {
        string model = At("model");
        Copy(SharedFolder.Require("cases", "models", entry.GetProperty("base").GetString()!), model);
        foreach (string name in Values(entry, "remove").Select(value => value.GetString()!))
        {
            string path = Path.Combine(model, name);
            if (Directory.Exists(path)) { Directory.Delete(path, recursive: true); }
            else { File.Delete(path); }
        }
        foreach (JsonElement overlay in Values(entry, "overlay")) { Copy(SharedFolder.Require("cases", "overlays", overlay.GetString()!), model); }
        return model;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from)) { File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true); }
        foreach (string folder in Directory.EnumerateDirectories(from)) { Copy(folder, Path.Combine(to, Path.GetFileName(folder))); }
    }

    private static IEnumerable<JsonElement> Values(JsonElement entry, string key) =>
        entry.TryGetProperty(key, out JsonElement values) ? values.EnumerateArray() : [];

    private static void Check(JsonProperty expectation, CommandResult result)
    {
        JsonElement expected = expectation.Value;
        string[] said = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        switch (expectation.Name)
        {
            case "rc" when expected.ValueKind == JsonValueKind.Number:
                Assert.True(expected.GetInt32() == result.Code, $"exit code {result.Code}: {result.Error}");
                break;
            case "rc" when expected.GetString() == "refused":
                Assert.True(result.Code is >= 1 and <= 123, $"exit code {result.Code}: {result.Error}");
                Assert.DoesNotContain("internal error", result.Error);
                break;
            case "error":
                Assert.True(said.Length == 1 || (said.Length == 2 && said[1].StartsWith("Help: ", StringComparison.Ordinal)), result.Error);
                Assert.Matches(expected.GetString()!, said[0]);
                break;
            case "stderr":
                Assert.Contains(said, line => Regex.IsMatch(line, expected.GetString()!));
                break;
            case "stderr_lines":
                Assert.True(expected.GetInt32() == said.Length, result.Error);
                break;
            case "embeddings":
                CheckLines(expected, result, "embedding");
                break;
            case "scores":
                CheckLines(expected, result, "score", "scores");
                break;
            case "ids":
                CheckLines(expected, result, "ids");
                break;
            case "run":
                CheckRun(expected, result.Lines);
                break;
            default:
                Assert.Fail($"nothing is known of the expectation {expectation}");
                break;
        }
    }

    private static void CheckLines(JsonElement expected, CommandResult result, params string[] keys)
    {
        Assert.Equal(expected.GetArrayLength(), result.Lines.Length);
        foreach ((JsonElement right, string line) in expected.EnumerateArray().Zip(result.Lines))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            CheckValue(right, json.RootElement.EnumerateObject().Single(property => keys.Contains(property.Name)).Value);
        }
    }

    private static void CheckValue(JsonElement expected, JsonElement actual)
    {
        Assert.Equal(expected.ValueKind, actual.ValueKind);
        if (expected.ValueKind == JsonValueKind.Number)
        {
            double right = expected.GetDouble();
            Assert.Equal(right, actual.GetDouble(), Tolerance * Math.Max(1, Math.Abs(right)));
            return;
        }
        Assert.Equal(expected.GetArrayLength(), actual.GetArrayLength());
        foreach ((JsonElement right, JsonElement value) in expected.EnumerateArray().Zip(actual.EnumerateArray())) { CheckValue(right, value); }
    }

    private static void CheckRun(JsonElement expected, string[] lines)
    {
        ILookup<string, string[]> run = lines.Select(line => line.Split(' ')).ToLookup(fields => fields[0]);
        Assert.Equal(expected.EnumerateObject().Select(query => query.Name).Order(), run.Select(query => query.Key).Order());
        foreach (JsonProperty query in expected.EnumerateObject())
        {
            Assert.Equal(query.Value.EnumerateArray().Select(document => document[0].GetString()), run[query.Name].Select(fields => fields[2]));
            foreach ((JsonElement right, string[] fields) in query.Value.EnumerateArray().Zip(run[query.Name]))
            {
                using JsonDocument score = JsonDocument.Parse(fields[4]);
                CheckValue(right[1], score.RootElement);
            }
        }
    }
}
