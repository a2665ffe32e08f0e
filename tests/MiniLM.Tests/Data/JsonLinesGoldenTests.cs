using System.Text.Json;
using System.Text.Json.Nodes;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public class JsonLinesGoldenTests
{
    [Fact]
    public void Read_TakesAndRefusesEveryGoldenLine()
    {
        string path = TextGolden.Path("jsonl", "lines.jsonl");
        byte[][] lines = [.. Lines(File.ReadAllBytes(path))];
        int seen = 0;
        foreach (JsonElement golden in TextGolden.Json("jsonl", "expected.json").GetProperty("lines").EnumerateArray())
        {
            int number = golden.GetProperty("line").GetInt32();
            // One line of the file behind as many blank ones, so that its number shows in the error.
            byte[] text = [.. Enumerable.Repeat((byte)'\n', number - 1), .. lines[number - 1]];
            using JsonLines reader = new(new JsonLineSource(new LineReader(new MemoryStream(text), path)));
            seen++;
            switch (golden.GetProperty("verdict").GetString())
            {
                case "accept":
                    Assert.True(reader.Read([], []));
                    Assert.Equal(number, reader.Source.Line);
                    break;
                case "blank":
                    Assert.False(reader.Read([], []));
                    break;
                case "refuse":
                    DataFormatException error = Assert.Throws<DataFormatException>(() => reader.Read([], []));
                    Assert.StartsWith($"{path}:{number}: ", error.Message);
                    Assert.DoesNotContain('\n', error.Message);
                    break;
                case "either": // taken, or refused by its place
                    if (Record.Exception(() => reader.Read([], [])) is { } thrown)
                    {
                        Assert.StartsWith($"{path}:{number}: ", Assert.IsType<DataFormatException>(thrown).Message);
                    }
                    break;
                default:
                    Assert.Fail($"line {number}: no such verdict");
                    break;
            }
        }
        Assert.Equal(lines.Length, seen);
    }

    [Fact]
    public void Read_GivesTheGoldenTexts()
    {
        string path = TextGolden.Path("jsonl", "lines.jsonl");
        Dictionary<long, JsonElement> values = TextGolden.Json("jsonl", "expected.json").GetProperty("lines").EnumerateArray()
            .Where(line => line.TryGetProperty("value", out JsonElement value) && value.ValueKind == JsonValueKind.Object)
            .ToDictionary(line => line.GetProperty("line").GetInt64(), line => line.GetProperty("value"));
        int compared = 0;
        byte[][] lines = [.. Lines(File.ReadAllBytes(path))];
        string?[] picked = new string?[2];
        foreach ((long number, JsonElement value) in values)
        {
            using JsonLines reader = new(new JsonLineSource(new LineReader(new MemoryStream(lines[number - 1]), path)));
            Assert.True(reader.Read(["text"u8.ToArray(), "id"u8.ToArray()], picked));
            Assert.Equal(value.TryGetProperty("text", out JsonElement text) ? text.GetString() : null, picked[0]);
            Assert.Equal(value.TryGetProperty("id", out JsonElement id) ? JsonNode.Parse(id.GetRawText())!.ToString() : null, picked[1]);
            compared++;
        }
        Assert.True(compared >= 7, $"only {compared} lines");
    }

    // Lines keep their end: CR LF is the reader's to take off.
    private static IEnumerable<byte[]> Lines(byte[] bytes)
    {
        for (int start = 0; start < bytes.Length;)
        {
            int end = Array.IndexOf(bytes, (byte)'\n', start);
            end = end < 0 ? bytes.Length : end + 1;
            yield return bytes[start..end];
            start = end;
        }
    }
}
