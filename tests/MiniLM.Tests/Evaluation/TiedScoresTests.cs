using MiniLM.Evaluation;

namespace MiniLM.Tests.Evaluation;

public sealed class TiedScoresTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0, 1f)]
    [InlineData(0, 3f, 2f, 1f)]
    [InlineData(2, 3f, 3f)]
    [InlineData(3, 3f, 3f, 3f, 1f)]
    [InlineData(4, 3f, 3f, 2f, 1f, 1f)]
    public void EveryDocumentThatSharesItsScore_Counts(int expected, params float[] scores) => Assert.Equal(expected, TiedScores.Count(scores));
}
