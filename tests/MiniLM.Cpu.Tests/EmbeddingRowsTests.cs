using MiniLM.Batching;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class EmbeddingRowsTests
{
    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void Gather_AgreesWithTheSpecificationInDouble(string tier)
    {
        foreach (int hidden in new[] { 1, 7, 31, 32, 33, 65 })
        {
            foreach (bool hasTypes in new[] { true, false })
            {
                using RandomNetwork random = new(hidden, 1, 8, 1, relativeBias: !hasTypes);
                using EmbeddingRows embedding = new(Tiers.Kernels(tier), random.Network.Config, random.Network.Encoder);
                PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [6, 3], seed: hidden);
                ReferenceNetwork<double> reference = new(random.Network);
                double[] expected = [.. reference.Pass.Encode(batch, 0, 0), .. reference.Pass.Encode(batch, 1, 0)];
                int stride = hidden + 2;
                foreach ((int first, int end) in new[] { (0, 9), (4, 8), (5, 5) })
                {
                    using GuardedBuffer x = GuardedBuffer.NaN(Math.Max(0, (end - first - 1) * stride + hidden));
                    embedding.Gather(batch, first, end, x.Pointer, stride);
                    for (int i = 0; i < x.Count; i++)
                    {
                        (int row, int d) = (i / stride, i % stride);
                        if (d < hidden)
                        {
                            Tiers.Close(expected[(first + row) * hidden + d], x.Span[i], 4e-6, $"hidden {hidden}, row {first + row}, element {d}");
                        }
                        else { Assert.True(float.IsNaN(x.Span[i])); }
                    }
                }
            }
        }
    }
}
