using System.IO.Compression;
using System.Text;

namespace MiniLM.Cli.Tests;

public sealed class DataSplitCommandTests : CommandTests
{
    private CommandResult Split(string input, string sizes, params string[] more) =>
        CommandLine.Run(["data", "split", "--input", input, "--sizes", sizes, "--output", At("out"), .. more]);

    private string[] Rows(string part) => [.. File.ReadAllText(At($"out/{part}")).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    private string Table(int rows) =>
        Write("in.tsv", "text\tlabel\n" + string.Concat(Enumerable.Range(0, rows).Select(i => $"row {i}\t{(i % 5 == 0 ? "yes" : "no")}\n")));

    [Fact]
    public void Split_GivesEveryPartTheHeaderAndItsShareOfEachValue()
    {
        CommandResult result = Split(Table(100), "60,20,10", "--stratify", "label", "--seed", "1").AssertDone();
        Assert.Contains("train.tsv 60 rows, valid.tsv 20 rows, test.tsv 10 rows", result.Error, StringComparison.Ordinal);
        Assert.Contains("label: 'yes' 20, 'no' 80", result.Error, StringComparison.Ordinal);
        string[] input = File.ReadAllLines(At("in.tsv"));
        List<string> all = [];
        foreach ((string part, int size, int yes) in new[] { ("train.tsv", 60, 12), ("valid.tsv", 20, 4), ("test.tsv", 10, 2) })
        {
            string[] rows = Rows(part);
            Assert.Equal("text\tlabel", rows[0]);
            Assert.Equal(size + 1, rows.Length);
            Assert.Equal(yes, rows.Count(row => row.EndsWith("yes", StringComparison.Ordinal)));
            Assert.Equal(rows, input.Where(rows.Contains)); // in the order of the file
            all.AddRange(rows[1..]);
        }
        Assert.Equal(90, all.Distinct().Count());
        AssertOnly("in.tsv", "out");
    }

    [Fact]
    public void Split_StratifiesByTrueAndFalse()
    {
        string input = Write("in.jsonl", string.Concat(Enumerable.Range(0, 8).Select(i => $"{{\"label\":{(i % 2 == 0 ? "true" : "false")}}}\n")));
        Assert.Contains("label: 'true' 4, 'false' 4", Split(input, "4,4", "--stratify", "label").AssertDone().Error);
        Assert.Equal(2, Rows("test.jsonl").Count(row => row.Contains("true", StringComparison.Ordinal)));
    }

    [Fact]
    public void Split_IsTheSameOfTheSameSeed()
    {
        string input = Table(50);
        string[] Train(string seed)
        {
            Split(input, "25,25", "--seed", seed, "--overwrite").AssertDone();
            return Rows("train.tsv");
        }

        Assert.Equal(Train("3"), Train("3"));
        Assert.NotEqual(Train("3"), Train("4"));
        Assert.False(File.Exists(At("out/valid.tsv")));
    }

    [Fact]
    public void Split_KeepsRowsByteForByte()
    {
        string input = Write("in.csv", "\ufefftext,label\r\n\"a\r\n\"\"b\"\"\",1\r\nc,2\r\n\"d\",1\r\ne,2");
        Split(input, "2,2", "--stratify", "label").AssertDone();
        string train = File.ReadAllText(At("out/train.csv")), test = File.ReadAllText(At("out/test.csv"));
        Assert.All(new[] { train, test }, part => Assert.StartsWith("text,label\r\n", part, StringComparison.Ordinal));
        Assert.Equal(0xef, File.ReadAllBytes(At("out/test.csv"))[0]);
        string body = train[12..] + test[12..];
        foreach (string row in new[] { "\"a\r\n\"\"b\"\"\",1\r\n", "c,2\r\n", "\"d\",1\r\n", "e,2" }) { Assert.Contains(row, body, StringComparison.Ordinal); }
        Assert.Equal("\"a\r\n\"\"b\"\"\",1\r\nc,2\r\n\"d\",1\r\ne,2".Length, body.Length);
    }

    [Theory]
    [InlineData("in.jsonl", "{\"a\":1}\n{\"b\":[2]}\n{}\n{\"c\":null}\n")]
    [InlineData("in.txt", "a\nb\nc\nd\n")]
    [InlineData("in.tsv", "x\ty\n1\t2\n3\t4\n5\t6\n7\t8\n")]
    public void Split_WithoutAColumnTakesRowsOfAnyForm(string name, string content)
    {
        Split(Write(name, content), "1,2,1").AssertDone();
        string extension = Path.GetExtension(name), header = name == "in.tsv" ? "x\ty\n" : "";
        string[] parts = [.. new[] { "train", "valid", "test" }.Select(part => File.ReadAllText(At($"out/{part}{extension}"))[header.Length..])];
        Assert.Equal(content[header.Length..].Split('\n').Order(), string.Concat(parts).Split('\n').Order());
        Assert.Equal([1, 2, 1], parts.Select(part => part.Count(c => c == '\n')));
    }

    [Fact]
    public void Split_ReadsAndWritesCompressedFiles()
    {
        using (GZipStream stream = new(File.Create(At("in.txt.gz")), CompressionLevel.Fastest)) { stream.Write("a\nb\nc\n"u8); }
        Split(At("in.txt.gz"), "2,1").AssertDone();
        using StreamReader reader = new(new GZipStream(File.OpenRead(At("out/train.txt.gz")), CompressionMode.Decompress), Encoding.UTF8);
        Assert.Equal(4, reader.ReadToEnd().Length);
    }

    [Fact]
    public void Split_WithoutHeaderCountsColumns()
    {
        Split(Write("in.tsv", "a\t1\nb\t2\nc\t1\nd\t2\n"), "2,2", "--no-header", "--stratify", "1").AssertDone();
        Assert.Equal(["1", "2"], Rows("test.tsv").Select(row => row[2..]).Order());
    }

    [Fact]
    public void Split_RefusesWhatCannotBe()
    {
        string input = Table(10);
        Split(input, "9,2").AssertRefused(1, "has 10 row(s), --sizes asks for 11. Give smaller sizes");
        Split(input, "4,3,3", "--stratify", "label").AssertRefused(1, "'yes' of column 'label' is in 2 row(s), fewer than the 3 parts");
        Split(input, "8,1", "--stratify", "label").AssertRefused(1, "has 2 values, more than a part of 1 row(s) holds");
        Split(input, "8,2", "--stratify", "lable").AssertRefused(1, "has no column 'lable', it has 'text', 'label'");
        Split(Write("empty.tsv", ""), "1,1").AssertRefused(1, "has 0 row(s)");
        Split(Write("bad.jsonl", "{\"a\":1}\n{\n"), "1,1").AssertRefused(1, "bad.jsonl:2");
        Split(Write("lack.jsonl", "{\"a\":1}\n{}\n"), "1,1", "--stratify", "a").AssertRefused(1, "lack.jsonl:2: has no 'a'");
        foreach (string sizes in new[] { "10", "1,2,3,4", "0,10", "5,x", "5,", "-5,5" })
        {
            CommandLine.Run("data", "split", "--input", input, $"--sizes={sizes}", "--output", At("out"))
                .AssertRefused(2, $"--sizes {sizes}: give two or three");
        }
        CommandLine.Run("data", "split", "--sizes", "1,1", "--output", At("out")).AssertRefused(2, "give --input FILE");
        Split("-", "1,1").AssertRefused(2, "read several times");
        AssertOnly("bad.jsonl", "empty.tsv", "in.tsv", "lack.jsonl");
    }

    [Fact]
    public void Split_ReplacesOnlyPartsAndOnlyWhenAsked()
    {
        string input = Table(10);
        Split(input, "8,2").AssertDone();
        Split(input, "8,2").AssertRefused(1, "exists. Use --overwrite");
        Split(At("out/train.tsv"), "2,2", "--overwrite").AssertRefused(2, "is the input and would be an output");
        File.WriteAllText(At("out/notes"), "mine");
        Split(input, "8,2", "--overwrite").AssertRefused(1, "holds more than train, valid and test");
        Assert.Equal(9, Rows("train.tsv").Length);
    }

    [Fact]
    public void Split_InterruptedLeavesNothing()
    {
        using CancellationTokenSource signal = new();
        signal.Cancel();
        Assert.Equal(130, CommandLine.RunWith(signal.Token, "", "data", "split", "--input", Table(10), "--sizes", "5,5", "--output", At("out")).Code);
        AssertOnly("in.tsv");
    }
}
