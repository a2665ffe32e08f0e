using System.IO.Compression;
using System.Text;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Data;

public sealed class RowReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-rows-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_ReadsTheSameTextsFromEveryFormat()
    {
        string[] expected = ["one", "", "drei \u2028 \U0001F642"];
        Assert.Equal(expected, Read(Write("a.txt", "one\n\ndrei \u2028 \U0001F642"), new()));
        Assert.Equal(expected, Read(Write("a.tsv", "id\ttext\r\n1\tone\r\n2\t\r\n3\tdrei \u2028 \U0001F642\r\n"), new()));
        Assert.Equal(expected, Read(Write("b.tsv", "1\tone\n2\t\n3\tdrei \u2028 \U0001F642\n"), new() { Columns = ["1"], HasHeader = false }));
        Assert.Equal(expected, Read(Write("a.csv", "text,id\none,1\n\"\",2\n\"drei \u2028 \U0001F642\",3"), new()));
        Assert.Equal(expected,
            Read(Write("a.jsonl", "\ufeff{\"text\":\"one\"}\n\n{\"id\":2,\"text\":\"\"}\r\n{\"text\":\"drei \u2028 \\ud83d\\ude42\"}"), new()));
    }

    [Theory]
    [InlineData("a.txt", "123456789\n"), InlineData("a.tsv", "text\n"), InlineData("a.csv", "text\n"), InlineData("a.jsonl", "{\"text\":\"\"}\n")]
    public void ShareRead_IsThatOfTheLinesBehindTheReader(string name, string line)
    {
        using RowReader reader = RowReader.Open(Write(name, string.Concat(Enumerable.Repeat(line, 1000))), new());
        string[] row = [""];
        for (int done = name is "a.tsv" or "a.csv" ? 1 : 0; done < 1000; done++) // a header is done
        {
            Assert.Equal(done / 1000.0, reader.ShareRead!.Value, 1e-9);
            Assert.True(reader.Read(row));
        }
        Assert.Equal(1, reader.ShareRead);
    }

    [Fact]
    public void ShareRead_OfAnArrayOrACompressedFileGoesUpToOne_AndOfAPipeIsNotKnown()
    {
        const int Count = 100_000;
        string lines = string.Concat(Enumerable.Range(0, Count).Select(i => $"text {i * 7919L % 100_003}\n")), compressed = Path.Combine(_folder, "a.txt.gz");
        using (GZipStream gzip = new(File.Create(compressed), CompressionLevel.Optimal)) { gzip.Write(Encoding.UTF8.GetBytes(lines)); }
        string array = Write("a.json", $"[{string.Join(',', Enumerable.Range(0, Count).Select(i => $"{{\"text\":\"{i}\"}}"))}]");
        string[] row = [""];
        foreach (string path in new[] { array, compressed })
        {
            using RowReader reader = RowReader.Open(path, new());
            List<double> shares = [];
            while (reader.Read(row)) { shares.Add(reader.ShareRead!.Value); }
            Assert.Equal(Count, shares.Count);
            Assert.Equal(shares.Order(), shares);
            Assert.InRange(shares[Count / 2], .4, .7);
            Assert.InRange(shares[^1], .99, 1);
        }
        using RowReader pipe = RowReader.Open("-", new() { Format = "txt" }, () => new MemoryStream(Encoding.UTF8.GetBytes(lines)));
        Assert.True(pipe.Read(row));
        Assert.Null(pipe.ShareRead);
    }

    // A comma in a text without quotes moves what is behind it.
    [Fact]
    public void ARow_HasNoMoreFieldsThanItsHeader()
    {
        RowFormat pairs = new() { Columns = ["a"], Options = ["--quotes"] };
        Assert.EndsWith("a.csv:3: has 3 fields, and its header 2. Correct the row, or say how it is to be read (--format tsv|csv, --quotes on|off).",
            Assert.Throws<DataFormatException>(() => Read(Write("a.csv", "a,b\nx,y\nthe cat, old,z\n"), pairs)).Message);
        Assert.EndsWith("b.csv:2: has 2 fields, and its header 1. Correct the row.",
            Assert.Throws<DataFormatException>(() => Read(Write("b.csv", "text\nhello, world\n"), new())).Message);
        Assert.Equal(["x", "y"], Read(Write("c.csv", "a,b\nx,1,\ny,2,,\n"), pairs)); // nothing was moved
        Assert.Equal(["x", "y"], Read(Write("d.csv", "x,1,2\ny,2\n"), new() { Columns = ["0"], HasHeader = false }));
    }

    [Theory]
    [InlineData("a.jsonl", "{}", "has no 'a', or it is null. Correct the line.",
        "has no 'a', or it is null. Name the column that holds the text (--columns), or correct the line.")]
    [InlineData("a.xyz", "", "is not known. Use .jsonl, .tsv, .csv or .txt.", "is not known. Use .jsonl, .tsv, .csv or .txt, or say --format.")]
    [InlineData("a.txt", "x", "For 'a' give a .tsv, .csv or .jsonl file.", "For 'a' say --format tsv, csv or jsonl.")]
    [InlineData("a.tsv", "b\ta\nx\n", "no field 1 (counted from 0). Correct the row.",
        "no field 1 (counted from 0). Correct the row, or say how it is to be read (--format tsv|csv, --quotes on|off).")]
    [InlineData("a.csv", "b,c\n", "it has 'b', 'c'. Give the table such a column.",
        "it has 'b', 'c'. Name one of them (--columns), or say --no-header and number them from 0.")]
    public void Messages_NameOnlyOptionsThatTheCommandHas(string name, string content, string without, string with)
    {
        string path = Write(name, content);
        RowFormat format = new() { Columns = ["a"] };
        Assert.EndsWith(without, Assert.Throws<DataFormatException>(() => Read(path, format)).Message);
        format = format with { Options = ["--columns", "--quotes", "--no-header", "--format"] };
        Assert.EndsWith(with, Assert.Throws<DataFormatException>(() => Read(path, format)).Message);
        if (name != "a.csv") { return; }
        Assert.EndsWith("Name one of them (--column).", Assert.Throws<DataFormatException>(() => Read(path, format with { Options = ["--column"] })).Message);
    }

    [Fact]
    public void Read_RepairsEveryColumn()
    {
        RowFormat format = new() { Columns = ["a", "b"], Repair = TextRepairKind.Full };
        Assert.Equal(["é", "&", "x", "é"], Read(Write("a.tsv", "a\tb\nÃ©\t&amp;\nx\te\u0301\n"), format, width: 2));
        format = format with { Repair = TextRepairKind.Encoding };
        Assert.Equal(["é", "&amp;"], Read(Write("a.jsonl", "{\"a\":\"Ã©\",\"b\":\"&amp;\"}\n"), format, width: 2));
        Assert.Equal(["Ã©"], Read(Write("a.txt", "Ã©\n"), new()));
        Assert.Equal(["é"], Read(Write("a.txt", "Ã©\n"), new() { Repair = TextRepairKind.Encoding }));
    }

    [Fact]
    public void Open_ReadsCompressedFiles()
    {
        string path = Path.Combine(_folder, "a.jsonl.gz");
        using (GZipStream stream = new(File.Create(path), CompressionLevel.Fastest)) { stream.Write("{\"text\":\"packed\"}\n"u8); }
        Assert.Equal(["packed"], Read(path, new()));
        byte[] bytes = File.ReadAllBytes(path);
        // Cut off, even in the checksum behind the text.
        foreach (int length in (int[])[bytes.Length / 2, bytes.Length - 9, bytes.Length - 4, bytes.Length - 1])
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Contains("copy it again", Assert.Throws<DataFormatException>(() => Read(path, new())).Message);
        }
        File.WriteAllBytes(path, [.. bytes, .. bytes]);
        Assert.Equal(["packed", "packed"], Read(path, new()));
    }

    [Theory]
    [InlineData("{\"text\":\"a\"}\n", "a")]
    [InlineData("\ufeff \n {\"text\":\"a\"}", "a")]
    [InlineData("a\n", "a")]
    [InlineData("x", "x")]
    public void Open_SeesJsonLinesInStandardInput(string input, string text) =>
        Assert.Equal([text], Read("-", new(), () => new MemoryStream(Encoding.UTF8.GetBytes(input))).Where(line => line.Length > 0));

    [Theory]
    [InlineData("a.csv", "text\n\"open", "a.csv:2: a quote is opened and never closed")]
    [InlineData("a.tsv", "", "a.tsv: is empty. Give a table with a header.")]
    [InlineData("a.tsv", "id\tx\n1\t2\n", "has no column 'text', it has 'id', 'x'")]
    [InlineData("b.tsv", "id\ttext\n1\ta\n2\n", "b.tsv:3: has 1 field(s), no field 1")]
    [InlineData("a.jsonl", "{\"text\":\"a\"}\n\n{\"x\":1}", "a.jsonl:3: has no 'text'")]
    [InlineData("b.jsonl", "{\"text\":[1]}", "b.jsonl:1: 'text' is a list")]
    [InlineData("c.jsonl", "{\"text\":\"a\"} {}", "c.jsonl:1: not one JSON value a line")]
    [InlineData("a.xyz", "", "the format 'xyz' is not known")]
    public void Read_NamesFileAndLine(string name, string content, string message)
    {
        string path = Write(name, content);
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => Read(path, new())).Message);
    }

    [Theory]
    [InlineData("a.txt", "ok\n", "a.txt:2: not UTF-8")]
    [InlineData("a.csv", "text\n", "a.csv:2: not UTF-8")]
    [InlineData("a.jsonl", "{\"text\":\"\"}\n", "a.jsonl:2: not UTF-8")]
    public void Read_NamesTheLineThatIsNotUtf8(string name, string before, string message)
    {
        string path = Write(name, before);
        File.AppendAllBytes(path, [(byte)'c', 0xE9, (byte)'\n']);
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => Read(path, new())).Message);
    }

    [Fact]
    public void Read_TakesALineOfTenMegabytes()
    {
        string text = new('x', 10_000_000);
        Assert.Equal([text, "end"], Read(Write("a.jsonl", $"{{\"text\":\"{text}\"}}\n{{\"text\":\"end\"}}\n"), new()));
    }

    [Fact]
    public void Read_GivesTheSameRowsWhereverTheBufferEnds()
    {
        // Fields of every length around the buffer of 65,536 bytes, with quotes, doubled quotes and CR LF at its edge.
        for (int length = 65_528; length < 65_538; length++)
        {
            string x = new('x', length);
            Assert.Equal([x + "\"\r\n\"", "y"], Read(Write("a.csv", $"text\r\n\"{x}\"\"\r\n\"\"\"\r\ny\r\n"), new()));
        }
    }

    [Fact]
    public void NpyHeader_IsWhatNumpyReads()
    {
        byte[] header = NpyHeader.Create(1_000_000, 384);
        Assert.Equal(128, header.Length);
        Assert.Equal(0x93, header[0]);
        Assert.Equal("NUMPY\u0001\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 384), }", Encoding.ASCII.GetString(header, 1, 127).TrimEnd());
        Assert.Equal((byte)'\n', header[^1]);
    }

    private string Write(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, content, new UTF8Encoding(false));
        return path;
    }

    private static List<string> Read(string path, RowFormat format, Func<Stream>? input = null, int width = 1)
    {
        using RowReader reader = RowReader.Open(path, format, input);
        List<string> texts = [];
        string[] row = new string[width];
        while (reader.Read(row)) { texts.AddRange(row); }
        return texts;
    }
}
