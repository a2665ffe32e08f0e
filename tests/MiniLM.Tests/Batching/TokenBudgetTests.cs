using MiniLM.Batching;

namespace MiniLM.Tests.Batching;

public sealed class TokenBudgetTests
{
    [Theory]
    [InlineData(new int[0], 10, new int[0])]
    [InlineData(new[] { 5 }, 10, new[] { 1 })]
    [InlineData(new[] { 6, 4, 3 }, 10, new[] { 2, 3 })] // 6 + 4 is the budget exactly
    [InlineData(new[] { 6, 5, 5 }, 10, new[] { 1, 3 })]
    [InlineData(new[] { 11, 1, 1 }, 10, new[] { 1, 3 })] // longer than the budget: a batch of its own
    [InlineData(new[] { 11, 12, 13 }, 10, new[] { 1, 2, 3 })]
    [InlineData(new[] { 1, 1, 1 }, 0, new[] { 1, 2, 3 })]
    [InlineData(new[] { int.MaxValue, int.MaxValue }, int.MaxValue, new[] { 1, 2 })]
    public void BatchEnd_TakesWhatFitsAndOneAtLeast(int[] lengths, int budget, int[] ends)
    {
        int[] order = [.. Enumerable.Range(0, lengths.Length)];
        List<int> actual = [];
        for (int first = 0; first < order.Length;) { actual.Add(first = TokenBudget.BatchEnd(lengths, order, first, budget)); }
        Assert.Equal(ends, actual);
    }

    [Fact]
    public void BatchEnd_GoesByTheOrder() => Assert.Equal(2, TokenBudget.BatchEnd([9, 1, 9, 1], [1, 3, 0, 2], 0, 10));
}
