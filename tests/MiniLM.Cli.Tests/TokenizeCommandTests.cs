namespace MiniLM.Cli.Tests;

public sealed class TokenizeCommandTests : CommandTests
{
    [Fact]
    public void Tokenize_WritesIdsTypesTokensAndOffsets()
    {
        string input = Write("texts.jsonl", "{\"text\":\"one two\"}\n{\"text\":\"\"}\n");
        string[] lines = CommandLine.Run("tokenize", "--model", BiEncoder, "--input", input, "--column", "text", "--json").AssertDone().Lines;
        Assert.Equal("{\"ids\":[12,153,154,13],\"type_ids\":[0,0,0,0],\"tokens\":[\"[CLS]\",\"one\",\"two\",\"[SEP]\"],\"offsets\":[[0,0],[0,3],[4,7],[0,0]]}",
            lines[0]);
        Assert.Equal("{\"ids\":[12,13],\"type_ids\":[0,0],\"tokens\":[\"[CLS]\",\"[SEP]\"],\"offsets\":[[0,0],[0,0]]}", lines[1]);
    }

    [Fact]
    public void Tokenize_CutsNothingUnlessAsked()
    {
        string text = string.Concat(Enumerable.Repeat("one ", 200));
        Assert.Equal(202, Ids(CommandLine.Run("tokenize", "--model", BiEncoder, "--json", text)));
        Assert.Equal(20, Ids(CommandLine.Run("tokenize", "--model", BiEncoder, "--json", "--max-length", "20", text)));
    }

    [Fact]
    public void Tokenize_SaysHowManyTextsWereCut()
    {
        string input = Write("in.txt", "one\none two\none two three\n");
        Assert.Contains("truncated: 1 of 3", CommandLine.Run("tokenize", "--model", BiEncoder, "--input", input, "--max-length", "4").AssertDone().Error);
        Assert.Empty(CommandLine.Run("tokenize", "--model", BiEncoder, "--input", input, "--max-length", "5").AssertDone().Error);
        Assert.Contains("truncated: 1 of 1", CommandLine.Run("tokenize", "--model", BiEncoder, "one two three", "--max-length", "4").AssertDone().Error);
    }

    [Theory]
    [InlineData("longest_first", "[CLS] one one [SEP] two two [SEP]")]
    [InlineData("only_first", "[CLS] one [SEP] two two two [SEP]")]
    [InlineData("only_second", "[CLS] one one one [SEP] two [SEP]")]
    public void Tokenize_CutsPairsAsAsked(string truncation, string tokens)
    {
        string input = Write("pairs.jsonl", "{\"a\":\"one one one\",\"b\":\"two two two\"}\n");
        CommandResult result = CommandLine.Run("tokenize", "--model", BiEncoder, "--input", input, "--columns", "a,b", "--max-length", "7", "--truncation",
            truncation).AssertDone();
        Assert.Equal(tokens + "\n", result.Output);
    }

    [Fact]
    public void Tokenize_NeedsNoWeights()
    {
        string folder = Directory.CreateDirectory(At("vocabulary")).FullName;
        File.Copy(Path.Combine(BiEncoder, "vocab.txt"), Path.Combine(folder, "vocab.txt"));
        Assert.Equal("[CLS] one [SEP]\n", CommandLine.Run("tokenize", "--model", folder, "one").AssertDone().Output);
    }

    [Fact]
    public void Tokenize_LeavesNothingWhenInterrupted()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        string input = Write("texts.txt", "one\n");
        CommandResult result = CommandLine.RunWith(source.Token, "", "tokenize", "--model", BiEncoder, "--input", input, "--output", At("out.jsonl"), "--json");
        Assert.Equal(130, result.Code);
        AssertOnly("texts.txt");
    }

    private static int Ids(CommandResult result) => result.AssertDone().Output.Split(']')[0].Count(c => c == ',') + 1;
}
