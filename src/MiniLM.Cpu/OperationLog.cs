using System.Diagnostics;

namespace MiniLM.Cpu;

/// <summary>What a thread does in a forward pass.</summary>
internal enum CpuOperation
{
    Embedding,
    QueryKeyValue,
    Attention,
    AttentionOutput,
    LayerNorm,
    FeedForwardUp,
    FeedForwardDown,
    Head,

    /// <summary>For other threads.</summary>
    Wait,
}

/// <summary>One operation of one thread.</summary>
/// <param name="Operation">Which.</param>
/// <param name="Start">Stopwatch ticks.</param>
/// <param name="End">Stopwatch ticks.</param>
/// <param name="Flop">Floating-point operations of its formula; an activation or a softmax counts none.</param>
/// <param name="Bytes">Operands and results, each once.</param>
internal readonly record struct OperationSpan(CpuOperation Operation, long Start, long End, long Flop, long Bytes);

/// <summary>The operations of one thread, for a profile. Each begins where the one before it ended.</summary>
internal sealed class OperationLog
{
    private readonly List<OperationSpan> _spans = [];
    private long _last;

    internal IReadOnlyList<OperationSpan> Spans => _spans;

    internal void Clear() => _spans.Clear();

    /// <summary>The thread begins to work.</summary>
    internal void Begin() => _last = Stopwatch.GetTimestamp();

    /// <summary>An operation has ended.</summary>
    internal void Add(CpuOperation operation, long flop = 0, long bytes = 0)
    {
        Debug.Assert(flop >= 0 && bytes >= 0 && _last != 0, "the thread has not begun");
        long now = Stopwatch.GetTimestamp();
        _spans.Add(new OperationSpan(operation, _last, now, flop, bytes));
        _last = now;
    }

    /// <summary>A matrix product has ended: [rows, inputs] by [inputs, outputs], and what it adds to each result besides.</summary>
    internal void AddProduct(CpuOperation operation, long rows, long inputs, long outputs, int addends = 1) =>
        Add(operation, 2 * rows * inputs * outputs, sizeof(float) * (rows * inputs + inputs * outputs + addends * rows * outputs));

    /// <summary>Three table rows of each token have been added and normalised.</summary>
    internal void AddEmbedding(long rows, long width) => Add(CpuOperation.Embedding, 10 * rows * width, 4 * sizeof(float) * rows * width);

    /// <summary>A head of a sequence has been attended: scores and context.</summary>
    internal void AddAttention(long length, long headSize) =>
        Add(CpuOperation.Attention, 4 * length * length * headSize, 4 * sizeof(float) * length * headSize);

    /// <summary>LayerNorm of rows has ended: mean, variance and normal form are 8 operations a value.</summary>
    internal void AddLayerNorm(long rows, long width) => Add(CpuOperation.LayerNorm, 8 * rows * width, 2 * sizeof(float) * rows * width);
}
