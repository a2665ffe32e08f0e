using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class DistanceTests
{
    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void NegativeDistances_AreThoseOfTheDefinition(string tier)
    {
        const int Queries = 3, Documents = 37; // more than two blocks
        foreach (int width in Tiers.Sizes)
        {
            using GuardedBuffer queries = GuardedBuffer.Normal(new Random(width), Queries * width);
            using GuardedBuffer documents = GuardedBuffer.Normal(new Random(-width), Documents * width);
            queries.Span[..width].CopyTo(documents.Span[(20 * width)..]);
            foreach (SimilarityFunction function in new[] { SimilarityFunction.Euclidean, SimilarityFunction.Manhattan })
            {
                using GuardedBuffer scores = GuardedBuffer.NaN(Queries * Documents);
                bool isEuclidean = function == SimilarityFunction.Euclidean;
                Tiers.Kernels(tier).NegativeDistances(
                    isEuclidean, queries.Pointer, Queries, documents.Pointer, 1, Documents - 1, width, scores.Pointer, Documents);
                for (int query = 0; query < Queries; query++)
                {
                    for (int document = 0; document < Documents; document++)
                    {
                        float actual = scores.Span[query * Documents + document];
                        if (document is 0 or Documents - 1)
                        {
                            Assert.True(float.IsNaN(actual)); // not asked for
                            continue;
                        }
                        double expected = function.Of(queries.Span.Slice(query * width, width), documents.Span.Slice(document * width, width));
                        Tiers.Close(expected, actual, (isEuclidean ? 1e-6 : 2e-7 * width + 1e-6) * (1 + Math.Abs(expected)), $"{function}, width {width}");
                    }
                }
                Assert.Equal(0, scores.Span[20]); // equal rows
                Assert.False(float.IsNegative(scores.Span[20]));
            }
        }
    }

    [Fact]
    public void NegativeDistances_OfADeviceAreSharedOutAmongItsThreads()
    {
        using CpuDevice device = new(2);
        float[] queries = [1, 2, -1, 0], documents = [.. Enumerable.Range(0, 2 * 1000).Select(i => (float)(i % 91))], scores = new float[2 * 1000];
        device.NegativeDistances(SimilarityFunction.Manhattan, queries, documents, 2, scores);
        for (int i = 0; i < 1000; i++)
        {
            float x = documents[2 * i], y = documents[2 * i + 1];
            Assert.Equal(-(Math.Abs(1 - x) + Math.Abs(2 - y)), scores[i]);
            Assert.Equal(-(Math.Abs(-1 - x) + Math.Abs(y)), scores[1000 + i]);
        }
    }
}
