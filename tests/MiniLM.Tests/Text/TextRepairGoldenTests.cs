using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MiniLM.Data;
using MiniLM.Tests.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Text;

/// <summary>What ftfy made of the same texts (golden/formats/text).</summary>
public sealed class TextRepairGoldenTests
{
    [Fact]
    public void Apply_GivesFtfysTextsAndSteps()
    {
        List<string> failures = [];
        JsonElement[] lines = [.. File.ReadLines(TextGolden.Path("mojibake.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.NotEmpty(lines);
        foreach (JsonElement line in lines)
        {
            string text = line.GetProperty("text").GetString()!;
            List<(string, string)> steps = [];
            TextRepair.FixSegment(text, !text.Contains('<'), steps);
            Check("fix_text", TextRepair.Apply(text, TextRepairKind.Full), text);
            Check("fix_encoding", TextRepair.Apply(text, TextRepairKind.Encoding), text);
            Check("steps", JsonSerializer.Serialize(steps.Select(step => new[] { step.Item1, step.Item2 })), text);

            void Check(string name, string actual, string of)
            {
                JsonElement element = line.GetProperty(name);
                string expected = element.ValueKind == JsonValueKind.String ? element.GetString()!
                    : JsonSerializer.Serialize(element.EnumerateArray().Select(step => step.EnumerateArray().Select(part => part.GetString())));
                if (expected != actual) { failures.Add($"{name} of '{of}': expected '{expected}', got '{actual}'"); }
            }
        }
        TokenizerGolden.Report(failures, lines.Length);
    }

    [Fact]
    public void Apply_ChangesThePassagesThatFtfyChanges()
    {
        Dictionary<string, string[]> changed = File.ReadLines(TextGolden.Path("mojibake_dl19.tsv")).Select(line => line.Split('\t'))
            .ToDictionary(fields => fields[0]);
        using TextCollection passages = TextCollection.Open(SharedFolder.Require("data", "trec-dl19", "passages.tsv"));
        List<string> failures = [];
        int compared = 0, unchanged = 0;
        for (; passages.Read(out Document passage); compared++)
        {
            string[] same = [passage.Id, Digest(passage.Text), Digest(passage.Text)];
            string[] actual =
                [passage.Id, Digest(TextRepair.Apply(passage.Text, TextRepairKind.Full)), Digest(TextRepair.Apply(passage.Text, TextRepairKind.Encoding))];
            if (!changed.Remove(passage.Id, out string[]? expected)) { (expected, unchanged) = (same, unchanged + 1); }
            if (!expected.SequenceEqual(actual)) { failures.Add($"{string.Join(' ', expected)}, got {string.Join(' ', actual)}: {passage.Text}"); }
        }
        TokenizerGolden.Report(failures, compared);
        Assert.Empty(changed);
        Assert.True(unchanged > 0 && compared > unchanged);
    }

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
