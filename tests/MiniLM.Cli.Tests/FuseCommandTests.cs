using System.IO.Compression;

namespace MiniLM.Cli.Tests;

public sealed class FuseCommandTests : CommandTests
{
    private string First => Write("a.run", "q2 Q0 b 9 1 x\nq2 Q0 a 9 3 x\nq1 Q0 c 1 7 x\n"); // not in the order of its scores

    private string Second => Write("b.run", "q3 Q0 d 1 0.5 y\nq2 Q0 c 1 0.9 y\nq2 Q0 d 2 0.4 y\nq2 Q0 a 3 -0.1 y\n");

    [Fact]
    public void Fuse_WritesEveryQueryOfAnyRun_ByReciprocalRanks()
    {
        CommandResult result = CommandLine.Run("fuse", First, Second, "--output", At("out.run")).AssertDone();
        Assert.Equal(
        [
            $"q2 Q0 a 1 {1 / 61.0 + 1 / 63.0} minilm", $"q2 Q0 c 2 {1 / 61.0} minilm", $"q2 Q0 b 3 {1 / 62.0} minilm", $"q2 Q0 d 4 {1 / 62.0} minilm",
            $"q1 Q0 c 1 {1 / 61.0} minilm", $"q3 Q0 d 1 {1 / 61.0} minilm",
        ], File.ReadAllLines(At("out.run")));
        Assert.Equal("minilm: equal scores: 2 (the lesser id first)\n", result.Error);
        AssertOnly("a.run", "b.run", "out.run");
        CommandLine.Run("fuse", First, Second, "--output", At("out.run")).AssertRefused(1, "out.run: exists. Use --overwrite");
        CommandLine.Run("fuse", First, Second, "--output", At("out.run"), "--overwrite", "--k", "0").AssertDone();
        Assert.Equal($"q2 Q0 a 1 {1 + 1 / 3.0} minilm", File.ReadLines(At("out.run")).First());
    }

    [Theory]
    [InlineData("minmax", "a 1, c 1, d 0.5, b 0")]
    [InlineData("zscore", "c 1.22, a -0.22, d 0, b -1")]
    [InlineData("combsum", "a 2.9, b 1, c 0.9, d 0.4")]
    [InlineData("combmnz", "a 5.8, b 1, c 0.9, d 0.4")]
    public void Method_IsTaken(string method, string expected)
    {
        CommandResult result = CommandLine.Run("fuse", First, Second, "--method", method).AssertDone();
        string[][] lines = [.. result.Lines.Select(line => line.Split(' ')).Where(line => line[0] == "q2")];
        Assert.Equal(expected.Split(", ").OrderByDescending(line => double.Parse(line.Split(' ')[1])),
            lines.Select(line => $"{line[2]} {Math.Round(double.Parse(line[4]), 2)}"));
        Assert.Equal(["1", "2", "3", "4"], lines.Select(line => line[3]));
    }

    [Fact]
    public void DepthWeightsTagAndThreeRuns_AreTaken()
    {
        using (GZipStream file = new(File.Create(At("c.run.gz")), CompressionLevel.Fastest)) { file.Write("q2 a 1\nq2 z 2\n"u8); } // MS MARCO's form
        CommandResult result = CommandLine.RunWith(CancellationToken.None, File.ReadAllText(First), "fuse", "-", Second, At("c.run.gz"), "--depth", "1",
            "--weights", "61,122,0", "--tag", "hybrid").AssertDone();
        Assert.Equal(["q2 Q0 c 1 2 hybrid", "q2 Q0 a 2 1 hybrid", "q1 Q0 c 1 1 hybrid", "q3 Q0 d 1 2 hybrid"], result.Lines);
    }

    [Theory]
    [InlineData("give two runs or more", "a.run")]
    [InlineData("standard input (-) can be one", "-", "-")]
    [InlineData("--weights 1: 1 weights for 2 runs", "a", "b", "--weights", "1")]
    [InlineData("--weights 1,x: 'x' is not a number from 0 up", "a", "b", "--weights", "1,x")]
    [InlineData("--weights 1,-1: '-1' is not a number from 0 up", "a", "b", "--weights", "1,-1")]
    [InlineData("--weights 1,NaN: 'NaN' is not", "a", "b", "--weights", "1,NaN")]
    [InlineData("--k goes with --method rrf", "a", "b", "--k", "1", "--method", "minmax")]
    [InlineData("--tag 'a b': give a name without white space", "a", "b", "--tag", "a b")]
    [InlineData("--tag '': give a name", "a", "b", "--tag", "")]
    [InlineData("--method sum: it is one of rrf, minmax, zscore, combsum, combmnz", "a", "b", "--method", "sum")]
    public void WrongUsage_IsRefused(string message, params string[] arguments) => CommandLine.Run(["fuse", .. arguments]).AssertRefused(2, message);

    [Theory]
    [InlineData("minmax"), InlineData("zscore"), InlineData("combsum"), InlineData("combmnz")]
    public void ScoresWhoseRangeOrSumIsInfinite_AreRefused(string method)
    {
        string huge = Write("huge.run", "q Q0 a 1 1.7e308 x\nq Q0 b 2 -1.7e308 x\n"), other = Write("other.run", "q Q0 a 1 1.7e308 x\nq Q0 b 2 0 x\n");
        CommandLine.Run("fuse", huge, other, "--method", method, "--output", At("out.run")).AssertRefused(1, "query 'q': the fused score of document");
        CommandLine.Run("fuse", huge, other, "--output", At("ranks.run")).AssertDone();
        AssertOnly("huge.run", "other.run", "ranks.run");
    }

    [Fact]
    public void AnInput_IsNotReplacedByTheOutput()
    {
        string first = First, before = File.ReadAllText(first);
        CommandLine.Run("fuse", first, Second, "--output", first, "--overwrite").AssertRefused(2, "a.run: is the input and the output");
        File.CreateSymbolicLink(At("link.run"), first);
        Directory.CreateSymbolicLink(At("here"), At("."));
        foreach (string same in (string[])["link.run", "here/a.run"])
        {
            CommandLine.Run("fuse", first, Second, "--output", At(same), "--overwrite").AssertRefused(2, $"{same}: is the input and the output");
            CommandLine.Run("fuse", At(same), Second, "--output", first, "--overwrite").AssertRefused(2, "a.run: is the input and the output");
        }
        File.Delete(At("link.run"));
        Directory.Delete(At("here"));
        CommandLine.Run("submit", "checkthat", "--run", first, "--output", first, "--overwrite").AssertRefused(2, "a.run: is the input and the output");
        CommandLine.Run("rerank", "--scorer", "constant", "--run", first, "--output", first, "--overwrite").AssertRefused(2, "is the input and the output");
        CommandLine.Run("embed", "--input", first, "--output", first, "--overwrite").AssertRefused(2, "is the input and the output");
        CommandLine.Run("data", "deduplicate", "--input", first, "--column", "a", "--output", first, "--overwrite")
            .AssertRefused(2, "is the input and the output");
        Assert.Equal(before, File.ReadAllText(first));
    }

    [Fact]
    public void InfiniteScores_AreForRanksOnly()
    {
        string infinite = Write("inf.run", "q2 Q0 a 1 inf x\n");
        CommandLine.Run("fuse", First, infinite, "--method", "zscore", "--output", At("out.run"))
            .AssertRefused(1, "inf.run: the score of document 'a' in query 'q2' is infinite: it cannot be summed. Correct it, or fuse by ranks");
        AssertOnly("a.run", "inf.run");
        CommandLine.Run("fuse", First, infinite).AssertDone();
    }
}
