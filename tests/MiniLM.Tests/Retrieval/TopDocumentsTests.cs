using MiniLM.Retrieval;

namespace MiniLM.Tests.Retrieval;

public sealed class TopDocumentsTests
{
    [Theory]
    [InlineData(1, new float[0], new int[0])]
    [InlineData(1, new[] { 1f, 3f, 2f }, new[] { 1 })]
    [InlineData(2, new[] { 1f, 3f, 2f }, new[] { 1, 2 })]
    [InlineData(9, new[] { 1f, 3f, 2f }, new[] { 1, 2, 0 })] // more asked for than there are
    [InlineData(2, new[] { 5f, 5f, 5f, 5f }, new[] { 0, 1 })]
    [InlineData(3, new[] { 1f, 5f, 1f, 5f, 1f }, new[] { 1, 3, 0 })]
    [InlineData(2, new[] { 0f, -0f, 0f }, new[] { 0, 1 })] // equal, whatever their sign
    [InlineData(2, new[] { float.NegativeInfinity, float.PositiveInfinity, 0f }, new[] { 1, 2 })]
    public void Ordered_IsBestFirstAndTheEarlierOfEquals(int k, float[] scores, int[] expected)
    {
        TopDocuments top = new(k);
        top.Add(0, scores);
        Assert.Equal(expected, top.Ordered().Select(hit => hit.Document));
        Assert.All(top.Ordered(), hit => Assert.Equal(scores[hit.Document], hit.Score));
    }

    [Theory]
    [InlineData(2, new[] { float.NaN, 1f, float.NaN, 3f, 2f, float.NaN }, new[] { 3, 4 })]
    [InlineData(5, new[] { float.NaN, 1f, float.NaN, 3f }, new[] { 3, 1 })]
    [InlineData(1, new[] { float.NaN }, new int[0])]
    public void Add_LeavesOutWhatHasNoScore(int k, float[] scores, int[] expected)
    {
        TopDocuments top = new(k);
        top.Add(0, scores);
        Assert.Equal(expected, top.Ordered().Select(hit => hit.Document));
    }

    [Fact]
    public void Add_TakesDocumentsThatAnotherHasChosen()
    {
        TopDocuments top = new(3);
        top.Add([new SearchHit(4, 1), new SearchHit(6, float.NaN), new SearchHit(7, 2)]);
        top.Add([new SearchHit(9, 1), new SearchHit(12, 3), new SearchHit(13, 1), new SearchHit(0, float.NaN)]);
        Assert.Equal(3, top.K);
        Assert.Equal([new SearchHit(12, 3), new SearchHit(7, 2), new SearchHit(4, 1)], top.Ordered());
    }

    [Fact]
    public void Add_InPartsIsTheStableSortOfAll()
    {
        Random random = new(3);
        float[] scores = [.. Enumerable.Range(0, 5000).Select(_ => (float)random.Next(300))];
        foreach (int k in new[] { 1, 2, 10, 333, 6000 })
        {
            TopDocuments top = new(k);
            for (int first = 0; first < scores.Length; first += 700) { top.Add(first, scores.AsSpan(first, Math.Min(700, scores.Length - first))); }
            Assert.Equal(Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Take(k), top.Ordered().Select(hit => hit.Document));
        }
    }
}
