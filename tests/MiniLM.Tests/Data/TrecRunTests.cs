using System.Text;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public sealed class TrecRunTests
{
    private static Func<Stream> Input(string text) => () => new MemoryStream(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void Read_TakesMsMarcosRanksForScores()
    {
        TrecRun run = TrecRun.Read("-", Input("q\tb\t2\nq\ta\t1\r\n\nr\ta\t1"));
        Assert.Equal(["q", "r"], run.Queries);
        Assert.Equal([new TrecRun.Line(0, -2, 2), new TrecRun.Line(1, -1, 1)], run.Lines[0]);
        Assert.Equal(["a", "b"], run.Ranking(0));
        Assert.Equal("", run.Tag);
    }

    [Fact]
    public void Read_TakesTrecsRuns()
    {
        TrecRun run = TrecRun.Read("-", Input("q Q0 a 7 1.5 first\nq Q0 b 1 .5 second\n"));
        Assert.Equal([new TrecRun.Line(0, 1.5, 7), new TrecRun.Line(1, 0.5, 1)], run.Lines[0]);
        Assert.Equal("first", run.Tag);
    }

    [Theory]
    [InlineData("q d 1\nq e 2 3\n", "standard input:2: has 4 field(s). A line of this file has three: query document rank.")]
    [InlineData("q d 1\nq e\n", "standard input:2: has 2 field(s).")]
    [InlineData("q d 0\n", "standard input:1: the rank '0' is not a whole number from 1.")]
    [InlineData("q d x\n", "standard input:1: the rank 'x'")]
    [InlineData("q d 1\nq d 2\n", "standard input:2: document 'd' is twice in query 'q'")]
    [InlineData("q Q0 d 1\n", "standard input:1: has 4 field(s). A run has six")]
    [InlineData("q Q0 d 1 2 t\nq d 1\n", "standard input:2: has 3 field(s). A run has six")]
    [InlineData("\n", "standard input: has no lines")]
    public void Read_SaysWhatIsWrong(string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<DataFormatException>(() => TrecRun.Read("-", Input(text))).Message);

    [Fact]
    public void Top_IsTheBestLinesOfEveryQuery_EqualOnesInTheOrderOfTheFile()
    {
        byte[] lines = "q2 Q0 a 1 1 tag\nq2 Q0 b 2 3 tag\nq1 Q0 a 1 5 tag\nq2 Q0 z 3 3 tag\nq2 Q0 c 4 -inf tag\n"u8.ToArray();
        TrecRun run = TrecRun.Read("-", () => new MemoryStream(lines));
        Assert.Equal(["q2: b z a c", "q1: a"], Shown(run.Top()));
        Assert.Equal(["q2: b z", "q1: a"], Shown(run.Top(2)));
        Assert.Equal(["b", "z", "a"], run.Top(2).Documents); // what is left out is named no more
        Assert.Equal(("tag", 3, -1), (run.Top(2).Tag, run.Top(2).Lines[0][1].Score, run.Top(2).FindDocument("c")));

        // Of equal scores the rank decides, where it is a number; what is none was first.
        lines = "q Q0 c 3 1 t\nq Q0 a 1 1 t\nq Q0 b 2 1 t\nq Q0 e 1 .5 t\nq Q0 d 1 .5 t\nq Q0 y x 0 t\nq Q0 x -1 0 t\nq Q0 z 1 0 t\n"u8.ToArray();
        run = TrecRun.Read("-", () => new MemoryStream(lines));
        Assert.Equal(["q: a b c e d y x z"], Shown(run.Top()));
        Assert.Equal(["q: a b c e d y x z"], Shown(run.Top().Top()));

        static IEnumerable<string> Shown(TrecRun top) =>
            top.Queries.Select((query, i) => $"{query}: {string.Join(' ', top.Lines[i].Select(line => top.Documents[line.Document]))}");
    }
}
