using MiniLM.Compute.Reference;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Retrieval;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Ranking;

public sealed class EmbeddingMeasureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(SimilarityFunction.Cosine, .96, 1, 0)]
    [InlineData(SimilarityFunction.Dot, 24, 25, 0)]
    [InlineData(SimilarityFunction.Euclidean, -1.4142135623730951, 0, -5)]
    [InlineData(SimilarityFunction.Manhattan, -2, 0, -7)]
    public void Of_IsTheFormula(SimilarityFunction function, double other, double same, double zero)
    {
        Assert.Equal(other, function.Of([3, 4], [4, 3]), 1e-7);
        Assert.Equal(same, function.Of([3, 4], [3, 4]));
        Assert.False(double.IsNegative(function.Of([3, 4], [3, 4])) && same == 0); // no -0
        Assert.Equal(zero, function.Of([3, 4], [0, 0]));
        Assert.Equal((function.Name(), function), (SimilarityNames.All[(int)function], SimilarityNames.Find(function.Name())));
    }

    [Fact]
    public void Find_KnowsFourNames() => Assert.Null(SimilarityNames.Find("angle"));

    // Against a query (1, 0): cosine c, dot x, and distances by hand.
    [Theory]
    [InlineData(SimilarityFunction.Cosine, "near far left", new[] { 1, .6, 0 })]
    [InlineData(SimilarityFunction.Dot, "far near left", new[] { 6, .5, 0 })]
    [InlineData(SimilarityFunction.Euclidean, "near left far", new[] { -.5, -1.4142135623730951, -9.433981132056603 })]
    [InlineData(SimilarityFunction.Manhattan, "near left far", new[] { -.5, -2, -13.0 })]
    public void Search_RanksByTheFunction(SimilarityFunction function, string order, double[] scores)
    {
        using (VectorIndexWriter writer = new(_folder.File("index"), 2))
        {
            writer.Add(new Document("near", "", ""), [.5f, 0]);
            writer.Add(new Document("far", "", ""), [6, 8]);
            writer.Add(new Document("left", "", ""), [0, 1]);
            writer.Complete("model", "hash");
        }
        using VectorIndex index = VectorIndex.Open(_folder.File("index"));
        Assert.False(index.IsNormalized);
        SearchHit[][] found = index.Search([1, 0, 2, 0], 3, _device, function);
        Assert.Equal(order, string.Join(' ', found[0].Select(hit => index.Documents.Read(hit.Document).Id)));
        foreach ((double expected, SearchHit hit) in scores.Zip(found[0])) { Assert.Equal(expected, hit.Score, 1e-6 * Math.Max(1, Math.Abs(expected))); }
        // The second query is twice as long: only a cosine does not see it.
        Assert.Equal(function == SimilarityFunction.Cosine, found[0].Select(hit => hit.Score).SequenceEqual(found[1].Select(hit => hit.Score)));
        float[] stored = new float[2];
        index.CopyVector(1, stored);
        Assert.Equal([.6f, .8f], stored);
    }

    // More documents than a block has, each of a length of its own.
    [Theory]
    [InlineData(SimilarityFunction.Dot)]
    [InlineData(SimilarityFunction.Euclidean)]
    [InlineData(SimilarityFunction.Manhattan)]
    public void Search_TakesEveryBlocksLengths(SimilarityFunction function)
    {
        int count = DocumentSearch.Block + 3;
        using (VectorIndexWriter writer = new(_folder.File("index"), 1))
        {
            for (int i = 0; i < count; i++) { writer.Add(new Document($"{i}", "", ""), [1 + i % 7 + (i == count - 1 ? 100 : 0)]); }
            writer.Complete("model", "hash");
        }
        using VectorIndex index = VectorIndex.Open(_folder.File("index"));
        int last = 101 + (count - 1) % 7;
        SearchHit[] found = index.Search([last], 2, _device, function)[0];
        Assert.Equal(new SearchHit(count - 1, function == SimilarityFunction.Dot ? last * last : 0), found[0]);
        Assert.Equal(new SearchHit(6, function == SimilarityFunction.Dot ? 7 * last : 7 - last), found[1]);
    }

    [Fact]
    public void Open_RefusesLengthsOfAnotherIndex()
    {
        using (VectorIndexWriter writer = new(_folder.File("index"), 2) { IsNormalized = true })
        {
            writer.Add(new Document("a", "", ""), [3, 4]);
            writer.Complete("model", "hash");
        }
        using (VectorIndex index = VectorIndex.Open(_folder.File("index"))) { Assert.True(index.IsNormalized); }
        File.WriteAllBytes(Path.Combine(_folder.File("index"), "lengths.f32"), new byte[8]);
        Assert.Contains("lengths.f32: 8 bytes, index.json asks for 4",
            Assert.Throws<IndexFormatException>(() => VectorIndex.Open(_folder.File("index"))).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(_folder.File("index"), "lengths.f32"));
        using VectorIndex old = VectorIndex.Open(_folder.File("index"));
        Assert.Equal(1, old.Search([3, 4], 1, _device)[0][0].Score, 1e-6f);
        IndexFormatException error = Assert.Throws<IndexFormatException>(() => old.Search([3, 4], 1, _device, SimilarityFunction.Dot));
        Assert.Contains("'dot'", error.Message, StringComparison.Ordinal);
    }
}
