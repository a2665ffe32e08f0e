using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Training;

namespace MiniLM.Cpu.Training;

/// <summary>Widths of rows as kernels read them, padded to panels.</summary>
internal sealed record RowWidths(int Hidden, int Context, int Inner, int Head);

/// <summary>What backward needs of one batch's way forward: rows of every layer, one block.</summary>
internal sealed unsafe class TrainingSlot(RowWidths widths, int layers) : IDisposable
{
    private NativeBlock? _block;
    private int _rows;

    internal PackedBatch Batch { get; private set; } = new();

    internal StepDropout? Dropout { get; private set; }

    /// <summary>Whether a forward pass ended that no backward has used.</summary>
    internal bool IsFilled { get; set; }

    private long LayerFloats => 4L * widths.Hidden + 4L * widths.Context + 2L * widths.Inner;

    /// <summary>Makes room for a batch.</summary>
    internal void Begin(PackedBatch batch, StepDropout? dropout)
    {
        (Batch, Dropout, IsFilled) = (batch, dropout, false);
        if (batch.Rows <= _rows) { return; }
        _block?.Dispose();
        _block = null;
        _rows = 0;
        _block = new NativeBlock(batch.Rows * (2L * widths.Hidden + layers * LayerFloats));
        _rows = batch.Rows;
    }

    /// <summary>[rows, hidden]: sums of the three embeddings.</summary>
    internal float* EmbeddingSums => _block!.Floats;

    /// <summary>[rows, hidden]: what a layer reads; of the layer behind the last, what the head reads.</summary>
    internal float* X(int layer) => Layer(layer);

    /// <summary>Blocks of q, k and v by group and head: as <see cref="Workspace.Projections"/>, for each head.</summary>
    internal float* Projections(int layer) => Layer(layer) + (long)_rows * widths.Hidden;

    /// <summary>[rows, heads x padded head size].</summary>
    internal float* Context(int layer) => Projections(layer) + 3L * _rows * widths.Context;

    /// <summary>[rows, hidden]: before the LayerNorm behind attention.</summary>
    internal float* AttentionSums(int layer) => Context(layer) + (long)_rows * widths.Context;

    /// <summary>[rows, hidden]: behind it.</summary>
    internal float* Attention(int layer) => AttentionSums(layer) + (long)_rows * widths.Hidden;

    /// <summary>[rows, inner]: before the activation.</summary>
    internal float* Up(int layer) => Attention(layer) + (long)_rows * widths.Hidden;

    /// <summary>[rows, inner]: behind it.</summary>
    internal float* Activated(int layer) => Up(layer) + (long)_rows * widths.Inner;

    /// <summary>[rows, hidden]: before the LayerNorm at the layer's end.</summary>
    internal float* OutputSums(int layer) => Activated(layer) + (long)_rows * widths.Inner;

    private float* Layer(int layer) => _block!.Floats + _rows * (widths.Hidden + layer * LayerFloats);

    public void Dispose() => _block?.Dispose();
}
