using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

/// <summary>Whole passes of networks whose sizes are multiples of nothing, against the specification in double.</summary>
public sealed class CpuNetworkTests
{
    public static TheoryData<string> EveryTier() => Tiers.All();

    [Theory, MemberData(nameof(EveryTier))]
    public void Hidden_OfEverySizeAndShareOfWork(string tier)
    {
        CpuTier chosen = Tiers.Named(tier);
        (int Hidden, int Heads, int Inner, Activation Activation, bool IsMpnet)[] shapes =
            [(1, 1, 1, Activation.Gelu, false), (20, 5, 33, Activation.Relu, true), (36, 1, 31, Activation.GeluTanh, false),
                (66, 2, 70, Activation.Gelu, true), (34, 2, 35, Activation.Silu, false), (64, 2, 40, Activation.QuickGelu, false)];
        foreach ((int hidden, int heads, int inner, Activation activation, bool isMpnet) in shapes)
        {
            using RandomNetwork random = new(hidden, heads, inner, 2, activation, relativeBias: isMpnet);
            ReferenceNetwork<double> reference = new(random.Network);
            // Together by columns; together by rows; groups of one thread each, of which one is left over; a sequence longer than a group.
            foreach (int[] lengths in new int[][] { [3], [11], [40, 1, 7], [64, 64, 65, 30, 100], [140] })
            {
                PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, lengths, seed: 2);
                double[] expected = TwoLayers(reference, batch);
                float[]? bits = null;
                foreach (int threads in new[] { 1, 2, 3 })
                {
                    using CpuDevice device = new(threads, chosen);
                    using DeviceNetwork network = device.Load(random.Network, Precision.Float32);
                    float[] actual = new float[batch.Rows * hidden];
                    network.Hidden(batch, 2, actual);
                    GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(actual), 5e-6,
                        $"hidden {hidden}, lengths {string.Join(' ', lengths)}, {threads} threads");
                    bits ??= actual;
                    Assert.Equal(bits, actual);
                }
            }
        }
    }

    /// <summary>The states of all sequences behind two layers.</summary>
    private static double[] TwoLayers(ReferenceNetwork<double> reference, PackedBatch batch) =>
        [.. Enumerable.Range(0, batch.Sequences).SelectMany(sequence => reference.Pass.Encode(batch, sequence, 2))];

    public static TheoryData<string, Precision> TiersOf16Bits() =>
        [.. from tier in Tiers.Tested from precision in new[] { Precision.BFloat16, Precision.Float16 } select (CpuTiers.Name(tier), precision)];

    // Rounded operands: 2^-9 or 2^-11 of each, which the LayerNorm of every layer brings back to 1. The same bits for any threads, and alone.
    [Theory, MemberData(nameof(TiersOf16Bits))]
    public void Hidden_In16BitsStaysNearTheDefinitionAndHasTheSameBitsInAnyBatch(string tier, Precision precision)
    {
        foreach ((int hidden, int heads, int inner, bool isMpnet) in new[] { (20, 5, 33, true), (66, 2, 70, false), (96, 3, 64, false) })
        {
            using RandomNetwork random = new(hidden, heads, inner, 2, relativeBias: isMpnet);
            ReferenceNetwork<double> reference = new(random.Network);
            foreach (int[] lengths in new int[][] { [3], [11], [40, 1, 7], [64, 64, 65, 30, 100], [140] })
            {
                PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, lengths, seed: 2);
                double[] expected = TwoLayers(reference, batch);
                float[]? bits = null;
                foreach (int threads in new[] { 1, 2, 3 })
                {
                    using CpuDevice device = new(threads, Tiers.Named(tier));
                    using DeviceNetwork network = device.Load(random.Network, precision);
                    float[] actual = new float[batch.Rows * hidden], alone = new float[batch.Length(0) * hidden];
                    network.Hidden(batch, 2, actual);
                    GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(actual), precision == Precision.Float16 ? 1e-2 : 8e-2,
                        $"{precision}, hidden {hidden}, lengths {string.Join(' ', lengths)}, {threads} threads");
                    bits ??= actual;
                    Assert.Equal(bits, actual);
                    PackedBatch first = new();
                    first.Add(batch.TokenIds.AsSpan(0, batch.Length(0)), batch.TypeIds.AsSpan(0, batch.Length(0)), random.Network.Config.Architecture);
                    network.Hidden(first, 2, alone);
                    Assert.Equal(bits[..alone.Length], alone);
                }
            }
        }
    }

    [Fact]
    public void AWorkspace_HasItsPartsApart()
    {
        using Workspace workspace = new(ProductKernels.For(CpuTier.Scalar), rows: 5, hidden: 32, contextWidth: 64, inner: 96, headSize: 32, pooledWidth: 40);
        AssertApart(workspace);
    }

    private static unsafe void AssertApart(Workspace workspace)
    {
        SelfAttention.Scratch attention = workspace.Attention;
        Parts.AssertApart(
            ((nint)workspace.X, 5 * 32), ((nint)workspace.Y, 5 * 32), ((nint)workspace.Context, 5 * 64), ((nint)workspace.Inner, 5 * 96),
            ((nint)workspace.Projections, 3 * 5 * 32), ((nint)workspace.Pooled, 2 * 40),
            ((nint)attention.Keys, 32 * 32), ((nint)attention.Scores, 6 * 48), ((nint)attention.Inverse, 6), ((nint)attention.Bias, 32));
        Assert.Equal(5, workspace.Rows);
    }
}
