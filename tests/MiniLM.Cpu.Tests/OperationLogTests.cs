using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

/// <summary>A profile of the CPU: what is noted is what is computed, and noting it changes nothing.</summary>
public sealed class OperationLogTests
{
    // Groups that threads take one by one; one that they share by rows; a query short enough to be shared by columns.
    [Theory]
    [InlineData(1, new[] { 40, 3, 17 }), InlineData(2, new[] { 64, 64, 64, 64, 9 }), InlineData(2, new[] { 33 }), InlineData(3, new[] { 5 })]
    public void OperationsOfAllThreads_AddUpToThePass(int threads, int[] lengths)
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        Network network = folder.Network;
        EncoderConfig config = network.Config;
        PackedBatch batch = DeviceContract.RandomBatch(config, lengths, seed: 1);
        using CpuDevice device = new(threads);
        using CpuNetwork loaded = (CpuNetwork)device.Load(network, Precision.Float32);
        float[] plain = new float[lengths.Length * network.OutputSize], noted = new float[plain.Length];
        loaded.Forward(batch, plain);
        loaded.Logs = [.. Enumerable.Range(0, threads).Select(_ => new OperationLog(device.Kernels.Products))];
        loaded.Forward(batch, noted);
        Assert.Equal(plain, noted);
        long Flop(CpuOperation operation) => loaded.Logs.Sum(log => log.Spans.Where(span => span.Operation == operation).Sum(span => span.Flop));
        long rows = lengths.Sum(), hidden = config.HiddenSize, layers = config.NumHiddenLayers;
        Assert.Equal(layers * rows * 2 * hidden * 3 * hidden, Flop(CpuOperation.QueryKeyValue));
        Assert.Equal(layers * rows * 2 * hidden * hidden, Flop(CpuOperation.AttentionOutput));
        Assert.Equal(layers * rows * 2 * hidden * config.IntermediateSize, Flop(CpuOperation.FeedForwardUp));
        Assert.Equal(Flop(CpuOperation.FeedForwardUp), Flop(CpuOperation.FeedForwardDown));
        Assert.Equal(layers * lengths.Sum(length => 4L * length * length * hidden), Flop(CpuOperation.Attention));
        Assert.Equal(2 * layers * rows * 8 * hidden, Flop(CpuOperation.LayerNorm));
        foreach (OperationLog log in loaded.Logs)
        {
            Assert.All(log.Spans.Zip(log.Spans.Skip(1)), pair => Assert.True(pair.First.End <= pair.Second.Start));
            Assert.All(log.Spans, span => Assert.True(span.Start <= span.End));
        }
    }

    // A rounded operand has 2 bytes where the processor multiplies such, else 4.
    [Theory]
    [InlineData(Precision.Float32), InlineData(Precision.BFloat16), InlineData(Precision.Float16)]
    public void EveryOperation_HasTheFlopAndBytesOfItsFormula(Precision precision)
    {
        ProductKernels products = ProductKernels.For(CpuTiers.InForce(), precision);
        long size = products.Size;
        OperationLog log = new(products);
        log.Begin(CpuPhase.Backward);
        log.AddProduct(CpuOperation.FeedForwardUp, Store.Operand, 3, 5, 7);
        log.AddProduct(CpuOperation.AttentionOutput, Store.Float32, 3, 5, 7, addends: 1, Derivative.Inputs);
        log.AddProduct(CpuOperation.QueryKeyValue, Store.Float32, 3, 5, 7, derivative: Derivative.Weights);
        log.AddAttention(3, 5);
        log.AddAttentionBackward(3, 5);
        log.AddValues(CpuOperation.Embedding, 11);
        log.AddValues(CpuOperation.Embedding, 11, Derivative.Weights);
        log.AddValues(CpuOperation.LayerNorm, 11);
        log.AddValues(CpuOperation.LayerNorm, 11, Derivative.All);
        log.AddValues(CpuOperation.Activation, 11);
        log.AddValues(CpuOperation.Activation, 11, Derivative.All);
        log.AddValues(CpuOperation.Dropout, 11);
        log.AddValues(CpuOperation.Residual, 11);
        log.AddValues(CpuOperation.BiasSums, 11);
        log.AddValues(CpuOperation.GradientNorm, 11);
        log.AddValues(CpuOperation.AdamW, 11);
        log.AddValues(CpuOperation.Clearing, 11);
        log.AddPacking(11);
        log.Add(CpuOperation.Head, 11, 13);
        log.Add(CpuOperation.Wait);
        (string, long, long)[] expected =
        [
            ("FeedForwardUp", 2 * 3 * 5 * 7, size * (3 * 5 + 5 * 7 + 3 * 7)),
            ("AttentionOutput.dX", 2 * 3 * 5 * 7, size * (3 * 5 + 5 * 7) + 4 * 2 * 3 * 7),
            ("QueryKeyValue.dW", 2 * 3 * 5 * 7, size * (3 * 5 + 5 * 7) + 4 * 3 * 7),
            ("Attention", 2 * 2 * 3 * 3 * 5, 4 * size * 3 * 5), ("AttentionBackward", 2 * 4 * 3 * 3 * 5, (4 * size + 3 * 4) * 3 * 5),
            ("Embedding", 10 * 11, 4 * 4 * 11), ("Embedding.dW", 3 * 11, 7 * 4 * 11),
            ("LayerNorm", 8 * 11, 2 * 4 * 11), ("LayerNormBackward", 17 * 11, 3 * 4 * 11),
            ("Activation", 0, 3 * 4 * 11), ("ActivationBackward", 0, 3 * 4 * 11),
            ("Dropout", 11, 2 * 4 * 11), ("Residual", 11, 3 * 4 * 11), ("BiasSums", 11, 4 * 11),
            ("GradientNorm", 2 * 11, 4 * 11), ("AdamW", 15 * 11, 7 * 4 * 11), ("Clearing", 0, 4 * 11), ("Packing", 0, (4 + size) * 11),
            ("Head", 11, 13), ("Wait", 0, 0),
        ];
        Assert.Equal(expected, log.Spans.Select(span => (span.Name, span.Flop, span.Bytes)));
        Assert.All(log.Spans, span => Assert.Equal(CpuPhase.Backward, span.Phase));
        Assert.All(log.Spans.Zip(log.Spans.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
        Assert.Throws<ArgumentOutOfRangeException>(() => log.AddValues(CpuOperation.Head, 1));
        log.Clear();
        Assert.Empty(log.Spans);
    }

    [Fact]
    public void ACast_IsNotedWhereOperandsAreRounded()
    {
        long[] Bytes(Precision precision)
        {
            OperationLog log = new(ProductKernels.For(CpuTier.Scalar, precision));
            log.Begin();
            log.AddCast(10, words: false);
            log.AddCast(10, words: true);
            return [.. log.Spans.Select(span => span.Bytes)];
        }
        Assert.Empty(Bytes(Precision.Float32));
        Assert.Equal([80, 80], Bytes(Precision.BFloat16)); // as wide as floats: rows are words
        Assert.SkipWhen(CpuTiers.Supported.Contains(CpuTier.Avx512) && !CpuTiers.HasBFloat16, "skipped: AVX-512 without its bfloat16");
        OperationLog pairs = new(ProductKernels.For(CpuTier.Avx512, Precision.BFloat16));
        pairs.Begin();
        pairs.AddCast(10, words: false);
        pairs.AddCast(10, words: true);
        Assert.Equal([(4 + 2) * 10, (4 + 2 + 2 * 2) * 10], pairs.Spans.Select(span => span.Bytes));
    }
}
