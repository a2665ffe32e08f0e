using MiniLM.Cuda.Driver;
using MiniLM.Model;

namespace MiniLM.Cuda.Training;

/// <summary>What the way back of one layer needs at a time; the next layer takes the same.</summary>
internal sealed class CudaTrainingWorkspace : IDisposable
{
    private readonly GpuArena _arena;
    private readonly long _output, _outputDropped, _attention, _attentionDropped, _context, _queryKeyValue, _inner, _activated, _deltas, _outputSums,
        _attentionSums, _biasSums, _embeddingSums, _head, _otherHead;

    internal CudaTrainingWorkspace(Gpu gpu, CudaPlan plan, Network network, GradientTables.Capacity tables, int rows, int sequences)
    {
        (Rows, Sequences, _arena) = (rows, sequences, new GpuArena(gpu));
        EncoderConfig config = network.Config;
        long row = (long)rows * plan.RowBytes, inner = (long)rows * plan.Inner * plan.ElementBytes, head = 4L * sequences * CudaPlan.WidestOfHead(network);
        long norm = 8L * KernelLauncher.BlocksOfLayerNormBackward(rows) * plan.Hidden;
        (_output, _outputDropped, _attention, _attentionDropped, _context) = (Plan(row), Plan(row), Plan(row), Plan(row), Plan(row));
        (_queryKeyValue, _inner, _activated) = (Plan(3 * row), Plan(inner), Plan(inner));
        _deltas = Plan(4L * rows * config.NumAttentionHeads);
        (_outputSums, _attentionSums) = (Plan(norm), Plan(norm));
        if (network.Encoder.RelativeAttentionBias is { } bias)
        {
            _biasSums = Plan(4L * config.NumHiddenLayers * (sequences + rows / plan.AttentionTileRows) * bias.Count);
        }
        _embeddingSums = Plan(4L * rows * config.HiddenSize);
        (_head, _otherHead) = (Plan(head), Plan(head));
        Runs = new IdRuns(gpu, _arena, rows);
        Tables = new GradientTables(gpu, _arena, plan.WeightGradient, tables);
        HeadTables = new GradientTables(gpu, _arena, "WeightGradientSimtF32", tables);
        _arena.Commit();

        long Plan(long bytes) => _arena.Plan(bytes);
    }

    internal long Bytes => _arena.Bytes;

    internal int Rows { get; }
    internal int Sequences { get; }

    /// <summary>The gradient of a layer's output, then of the sum before its LayerNorm, then of the layer's input.</summary>
    internal ulong Output => _arena.At(_output);

    internal ulong OutputDropped => _arena.At(_outputDropped);

    /// <summary>The same of the attention's LayerNorm.</summary>
    internal ulong Attention => _arena.At(_attention);

    internal ulong AttentionDropped => _arena.At(_attentionDropped);
    internal ulong Context => _arena.At(_context);
    internal ulong QueryKeyValue => _arena.At(_queryKeyValue);

    /// <summary>Of what the activation reads.</summary>
    internal ulong Inner => _arena.At(_inner);

    /// <summary>What the activation gave: forward for the product behind it, backward anew.</summary>
    internal ulong Activated => _arena.At(_activated);

    internal ulong Deltas => _arena.At(_deltas);
    internal ulong OutputSums => _arena.At(_outputSums);
    internal ulong AttentionSums => _arena.At(_attentionSums);

    /// <summary>Of all layers: the relative bias is one.</summary>
    internal ulong BiasSums => _arena.At(_biasSums);
    internal ulong EmbeddingSums => _arena.At(_embeddingSums);

    /// <summary>Gradients of a row of the head, fp32.</summary>
    internal ulong Head => _arena.At(_head);

    internal ulong OtherHead => _arena.At(_otherHead);

    internal IdRuns Runs { get; }

    /// <summary>Of the encoder.</summary>
    internal GradientTables Tables { get; }

    /// <summary>Of the head's dense modules.</summary>
    internal GradientTables HeadTables { get; }

    public void Dispose() => _arena.Dispose();
}
