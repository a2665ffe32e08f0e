using MiniLM.Batching;
using MiniLM.Training;

namespace MiniLM.Cpu.Training;

/// <summary>The way forward, everything kept that the way back needs.</summary>
internal sealed unsafe partial class CpuTrainingNetwork
{
    protected override void ForwardSavingChecked(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output, CancellationToken cancellation)
    {
        StartLogs(CpuPhase.Forward);
        Open(slot);
        FormGroups(batch);
        _slot.Begin(batch, dropout, _words);
        Reserve(batch);
        Run(_forward, cancellation);
        _head.Forward(batch, _slot.Output, _widths.Hidden, dropout, output);
        if (Logs is not null) { NoteAlone(log => AddHead(log, Derivative.None)); }
        _slot.IsFilled = true;
    }

    /// <summary>Its gradients together are twice its work.</summary>
    private void AddHead(OperationLog log, Derivative derivative)
    {
        (long flop, long bytes, int times) = (0, 0, derivative == Derivative.None ? 1 : 2);
        for (int sequence = 0; sequence < _slot.Batch.Sequences; sequence++)
        {
            int length = _slot.Batch.Length(sequence);
            (flop, bytes) = (flop + times * _inference.Head.Flop(length), bytes + times * _inference.Head.Bytes(length));
        }
        log.Add(CpuOperation.Head, flop, bytes, derivative);
    }

    private void Forward(int member)
    {
        for (int group; (group = Next()) < _groups.Count;) { ForwardGroup(_groups[group], _own[member]); }
    }

    private void ForwardGroup(RowGroup group, Scratch mine)
    {
        (int from, int rows, int layers) = (group.From, group.Rows, _config.NumHiddenLayers);
        nint at = (nint)from * _widths.Hidden, word = (nint)group.Word * _widths.Hidden;
        float* sums = _slot.EmbeddingSums + at, x = Behind(0);
        _inference.Embedding.Sum(_slot.Batch, from, from + rows, sums, _widths.Hidden);
        Normalize(_inference.Embedding.Norm, sums, x, rows);
        mine.Log?.AddValues(CpuOperation.Embedding, Hidden(group));
        Drop(group, Mask(DropoutSite.Embeddings, 0, _config.HiddenDropout), x, mine.Log);
        for (int layer = 0; layer < layers; layer++)
        {
            PackedLayer packed = _inference.Layers[layer];
            void* operands = Keep(group, x, _widths.Hidden, _slot.X(layer) + word, mine);
            operands = Attend(group, layer, operands, mine);
            sums = _slot.AttentionSums(layer) + at;
            packed.AttentionOutput.Multiply(Epilogue.None, Store.Float32, operands, _widths.Context, rows, 0, packed.AttentionOutput.Panels, sums,
                _widths.Hidden, Gemm.Columns);
            mine.Log?.AddProduct(CpuOperation.AttentionOutput, Store.Float32, rows, _config.HiddenSize, _config.HiddenSize);
            Drop(group, Mask(DropoutSite.AttentionOutput, layer, _config.HiddenDropout), sums, mine.Log);
            AddResidual(group, x, sums, mine);
            float* attention = Made(_slot.Attention(layer) + word, mine.Attention);
            Normalize(packed.AttentionNorm, sums, attention, rows);
            mine.Log?.AddValues(CpuOperation.LayerNorm, Hidden(group));
            _pool.Checkpoint();

            operands = Keep(group, attention, _widths.Hidden, _slot.Attention(layer) + word, mine);
            operands = Options.RecomputesInner
                ? FeedForwardUp(group, layer, operands, mine.Up, mine.Activated, mine)
                : FeedForwardUp(group, layer, operands, _slot.Slopes(layer) + (nint)from * _widths.Inner,
                    _slot.Activated(layer) + (nint)group.Word * _widths.Inner, mine);
            sums = _slot.OutputSums(layer) + at;
            packed.Down.Multiply(
                Epilogue.None, Store.Float32, operands, _widths.Inner, rows, 0, packed.Down.Panels, sums, _widths.Hidden, Gemm.Columns);
            mine.Log?.AddProduct(CpuOperation.FeedForwardDown, Store.Float32, rows, _config.IntermediateSize, _config.HiddenSize);
            Drop(group, Mask(DropoutSite.FeedForwardOutput, layer, _config.HiddenDropout), sums, mine.Log);
            AddResidual(group, attention, sums, mine);
            x = Behind(layer + 1);
            Normalize(packed.OutputNorm, sums, x, rows);
            mine.Log?.AddValues(CpuOperation.LayerNorm, Hidden(group));
        }

        // What that many layers give: the next one's input, or behind the last one what the head reads.
        float* Behind(int done) => done < layers ? Made(_slot.X(done) + word, mine.X) : _slot.Output + at;
    }

    private void AddResidual(RowGroup group, float* x, float* sums, Scratch mine)
    {
        GroupSums.Add(x, sums, group.Rows * _widths.Hidden);
        mine.Log?.AddValues(CpuOperation.Residual, Hidden(group));
    }

    /// <summary>The activations of a feed-forward layer, as rows of operands.</summary>
    /// <param name="group">Of rows.</param>
    /// <param name="layer">Of the network.</param>
    /// <param name="x">[rows, hidden] operands.</param>
    /// <param name="slopes">[rows, inner]: gets the slopes of the activation.</param>
    /// <param name="kept">[words, inner]: gets the activations.</param>
    /// <param name="mine">The thread's.</param>
    private void* FeedForwardUp(RowGroup group, int layer, void* x, float* slopes, float* kept, Scratch mine)
    {
        PackedLinear linear = _inference.Layers[layer].Up;
        linear.Multiply(Epilogue.None, Store.Float32, x, _widths.Hidden, group.Rows, 0, linear.Panels, slopes, _widths.Inner, Gemm.Columns);
        mine.Log?.AddProduct(CpuOperation.FeedForwardUp, Store.Float32, group.Rows, _config.HiddenSize, _config.IntermediateSize);
        float* activated = Made(kept, mine.Inner);
        _kernels.Activate(_config.HiddenAct, slopes, activated, slopes, group.Rows * _widths.Inner);
        mine.Log?.AddValues(CpuOperation.Activation, Inner(group));
        return Keep(group, activated, _widths.Inner, kept, mine);
    }

    private void Normalize(PackedNorm norm, float* from, float* to, int rows)
    {
        for (int row = 0; row < rows; row++)
        {
            nint at = (nint)row * _widths.Hidden;
            _kernels.LayerNorm(from + at, norm.Gamma, norm.Beta, _config.LayerNormEps, to + at, _config.HiddenSize);
        }
    }

    /// <summary>Operands: where a head's query of a group lies; its key and value are one and two blocks behind.</summary>
    private byte* Projections(RowGroup group, int layer, int head) =>
        (byte*)_slot.Projections(layer) + (3L * group.From * _widths.Context + 3L * head * group.Rows * _widths.Head) * _products.Size;

    /// <summary>The context of all heads, as rows of operands.</summary>
    private void* Attend(RowGroup group, int layer, void* x, Scratch mine)
    {
        int panels = _widths.Head / Gemm.Columns, size = _products.Size, rows = group.Rows;
        nint block = (nint)rows * _widths.Head * size, panelStride = (nint)rows * Gemm.Columns;
        PackedLinear packed = _inference.Layers[layer].QueryKeyValue;
        DropoutMask mask = Mask(DropoutSite.Attention, layer, _config.AttentionDropout);
        float* kept = _slot.Context(layer) + (nint)group.Word * _widths.Context;
        byte* context = (byte*)OperandRows(kept, mine.Context);
        for (int head = 0; head < _config.NumAttentionHeads; head++)
        {
            _pool.Checkpoint();
            byte* query = Projections(group, layer, head), key = query + block, value = key + block;
            packed.Multiply(Epilogue.None, Store.Operand, x, _widths.Hidden, rows, 3 * head * panels, (3 * head + 1) * panels,
                query - 3 * head * panels * Gemm.Columns * size, _widths.Head, Gemm.Columns);
            packed.Multiply(Epilogue.None, Store.Operand, x, _widths.Hidden, rows, (3 * head + 1) * panels, (3 * head + 3) * panels,
                key - (3 * head + 1) * panels * panelStride * size, Gemm.Columns, panelStride);
            mine.Log?.AddProduct(CpuOperation.QueryKeyValue, Store.Operand, rows, _config.HiddenSize, 3L * _config.HeadSize);
            RelativeBias.Head bias = _inference.Bias?.For(head) ?? default;
            fixed (int* columns = _slot.Batch.Columns)
            {
                for (int sequence = group.First; sequence < group.End; sequence++)
                {
                    int row = _slot.Batch.Offsets[sequence];
                    nint start = row - group.From, panelRow = start * Gemm.Columns * size;
                    SelfAttention.Forward(_kernels, query + start * _widths.Head * size, key + panelRow, value + panelRow, panelStride,
                        _slot.Batch.Length(sequence), _config.HeadSize, _widths.Head, bias, columns + row,
                        context + (start * _widths.Context + head * _widths.Head) * size, _widths.Context, mine.SelfAttention, mask, MaskRow(sequence), head);
                    mine.Log?.AddAttention(_slot.Batch.Length(sequence), _config.HeadSize);
                }
            }
        }
        KeepWords(group, context, _widths.Context, kept);
        if (_products.Group > 1) { mine.Log?.Add(CpuOperation.Cast, 0, 2L * _products.Size * Hidden(group)); }
        return context;
    }
}
