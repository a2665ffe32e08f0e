using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Training;

namespace MiniLM.Cpu.Training;

/// <summary>Widths of rows as kernels read them, padded to panels.</summary>
internal sealed record RowWidths(int Hidden, int Context, int Inner, int Head);

/// <summary>What backward needs of one batch's way forward: rows of every layer, one block.</summary>
/// <remarks>
/// Operands of products lie as the gradients of weights read them: [rows / group][width] words of 32 bits (<see cref="OuterProduct"/>), each group of
/// sequences from a word row of its own on. In float32 those are the rows themselves.
/// </remarks>
internal sealed unsafe class TrainingSlot(ProductKernels products, RowWidths widths, int layers, bool keepsInner) : IDisposable
{
    private NativeBlock? _block;
    private int _rows, _words;

    internal PackedBatch Batch { get; private set; } = new();

    internal StepDropout? Dropout { get; private set; }

    /// <summary>Whether a forward pass ended that no backward has used.</summary>
    internal bool IsFilled { get; set; }

    internal long Bytes => _block?.Bytes ?? 0;

    private int Inner => keepsInner ? widths.Inner : 0;

    private long LayerFloats(long rows, long words) =>
        words * (2L * widths.Hidden + widths.Context + Inner) + rows * (2L * widths.Hidden + 3L * widths.Context / products.Group + Inner);

    /// <summary>Makes room for a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="dropout">Null: nothing is dropped.</param>
    /// <param name="words">Word rows of all groups.</param>
    internal void Begin(PackedBatch batch, StepDropout? dropout, int words)
    {
        (Batch, Dropout, IsFilled) = (batch, dropout, false);
        if (batch.Rows <= _rows && words <= _words) { return; }
        (int rows, words) = (Math.Max(batch.Rows, _rows), Math.Max(words, _words));
        _block?.Dispose();
        _block = null;
        (_rows, _words) = (0, 0);
        _block = new NativeBlock(rows * 2L * widths.Hidden + layers * LayerFloats(rows, words));
        (_rows, _words) = (rows, words);
    }

    /// <summary>[rows, hidden]: sums of the three embeddings.</summary>
    internal float* EmbeddingSums => _block!.Floats;

    /// <summary>[rows, hidden]: what the head reads.</summary>
    internal float* Output => EmbeddingSums + (long)_rows * widths.Hidden;

    /// <summary>[words, hidden]: what a layer reads.</summary>
    internal float* X(int layer) => Output + (long)_rows * widths.Hidden + layer * LayerFloats(_rows, _words);

    /// <summary>[words, heads x padded head size].</summary>
    internal float* Context(int layer) => X(layer) + (long)_words * widths.Hidden;

    /// <summary>[words, hidden]: behind the LayerNorm behind attention.</summary>
    internal float* Attention(int layer) => Context(layer) + (long)_words * widths.Context;

    /// <summary>[words, inner]: behind the activation; only where these are kept.</summary>
    internal float* Activated(int layer) => Attention(layer) + (long)_words * widths.Hidden;

    /// <summary>[rows, hidden]: before the LayerNorm behind attention.</summary>
    internal float* AttentionSums(int layer) => Activated(layer) + (long)_words * Inner;

    /// <summary>[rows, inner]: slopes of the activation; likewise.</summary>
    internal float* Slopes(int layer) => AttentionSums(layer) + (long)_rows * widths.Hidden;

    /// <summary>[rows, hidden]: before the LayerNorm at the layer's end.</summary>
    internal float* OutputSums(int layer) => Slopes(layer) + (long)_rows * Inner;

    /// <summary>Operands: blocks of q, k and v by group and head: as <see cref="Workspace.Projections"/>, for each head.</summary>
    internal void* Projections(int layer) => OutputSums(layer) + (long)_rows * widths.Hidden;

    public void Dispose() => _block?.Dispose();
}
