using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class SimilarityTests
{
    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void Dot_AgreesWithSumsInDouble(string tier)
    {
        foreach (int count in Tiers.Sizes)
        {
            var random = new Random(count);
            using GuardedBuffer a = GuardedBuffer.Normal(random, count), b = GuardedBuffer.Normal(random, count);
            double expected = 0, magnitude = 0;
            for (int i = 0; i < count; i++)
            {
                expected += (double)a.Span[i] * b.Span[i];
                magnitude += Math.Abs((double)a.Span[i] * b.Span[i]);
            }
            Tiers.Close(expected, Tiers.Kernels(tier).Dot(a.Pointer, b.Pointer, count), (count + 1) * Math.ScaleB(magnitude, -24), $"{count} values");
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void AllPairs_GivesThePairsOfItsDocumentsAndNoOther(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        const int Queries = 3, Documents = 40, Width = 37, Stride = Documents + 2;
        var random = new Random(1);
        using GuardedBuffer queries = GuardedBuffer.Normal(random, Queries * Width), documents = GuardedBuffer.Normal(random, Documents * Width);
        foreach ((int first, int end) in new[] { (0, 0), (0, 1), (0, 16), (3, 20), (7, 40), (0, 40), (40, 40) })
        {
            using GuardedBuffer scores = GuardedBuffer.NaN((Queries - 1) * Stride + Documents);
            kernels.Similarity(queries.Pointer, Queries, documents.Pointer, first, end, Width, scores.Pointer, Stride);
            for (int i = 0; i < scores.Count; i++)
            {
                (int query, int document) = (i / Stride, i % Stride);
                float expected = document < first || document >= end
                    ? float.NaN : kernels.Dot(queries.Pointer + query * Width, documents.Pointer + document * Width, Width);
                Assert.Equal(expected, scores.Span[i]); // the same bits
            }
        }
    }
}
