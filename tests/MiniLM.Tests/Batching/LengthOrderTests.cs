using MiniLM.Batching;

namespace MiniLM.Tests.Batching;

public sealed class LengthOrderTests
{
    [Theory]
    [InlineData(new int[0], new int[0])]
    [InlineData(new[] { 7 }, new[] { 0 })]
    [InlineData(new[] { 1, 9, 5 }, new[] { 1, 2, 0 })]
    [InlineData(new[] { 4, 4, 4, 4 }, new[] { 0, 1, 2, 3 })]
    [InlineData(new[] { 0, int.MaxValue, 0, 2, int.MaxValue }, new[] { 1, 4, 3, 0, 2 })]
    public void Of_PutsTheLongestFirstAndEqualOnesInTheirOrder(int[] lengths, int[] expected) =>
        Assert.Equal(expected, new LengthOrder().Of(lengths).ToArray());

    [Fact]
    public void Of_IsTheStableSortOfManyLengths()
    {
        Random random = new(5);
        LengthOrder order = new();
        foreach (int count in new[] { 4096, 17, 1000 }) // fewer than before: what the buffers hold from earlier must not show
        {
            int[] lengths = [.. Enumerable.Range(0, count).Select(_ => random.Next(40))];
            Assert.Equal(Enumerable.Range(0, count).OrderByDescending(i => lengths[i]), order.Of(lengths).ToArray());
        }
    }

    [Fact]
    public void Of_AllocatesNothingAfterWarmUp()
    {
        int[] lengths = [.. Enumerable.Range(0, 1000).Select(i => i * 7919 % 61)];
        LengthOrder order = new();
        order.Of(lengths);
        long before = GC.GetAllocatedBytesForCurrentThread();
        order.Of(lengths);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
