namespace MiniLM.Cli.Tests;

public sealed class ProgressFiguresTests
{
    private static readonly ProgressFigures Start = new(0, 0, 0);

    [Fact]
    public void Line_SaysHowMuchIsDone_HowFast_AndHowLongTheRestTakes()
    {
        Assert.Equal("embed: 25 %, 12,340 rows, 617 rows/s, 6,170 tokens/s, 1:00 left",
            new ProgressFigures(12_340, 123_400, .25).Line("embed", "rows", Start, 20));
        Assert.Equal("convert: 99 %, 50 MB, 25 MB/s, 0:00 left", new ProgressFigures(50, 0, .999).Line("convert", "MB", Start, 2));
        Assert.Equal("index: 1 %, 7,200 documents, 2 documents/s, 99:00:00 left", new ProgressFigures(7200, 0, .01).Line("index", "documents", Start, 3600));
    }

    // What an earlier run did was done in no time of this one.
    [Fact]
    public void Line_OfAResumedRunGoesByWhatThisOneDid() => Assert.Equal("embed: 75 %, 300 rows, 10 rows/s, 40 tokens/s, 0:10 left",
        new ProgressFigures(300, 400, .75).Line("embed", "rows", new ProgressFigures(200, 0, .5), 10));

    [Fact]
    public void Line_OfWorkWithoutAKnownEndHasNoShareAndNoTime() =>
        Assert.Equal("embed: 100 rows, 50 rows/s, 200 tokens/s", new ProgressFigures(100, 400, null).Line("embed", "rows", new ProgressFigures(0, 0, null), 2));

    [Fact]
    public void Line_BeforeAnythingIsDoneHasNoTime() => Assert.Equal("embed: 0 %, 0 rows, 0 rows/s", Start.Line("embed", "rows", Start, 1));
}
