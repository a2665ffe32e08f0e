using MiniLM.Data.Splitting;

namespace MiniLM.Tests.Data;

public sealed class StratifiedPartsTests
{
    // floor(size x count / rows), then the greatest fractions: what scikit-learn's _approximate_mode gives.
    [Theory]
    [InlineData(new[] { 50, 30, 20 }, 10, new[] { 5, 3, 2 })]
    [InlineData(new[] { 4, 2, 1 }, 3, new[] { 2, 1, 0 })] // 1.71, .86, .43
    [InlineData(new[] { 4, 2, 1 }, 4, new[] { 2, 1, 1 })] // 2.29, 1.14, .57
    [InlineData(new[] { 7, 0, 3 }, 10, new[] { 7, 0, 3 })]
    [InlineData(new[] { 7, 0, 3 }, 0, new[] { 0, 0, 0 })]
    [InlineData(new[] { 2_000_000_000, 100_000_000 }, 2_000_000_000, new[] { 1_904_761_905, 95_238_095 })]
    public void Apportion_GivesFloorsAndThenTheGreatestFractions(int[] counts, int size, int[] expected) =>
        Assert.Equal(expected, StratifiedParts.Apportion(counts, size, [.. Enumerable.Range(0, counts.Length)]));

    [Fact]
    public void Apportion_OfEqualFractionsFollowsTheOrder()
    {
        Assert.Equal([1, 1, 0], StratifiedParts.Apportion([1, 1, 1], 2, [0, 1, 2]));
        Assert.Equal([0, 1, 1], StratifiedParts.Apportion([1, 1, 1], 2, [2, 1, 0]));
    }

    [Fact]
    public void Deal_GivesEachPartItsSizeAndTheProportionsOfTheWhole()
    {
        int[] values = [.. Enumerable.Range(0, 1000).Select(i => i % 10 < 7 ? 0 : i % 10 < 9 ? 1 : 2)];
        int[] parts = StratifiedParts.Deal(values, [600, 200, 100], 1);
        Assert.Equal([100, 600, 200, 100], Enumerable.Range(-1, 4).Select(part => parts.Count(of => of == part)));
        int Count(int part, int value) => Enumerable.Range(0, 1000).Count(row => parts[row] == part && values[row] == value);
        Assert.Equal([420, 120, 60, 140, 40, 20, 70, 20, 10], Enumerable.Range(0, 9).Select(i => Count(i / 3, i % 3)));
    }

    [Fact]
    public void Deal_IsAFunctionOfTheSeedAndDrawsAtRandom()
    {
        int[] values = new int[2000];
        int[] first = StratifiedParts.Deal(values, [1000, 1000], 1);
        Assert.Equal(first, StratifiedParts.Deal(values, [1000, 1000], 1));
        Assert.NotEqual(first, StratifiedParts.Deal(values, [1000, 1000], 2));
        Assert.InRange(first[..1000].Count(part => part == 0), 430, 570); // neither half of the file is favoured
        Assert.Equal([0, 0, 1], StratifiedParts.Deal([0, 0, 0], [2, 1], 7).Order());
        Assert.Empty(StratifiedParts.Deal([], [0, 0], 7));
    }
}
