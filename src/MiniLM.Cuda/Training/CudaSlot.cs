using MiniLM.Batching;
using MiniLM.Cuda.Driver;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cuda.Training;

/// <summary>What a layer's way back needs of its way forward: rows of the plan's storage, and fp32 statistics.</summary>
/// <param name="X">Its input.</param>
/// <param name="QueryKeyValue">Three in a row.</param>
/// <param name="LogSums">fp32 [heads, rows].</param>
/// <param name="Context">What the attention's product reads.</param>
/// <param name="AttentionSum">Before the first LayerNorm.</param>
/// <param name="AttentionStatistics">fp32 [rows, 2].</param>
/// <param name="Attention">Behind the first LayerNorm.</param>
/// <param name="BeforeActivation">The feed-forward layer's; what is behind it is made anew.</param>
/// <param name="OutputSum">Before the second LayerNorm.</param>
/// <param name="OutputStatistics">fp32 [rows, 2].</param>
internal readonly record struct LayerRows(ulong X, ulong QueryKeyValue, ulong LogSums, ulong Context, ulong AttentionSum, ulong AttentionStatistics,
    ulong Attention, ulong BeforeActivation, ulong OutputSum, ulong OutputStatistics);

/// <summary>One batch between forward and backward: 9,280 bytes a token and layer of MiniLM in 16 bits.</summary>
internal sealed class CudaSlot : IDisposable
{
    private readonly GpuArena _arena;
    private readonly LayerRows[] _layers;
    private readonly (long Input, long BeforeActivation)[] _head;
    private readonly long _sum, _statistics, _output;

    internal CudaSlot(Gpu gpu, CudaPlan plan, Network network, int rows, int sequences)
    {
        (RowCapacity, SequenceCapacity, _arena) = (rows, sequences, new GpuArena(gpu));
        EncoderConfig config = network.Config;
        long row = (long)rows * plan.RowBytes, statistics = 8L * rows;
        Ids = new CudaBatch(gpu, _arena, plan.AttentionTileRows, rows, sequences, drops: true);
        (_sum, _statistics) = (_arena.Plan(row), _arena.Plan(statistics));
        _layers = new LayerRows[config.NumHiddenLayers];
        for (int i = 0; i < _layers.Length; i++)
        {
            _layers[i] = new LayerRows(Plan(row), Plan(3 * row), Plan(4L * rows * config.NumAttentionHeads), Plan(row), Plan(row), Plan(statistics), Plan(row),
                Plan((long)rows * plan.Inner * plan.ElementBytes), Plan(row), Plan(statistics));
        }
        _output = _arena.Plan(row);
        long head = 4L * sequences * CudaPlan.WidestOfHead(network);
        _head = [.. Enumerable.Range(0, network.Head.Length + 1).Select(_ => (_arena.Plan(head), _arena.Plan(head)))];
        _arena.Commit();

        ulong Plan(long bytes) => (ulong)_arena.Plan(bytes);
    }

    internal long Bytes => _arena.Bytes;

    internal int RowCapacity { get; }
    internal int SequenceCapacity { get; }

    /// <summary>The batch, while one is kept.</summary>
    internal PackedBatch? Batch { get; set; }

    internal StepDropout? Dropout { get; set; }

    internal CudaBatch Ids { get; }

    /// <summary>Sums of embeddings.</summary>
    internal ulong EmbeddingSum => _arena.At(_sum);

    internal ulong EmbeddingStatistics => _arena.At(_statistics);

    internal LayerRows Layer(int index)
    {
        (LayerRows layer, ulong origin) = (_layers[index], _arena.At(0));
        return new LayerRows(origin + layer.X, origin + layer.QueryKeyValue, origin + layer.LogSums, origin + layer.Context, origin + layer.AttentionSum,
            origin + layer.AttentionStatistics, origin + layer.Attention, origin + layer.BeforeActivation, origin + layer.OutputSum,
            origin + layer.OutputStatistics);
    }

    /// <summary>The rows that a layer reads; behind the last, those that pooling reads.</summary>
    internal ulong X(int layer) => layer < _layers.Length ? Layer(layer).X : _arena.At(_output);

    /// <summary>What a module of the head reads (dropped), fp32; behind the last, the result.</summary>
    internal ulong HeadInput(int module) => _arena.At(_head[module].Input);

    /// <summary>What its activation reads, fp32.</summary>
    internal ulong HeadBeforeActivation(int module) => _arena.At(_head[module].BeforeActivation);

    public void Dispose() => _arena.Dispose();
}
