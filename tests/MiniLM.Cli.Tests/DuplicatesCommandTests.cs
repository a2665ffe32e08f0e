using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class DuplicatesCommandTests : CommandTests
{
    private const string Long = "the quick brown fox jumps over the lazy dog and runs away into the dark forest";

    private static JsonElement Json(CommandResult result) => JsonDocument.Parse(result.AssertDone().Output).RootElement;

    [Fact]
    public void Deduplicate_LeavesTheOtherRowsByteForByte()
    {
        string input = Write("a.tsv", $"id\ttext\r\n1\t{Long}\r\n2\tother\n\n3\t{Long.ToUpperInvariant()}  \n4\t{Long}s\n5\tOther\n6\tlast");
        CommandResult result = CommandLine.Run("data", "deduplicate", "--input", input, "--column", "text", "--output", At("b.tsv"), "--json");
        Assert.Equal("""{"kept":3,"exact":2,"near":1,"threshold":0.8}""", result.AssertDone().Output.Trim());
        Assert.Equal("minilm: 3 rows kept; removed: 2 the same, 1 similar\n", result.Error);
        Assert.Equal($"id\ttext\r\n1\t{Long}\r\n2\tother\n6\tlast", File.ReadAllText(At("b.tsv")));
    }

    [Fact]
    public void Deduplicate_KeepsSimilarRowsBelowTheThreshold()
    {
        string input = Write("a.jsonl", $"\ufeff{{\"q\":\"{Long}\"}}\r\n{{\"q\":\"{Long}s\"}}\n{{\"q\":\"{Long}\",\"x\":1}}\n");
        CommandLine.Run("data", "deduplicate", "--input", input, "--column", "q", "--output", At("b.jsonl"), "--threshold", "1").AssertDone();
        Assert.Equal($"\ufeff{{\"q\":\"{Long}\"}}\r\n{{\"q\":\"{Long}s\"}}\n", Encoding.UTF8.GetString(File.ReadAllBytes(At("b.jsonl"))));
    }

    [Fact]
    public void Deduplicate_ReadsAndWritesCompressedFiles_AndQuotedRows()
    {
        using (GZipStream stream = new(File.Create(At("a.csv.gz")), CompressionLevel.Fastest)) { stream.Write("text,n\n\"a\nb\",1\nc,2\n\"A B\",3\nd,4\n"u8); }
        CommandLine.Run("data", "deduplicate", "--input", At("a.csv.gz"), "--output", At("b.csv.gz")).AssertDone();
        using StreamReader reader = new(new GZipStream(File.OpenRead(At("b.csv.gz")), CompressionMode.Decompress), Encoding.UTF8);
        Assert.Equal("text,n\n\"a\nb\",1\nc,2\nd,4\n", reader.ReadToEnd());
    }

    [Fact]
    public void Deduplicate_RefusesWhatItCannotDo()
    {
        CommandLine.Run("data", "deduplicate", "--output", At("b")).AssertRefused(2, "give --input FILE");
        CommandLine.Run("data", "deduplicate", "--input", "-", "--output", At("b")).AssertRefused(2, "the rows are read more than once");
        string input = Write("a.txt", "x\n");
        foreach (string wrong in (string[])["0", "1.1", "-1", "x", "1e-1"])
        {
            CommandLine.Run("data", "deduplicate", "--input", input, "--output", At("b"), "--threshold", wrong)
                .AssertRefused(2, $"--threshold {wrong}: give a number above 0, at most 1");
        }
        CommandLine.Run("data", "deduplicate", "--input", input, "--output", input).AssertRefused(2, "a.txt: is the input and the output");
        CommandLine.Run("data", "deduplicate", "--input", input, "--column", "b", "--output", At("b")).AssertRefused(1, "lines of text have one column");
        AssertOnly("a.txt");
    }

    [Fact]
    public void Leakage_CountsColumnByColumnAndAcross()
    {
        string train = Write("train.tsv", $"a\tb\nOne  question\t{Long}\nsecond\tthird\n\t\n");
        string test = Write("test.tsv", $"b\ta\nx\tone question\n\"quoted\"\t{Long}!\nthird\tfourth\nfine\tunseen\n\t\n");
        JsonElement json = Json(CommandLine.Run("data", "leakage", "--train", train, "--test", test, "--columns", "a,b", "--json"));
        Assert.Equal([3, 5, 3], ((string[])["train_rows", "test_rows", "leaked_test_rows"]).Select(count => json.GetProperty(count).GetInt32()));
        Assert.Equal(0.8, json.GetProperty("threshold").GetDouble());
        Assert.Equal(["a a 1 0", "a b 0 0", "b a 0 1", "b b 1 0"], json.GetProperty("columns").EnumerateArray()
            .Select(pair => $"{pair.GetProperty("train")} {pair.GetProperty("test")} {pair.GetProperty("exact")} {pair.GetProperty("near")}"));
        JsonElement example = json.GetProperty("columns")[2].GetProperty("examples")[0];
        Assert.Equal((2, 3), (example.GetProperty("train_line").GetInt32(), example.GetProperty("test_line").GetInt32()));
        Assert.InRange(example.GetProperty("similarity").GetDouble(), 0.95, 0.999);
        Assert.Equal(Long + "!", example.GetProperty("test_text").GetString());
        string table = CommandLine.Run("data", "leakage", "--train", train, "--test", test, "--columns", "a,b").AssertDone().Output;
        Assert.StartsWith("3 of 5 test rows have a text of 3 training rows, the same or similar\n"
            + "train  test  same  similar\na      a        1        0\n", table);
        Assert.Contains("1.000  line 2: 'One  question'  line 2: 'one question'", table);
    }

    [Fact]
    public void Leakage_TakesTheTextColumnWhenNoneIsNamed()
    {
        string train = Write("a.jsonl", "{\"text\":\"A\"}\n"), test = Write("b.jsonl", "{\"text\":\"a \"}\n{\"text\":\"b\"}\n");
        JsonElement json = Json(CommandLine.Run("data", "leakage", "--train", train, "--test", test, "--json", "--threshold", "0.5"));
        Assert.Equal("text", json.GetProperty("columns")[0].GetProperty("train").GetString());
        Assert.Equal(1, json.GetProperty("leaked_test_rows").GetInt32());
        CommandLine.Run("data", "leakage", "--train", train, "--test", At("none.jsonl")).AssertRefused(1, "none.jsonl: no such file");
        CommandLine.Run("data", "leakage", "--train", train).AssertRefused(2, "'--test' is required");
    }
}
