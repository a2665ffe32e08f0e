using MiniLM.Mining;

namespace MiniLM.Tests.Mining;

public sealed class MiningStatisticsTests
{
    // Two positives and two negatives; one and one; one and none.
    private static readonly MinedQuery[] Mined =
    [
        new(0, [new(0, .5f), new(1, .25f)], [new(2, .375f), new(3, .125f)]),
        new(1, [new(2, 1)], [new(0, .75f)]),
        new(2, [new(3, 0)], []),
    ];

    [Theory]
    [InlineData(MiningFormat.Triplet, "0:0,2 0:0,3 0:1,2 0:1,3 1:2,0", 8, 5)]
    [InlineData(MiningFormat.NTuple, "0:0,2,3 0:1,2,3", 4, 4)]
    [InlineData(MiningFormat.LabeledPair, "0:0 0:1 0:-2 0:-3 1:2 1:-0 2:3", 10, 5)]
    [InlineData(MiningFormat.LabeledList, "0:0,2,3 0:1,2,3 1:2,0", 4, 5)]
    internal void Rows_AreThoseOfTheFormat(MiningFormat format, string expected, int most, int negatives)
    {
        MiningStatistics statistics = new(format, 2);
        MinedRow[] rows = [.. Mined.SelectMany(statistics.Add)];
        Assert.Equal(expected, string.Join(' ', rows.Select(
            row => $"{row.Query}:{(row.HasPositive ? "" : "-")}{string.Join(',', row.Documents.Select(hit => hit.Document))}")));
        Assert.Equal((3, rows.Length, most), (statistics.Queries, statistics.Rows, statistics.MostRows));
        Assert.Equal((4, negatives, negatives), (statistics.Positive.Count, statistics.Negative.Count, statistics.Difference.Count));
    }

    [Fact]
    public void Scores_AreCountedForEachPositive()
    {
        MiningStatistics statistics = new(MiningFormat.Triplet, 2);
        foreach (MinedQuery mined in Mined) { statistics.Add(mined); }
        Assert.Equal((.4375, .25, 1, 0), (statistics.Positive.Mean, statistics.Positive.Median, statistics.Positive.At(1), statistics.Positive.At(0)));
        Assert.Equal((.35, .375, .75), (statistics.Negative.Mean, statistics.Negative.Median, statistics.Negative.At(1)));
        // .125 .375 -.125 .125 .25
        ScoreSummary difference = statistics.Difference;
        Assert.Equal((.15, .125, -.125, .375), (difference.Mean, difference.Median, difference.At(0), difference.At(1)));
    }

    [Fact]
    public void Summary_IsTorchs()
    {
        ScoreSummary even = new([4, 1, 2, 3]);
        Assert.Equal((4, 2.5, 2, 1.75, 2.5, 3.25), (even.Count, even.Mean, even.Median, even.At(.25), even.At(.5), even.At(.75)));
        Assert.Equal(Math.Sqrt(5 / 3.0), even.StandardDeviation, 1e-15);
        ScoreSummary odd = new([7, -1, 3]);
        Assert.Equal((3, 3, 1.0, 4), (odd.Median, odd.Mean, odd.At(.25), odd.StandardDeviation));
    }

    [Fact]
    public void Summary_OfTooFewIsUndefined()
    {
        ScoreSummary none = new([]), one = new([2]);
        Assert.Equal(0, none.Count);
        Assert.All(new[] { none.Mean, none.Median, none.StandardDeviation, none.At(0), none.At(.5) }, value => Assert.True(double.IsNaN(value)));
        Assert.Equal((2, 2, 2), (one.Mean, one.Median, one.At(.75)));
        Assert.True(double.IsNaN(one.StandardDeviation));
    }
}
