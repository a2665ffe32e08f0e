using MiniLM.Batching;
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
        using CpuNetwork loaded = (CpuNetwork)device.Load(network, Compute.Precision.Float32);
        float[] plain = new float[lengths.Length * network.OutputSize], noted = new float[plain.Length];
        loaded.Forward(batch, plain);
        loaded.Logs = [.. Enumerable.Range(0, threads).Select(_ => new OperationLog())];
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

    [Fact]
    public void EveryOperation_HasTheFlopAndBytesOfItsFormula()
    {
        OperationLog log = new();
        log.Begin();
        log.AddProduct(CpuOperation.FeedForwardDown, 3, 5, 7);
        log.AddProduct(CpuOperation.AttentionOutput, 3, 5, 7, addends: 2);
        log.AddEmbedding(3, 5);
        log.AddAttention(3, 5);
        log.AddLayerNorm(3, 5);
        log.Add(CpuOperation.Head, 11, 13);
        log.Add(CpuOperation.Wait);
        (CpuOperation, long, long)[] expected =
        [
            (CpuOperation.FeedForwardDown, 2 * 3 * 5 * 7, 4 * (3 * 5 + 5 * 7 + 3 * 7)),
            (CpuOperation.AttentionOutput, 2 * 3 * 5 * 7, 4 * (3 * 5 + 5 * 7 + 2 * 3 * 7)),
            (CpuOperation.Embedding, 10 * 3 * 5, 4 * 4 * 3 * 5), // three rows are read, one is written
            (CpuOperation.Attention, 2 * 2 * 3 * 3 * 5, 4 * 4 * 3 * 5), (CpuOperation.LayerNorm, 8 * 3 * 5, 4 * 2 * 3 * 5), (CpuOperation.Head, 11, 13),
            (CpuOperation.Wait, 0, 0),
        ];
        Assert.Equal(expected, log.Spans.Select(span => (span.Operation, span.Flop, span.Bytes)));
        Assert.All(log.Spans.Zip(log.Spans.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
        log.Clear();
        Assert.Empty(log.Spans);
    }
}
