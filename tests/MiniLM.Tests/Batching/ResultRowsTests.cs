using MiniLM.Batching;

namespace MiniLM.Tests.Batching;

public sealed class ResultRowsTests
{
    [Fact]
    public void PutBack_WritesEveryRowToItsPlaceAndNoOther()
    {
        float[] output = [9, 9, 9, 9, 9, 9, 9, 9];
        ResultRows.PutBack([1, 2, 3, 4], [3, 0], output, 2);
        Assert.Equal([3, 4, 9, 9, 9, 9, 1, 2], output);
        ResultRows.PutBack([], [], output, 2);
        Assert.Equal([3, 4, 9, 9, 9, 9, 1, 2], output);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void PutBack_NamesThePlaceOfANonFiniteRow(float value)
    {
        float[] output = [9, 9, 9, 9, 9, 9];
        NonFiniteResultException error = Assert.Throws<NonFiniteResultException>(() => ResultRows.PutBack([1, 2, 3, value], [2, 1], output, 2));
        Assert.Equal(1, error.Index);
        Assert.Equal([9, 9, 9, 9, 1, 2], output);
    }
}
