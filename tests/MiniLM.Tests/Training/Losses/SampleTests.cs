using MiniLM.Training.Losses;

namespace MiniLM.Tests.Training.Losses;

public sealed class SampleTests
{
    // Computed apart from the code, in Python, by what its comment says.
    [Fact]
    public void Draws_AreThoseOfTheDocumentedGenerator()
    {
        Assert.Equal([2, 7, 9], Sample.Draw(10, 3, seed: 5_000_000_001, step: 2, stream: 3));
        Assert.Equal([1, 2, 3, 4], Sample.Draw(5, 4, seed: 1, step: 0, stream: 0));
        Assert.Equal([0, 1, 2, 3, 4, 5], Sample.Draw(6, 6, seed: 1, step: 2, stream: 3));
        Assert.Empty(Sample.Draw(6, 0, seed: 1, step: 2, stream: 3));
    }

    // 4,000 draws of 2 of 5: each number in two fifths of them, 1,600, within five standard deviations.
    [Fact]
    public void EveryNumber_IsDrawnEquallyOften()
    {
        int[] counts = new int[5];
        for (uint step = 0; step < 4000; step++)
        {
            foreach (int number in Sample.Draw(5, 2, seed: 3, step, stream: 0)) { counts[number]++; }
        }
        Assert.All(counts, count => Assert.InRange(count, 1600 - 155, 1600 + 155));
    }
}
