using System.Text;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

/// <summary>JSON that is no line each: arrays, objects of several lines, a byte at a time as a pipe may give them.</summary>
public sealed class JsonLinesTests
{
    private static readonly byte[][] Text = [[.. "text"u8]];

    [Theory]
    [InlineData("[]", "")]
    [InlineData(" [ ] \n", "")]
    [InlineData("[{\"text\":\"a\"},{\"text\":\"b\"}]", "1:a 1:b")]
    [InlineData("\ufeff[\n {\n  \"text\": \"a\"\n },\n {\"n\":[1,{\"text\":\"no\"}],\"text\":\"b\"}\n]\n", "2:a 5:b")]
    [InlineData("[\"a\",\n\"b\\n\",\"]\"]", "1:a 2:b\n 2:]")]
    [InlineData("{\"text\":\"a\"}\n\n{\n  \"text\":\n  \"b\"\n}\n{\"text\":\"c\"}", "1:a 3:b 7:c")]
    [InlineData("{\n}\n", "1:")]
    [InlineData("{\"\\ud800\":\"\\udfff\",\"\\u0074ext\":\"a\"}", "1:a")] // nobody asks for that name
    [InlineData("{\"n\": {}\n, \"text\": \"a\"}", "1:a")]
    public void Read_GivesEveryValueWithTheLineItBeginsOn(string json, string expected)
    {
        foreach (bool isSlow in new[] { false, true })
        {
            using JsonLines lines = Open(json, isSlow);
            List<string> values = [];
            string?[] value = new string?[1];
            while (lines.Read(Text, value)) { values.Add($"{lines.Source.Line}:{value[0]}"); }
            Assert.Equal(expected, string.Join(' ', values));
        }
    }

    [Theory]
    [InlineData("[{\"text\":\"a\"}", "a.json:1: not a JSON array")]
    [InlineData("[{\"text\":\"a\"},\n{\"text\":\"b", "a.json:2: not a JSON array")]
    [InlineData("[{\"text\":\"a\"}\n{\"text\":\"b\"}]", "a.json:2: not a JSON array")]
    [InlineData("[{\"text\":\"a\"}]\n{}", "a.json:2: not a JSON array")]
    [InlineData("[{\"text\":\"a\"},\n[1]]", "a.json:2: not a JSON object: '[1]'. Write ")]
    [InlineData("{\"text\":\"a\"}{\"text\":\"b\"}", "a.json:1: not one JSON value a line")]
    [InlineData("{\n\"text\":\"a\"}{\"text\":\"b\"}", "a.json:1: not one JSON value a line")]
    [InlineData("{\"text\":\"a\"\n{\"text\":\"b\"}\n", "a.json:1: not one JSON value a line")]
    [InlineData("{\"text\":\"a\"}\n{\"text\":\n", "a.json:2: not one JSON value a line")]
    [InlineData("\"a\"\n", "a.json:1: not a JSON object")] // a string counts in an array only
    public void Read_RefusesByLine(string json, string message)
    {
        foreach (bool isSlow in new[] { false, true })
        {
            using JsonLines lines = Open(json, isSlow);
            string?[] value = new string?[1];
            DataFormatException error = Assert.Throws<DataFormatException>(() => { while (lines.Read(Text, value)) { } });
            Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        }
    }

    // A cut line must not take what follows into memory.
    [Fact]
    public void Read_GivesUpOnACutLineAtTheNext()
    {
        string rest = string.Concat(Enumerable.Repeat("{\"text\":\"b\"}\n", 100_000));
        MemoryStream stream = new(Encoding.UTF8.GetBytes("{\"text\":\"a\"\n" + rest));
        using JsonLines lines = new(new JsonLineSource(new LineReader(stream, "a")));
        Assert.Throws<DataFormatException>(() => lines.Read(Text, new string?[1]));
        Assert.InRange(stream.Position, 1, 1 << 17);
    }

    [Theory]
    [InlineData("\ufeff[{\"text\":\"a\"}, {\"text\":\"ö\"},\n  {\"text\":\"c\"}]")]
    [InlineData("\ufeff{\"text\":\"a\"}\n{\n\"text\":\"ö\"\n}\n{\"text\":\"c\"}")]
    public void Seek_GoesBackToAValue(string json)
    {
        using JsonLines lines = Open(json, isSlow: false);
        string?[] value = new string?[1];
        List<(string? Text, long Start)> all = [];
        while (lines.Read(Text, value)) { all.Add((value[0], lines.Source.Start)); }
        Assert.Equal(["a", "ö", "c"], all.Select(one => one.Text));
        foreach ((string? text, long start) in new[] { all[1], all[0], all[2], all[1] })
        {
            lines.Source.Seek(start);
            Assert.True(lines.Read(Text, value));
            Assert.Equal(text, value[0]);
        }
    }

    // Elements across the ends of buffers, and one that is longer than a buffer.
    [Fact]
    public void Read_TakesAnArrayOfAnyLength()
    {
        string[] texts = [.. Enumerable.Range(0, 3000).Select(i => new string((char)('a' + i % 26), i % 97)), new string('x', 200_000), "end"];
        string json = $"[{string.Join(",", texts.Select(text => $"{{\"text\":\"{text}\"}}"))}]";
        using JsonLines lines = Open(json, isSlow: false);
        string?[] value = new string?[1];
        foreach (string text in texts)
        {
            Assert.True(lines.Read(Text, value));
            Assert.Equal(text, value[0]);
        }
        Assert.False(lines.Read(Text, value));
    }

    [Fact]
    public void Position_OfAnArrayIsRefused()
    {
        using JsonLines lines = Open("[1]".Replace("1", "{}"), isSlow: false);
        Assert.Contains("jq -c", Assert.Throws<DataFormatException>(() => lines.Source.Position).Message, StringComparison.Ordinal);
    }

    private static JsonLines Open(string json, bool isSlow)
    {
        MemoryStream bytes = new(Encoding.UTF8.GetBytes(json));
        return new JsonLines(isSlow ? new OneByte(bytes) : bytes, "a.json");
    }

    /// <summary>A pipe that gives a byte a call.</summary>
    private sealed class OneByte(Stream stream) : SequentialStream
    {
        public override bool CanRead => true;

        public override int Read(Span<byte> buffer) => stream.Read(buffer[..Math.Min(1, buffer.Length)]);
    }
}
