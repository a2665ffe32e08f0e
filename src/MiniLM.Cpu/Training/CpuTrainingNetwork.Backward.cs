using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cpu.Training;

/// <summary>The way back: gradients of rows by group, then of weights by tile.</summary>
internal sealed unsafe partial class CpuTrainingNetwork
{
    private const int Pieces = 4; // of a weight for each thread: the last one must not be waited for long

    protected override void BackwardInside(int slot, ReadOnlySpan<float> outputGradient, CancellationToken cancellation)
    {
        StartLogs(CpuPhase.Backward);
        Open(slot);
        if (!_slot.IsFilled) { throw new InvalidOperationException($"slot {slot} holds no forward pass"); }
        _slot.IsFilled = false;
        FormGroups(_slot.Batch);
        Reserve(_slot.Batch);
        _head.Backward(_slot.Batch, _slot.Output, _widths.Hidden, _slot.Dropout, outputGradient, _gradient, _rows!.X);
        if (Logs is not null) { NoteAlone(log => AddHead(log, Derivative.All)); }
        for (_layer = _config.NumHiddenLayers - 1; _layer >= Math.Max(0, LowestTrained); _layer--)
        {
            _sums.Begin(_groups.Count);
            Run(_backwardRows, cancellation);
            CutWeights();
            if (Logs is not null) { NoteAlone(log => log.AddValues(CpuOperation.BiasSums, (long)_groups.Count * _sums.Width)); }
            Run(_backwardWeights, cancellation);
        }
        if (LowestTrained >= 0) { return; }
        _sums.Begin(_groups.Count);
        Run(_backwardEmbeddings, cancellation);
        AddNorm(Network.Encoder.EmbeddingNorm, _sums.OutputGamma(0), _sums.OutputBeta(0));
        Run(_scatter, cancellation);
    }

    private void BackwardRows(int member)
    {
        for (int group; (group = Next()) < _groups.Count;) { BackwardGroup(group, _groups[group], _own[member]); }
    }

    private void BackwardGroup(int index, RowGroup group, Scratch mine)
    {
        int rows = group.Rows, hidden = _widths.Hidden;
        nint at = (nint)group.From * hidden, word = (nint)group.Word * hidden;
        PackedLayer packed = _inference.Layers[_layer];
        LayerBackward backward = _backward[_layer];
        float* d = _rows!.X + at;
        OperationLog? log = mine.Log;
        (int width, int inner) = (_config.HiddenSize, _config.IntermediateSize);
        NormalizeBackward(packed.OutputNorm, _slot.OutputSums(_layer) + at, d, rows, _sums.OutputGamma(index), _sums.OutputBeta(index), log);
        float* slopes = Options.RecomputesInner ? RecomputeInner(group, mine) : _slot.Slopes(_layer) + (nint)group.From * _widths.Inner;
        void* operands = KeepDropped(group, DropoutSite.FeedForwardOutput, d, _rows.Down + word, _sums.Down(index), mine);
        float* kept = _rows.Up + (nint)group.Word * _widths.Inner, up = Made(kept, mine.Inner);
        backward.Down.Multiply(Store.Float32, operands, hidden, rows, up, _widths.Inner);
        log?.AddProduct(CpuOperation.FeedForwardDown, Store.Float32, rows, width, inner, derivative: Derivative.Inputs);
        Activations.Backward(slopes, up, rows * _widths.Inner);
        log?.AddValues(CpuOperation.Activation, Inner(group), Derivative.All);
        GroupSums.AddRows(up, _widths.Inner, rows, _widths.Inner, _sums.Up(index));
        log?.AddValues(CpuOperation.BiasSums, Inner(group));
        _pool.Checkpoint();
        operands = Keep(group, up, _widths.Inner, kept, mine);
        backward.Up.Multiply(Store.Float32, operands, _widths.Inner, rows, d, hidden, d);
        log?.AddProduct(CpuOperation.FeedForwardUp, Store.Float32, rows, inner, width, addends: 1, Derivative.Inputs);

        NormalizeBackward(
            packed.AttentionNorm, _slot.AttentionSums(_layer) + at, d, rows, _sums.AttentionGamma(index), _sums.AttentionBeta(index), log);
        operands = KeepDropped(group, DropoutSite.AttentionOutput, d, _rows.Dense + word, _sums.AttentionOutput(index), mine);
        backward.AttentionOutput.Multiply(Store.Operand, operands, hidden, rows, mine.Context, _widths.Context);
        log?.AddProduct(CpuOperation.AttentionOutput, Store.Operand, rows, width, width, derivative: Derivative.Inputs);
        kept = _rows.Projections + 3L * group.Word * _widths.Context;
        float* projections = Made(kept, mine.Projections);
        AttendBackward(index, group, projections, mine);
        GroupSums.AddRows(projections, 3 * _widths.Context, rows, 3 * _widths.Context, _sums.QueryKeyValue(index));
        log?.AddValues(CpuOperation.BiasSums, 3 * Hidden(group));
        _pool.Checkpoint();
        operands = Keep(group, projections, 3 * _widths.Context, kept, mine);
        backward.QueryKeyValue.Multiply(Store.Float32, operands, 3 * _widths.Context, rows, d, hidden, d);
        log?.AddProduct(CpuOperation.QueryKeyValue, Store.Float32, rows, 3L * width, width, addends: 1, Derivative.Inputs);
    }

    /// <summary>The activations, for the gradient of the weight behind them, and their slopes, which are returned.</summary>
    private float* RecomputeInner(RowGroup group, Scratch mine)
    {
        nint word = (nint)group.Word * _widths.Hidden;
        float* kept = _slot.Attention(_layer) + word, attention = Made(kept, mine.Attention);
        // As rows, which words of 16 bits are not: from the sums once more.
        if (!_products.IsExact)
        {
            Normalize(_inference.Layers[_layer].AttentionNorm, _slot.AttentionSums(_layer) + (nint)group.From * _widths.Hidden, attention, group.Rows);
            mine.Log?.AddValues(CpuOperation.LayerNorm, Hidden(group));
        }
        void* operands = Keep(group, attention, _widths.Hidden, kept, mine);
        FeedForwardUp(group, _layer, operands, mine.Up, _rows!.Activated + (nint)group.Word * _widths.Inner, mine);
        return mine.Up;
    }

    /// <summary>The gradient of a product whose result was dropped from: d, dropped as it was; its sums over rows are its bias's.</summary>
    private void* KeepDropped(RowGroup group, DropoutSite site, float* d, float* kept, float* biasSums, Scratch mine)
    {
        float* dropped = Made(kept, mine.X);
        int count = group.Rows * _widths.Hidden;
        new ReadOnlySpan<float>(d, count).CopyTo(new Span<float>(dropped, count));
        Drop(group, Mask(site, _layer, _config.HiddenDropout), dropped, mine.Log, Derivative.All);
        GroupSums.AddRows(dropped, _widths.Hidden, group.Rows, _widths.Hidden, biasSums);
        mine.Log?.AddValues(CpuOperation.BiasSums, Hidden(group));
        return Keep(group, dropped, _widths.Hidden, kept, mine);
    }

    private void NormalizeBackward(PackedNorm norm, float* x, float* d, int rows, float* gamma, float* beta, OperationLog? log)
    {
        for (int row = 0; row < rows; row++)
        {
            nint at = (nint)row * _widths.Hidden;
            _kernels.LayerNormBackward(x + at, norm.Gamma, _config.LayerNormEps, d + at, gamma, beta, _config.HiddenSize);
        }
        log?.AddValues(CpuOperation.LayerNorm, (long)rows * _config.HiddenSize, Derivative.All);
    }

    private void AttendBackward(int index, RowGroup group, float* projections, Scratch mine)
    {
        int size = _products.Size;
        nint block = (nint)group.Rows * _widths.Head * size, panelStride = (nint)group.Rows * Gemm.Columns;
        DropoutMask mask = Mask(DropoutSite.Attention, _layer, _config.AttentionDropout);
        fixed (int* columns = _slot.Batch.Columns)
        {
            for (int head = 0; head < _config.NumAttentionHeads; head++)
            {
                _pool.Checkpoint();
                byte* query = Projections(group, _layer, head), key = query + block, value = key + block;
                RelativeBias.Head bias = _inference.Bias?.For(head) ?? default;
                for (int sequence = group.First; sequence < group.End; sequence++)
                {
                    int row = _slot.Batch.Offsets[sequence], length = _slot.Batch.Length(sequence);
                    nint start = row - group.From, panelRow = start * Gemm.Columns * size;
                    float* dQuery = projections + 3 * start * _widths.Context + head * _widths.Head;
                    SelfAttention.Backward(_kernels, query + start * _widths.Head * size, key + panelRow, value + panelRow, panelStride, length,
                        _config.HeadSize, _widths.Head, bias, columns + row, mask, MaskRow(sequence), head,
                        (byte*)mine.Context + (start * _widths.Context + head * _widths.Head) * size, _widths.Context, dQuery, dQuery + _widths.Context,
                        dQuery + 2 * _widths.Context, 3 * _widths.Context, mine.SelfAttentionBackward);
                    if (_inference.Bias is not null) { AddRelativeBias(index, head, columns + row, length, mine.SelfAttentionBackward); }
                    mine.Log?.AddAttentionBackward(length, _config.HeadSize);
                }
            }
        }
    }

    private void AddRelativeBias(int group, int head, int* columns, int length, SelfAttention.BackwardScratch scratch)
    {
        float* table = _sums.RelativeBias(group);
        float root = MathF.Sqrt(_config.HeadSize);
        for (int i = 0; i < length; i++)
        {
            float* scores = scratch.Scores + i * SelfAttention.ScoreStride(length);
            for (int j = 0; j < length; j++) { table[MpnetBuckets.Of(columns[j] - columns[i]) * _config.NumAttentionHeads + head] += scores[j] * root; }
        }
    }

    /// <summary>The layer's weights with the rows that their gradients are sums over; biases and LayerNorms get theirs here.</summary>
    private void CutWeights()
    {
        LayerWeights layer = Network.Encoder.Layers[_layer];
        int heads = _config.HeadSize == _widths.Head ? 1 : _config.NumAttentionHeads; // without padding all heads are one
        _pieces.Clear();
        float* activated = Options.RecomputesInner ? _rows!.Activated : _slot.Activated(_layer);
        Cut(CpuOperation.FeedForwardDown, layer.Down, _rows!.Down, _widths.Hidden, 1, activated, _widths.Inner, 1, _sums.Down(0));
        Cut(CpuOperation.FeedForwardUp, layer.Up, _rows.Up, _widths.Inner, 1, _slot.Attention(_layer), _widths.Hidden, 1, _sums.Up(0));
        Cut(CpuOperation.AttentionOutput, layer.AttentionOutput, _rows.Dense, _widths.Hidden, 1, _slot.Context(_layer), _widths.Context, heads,
            _sums.AttentionOutput(0));
        CutProjection(layer.Query, 0);
        CutProjection(layer.Key, 1);
        CutProjection(layer.Value, 2);
        AddNorm(layer.AttentionNorm, _sums.AttentionGamma(0), _sums.AttentionBeta(0));
        AddNorm(layer.OutputNorm, _sums.OutputGamma(0), _sums.OutputBeta(0));
        if (Network.Encoder.RelativeAttentionBias is { } table) { _sums.AddTo(Gradient(table), _sums.RelativeBias(0), _groups.Count, (int)table.Count); }

        void CutProjection(Linear linear, int index) => Cut(CpuOperation.QueryKeyValue, linear, _rows.Projections + index * _widths.Context,
            3 * _widths.Context, heads, _slot.X(_layer), _widths.Hidden, 1, _sums.QueryKeyValue(0) + index * _widths.Context);
    }

    private void Cut(CpuOperation operation, Linear linear, float* dy, int dyStride, int outputHeads, float* x, int xStride, int inputHeads, float* biasSums)
    {
        int outputs = linear.Outputs / outputHeads, inputs = linear.Inputs / inputHeads, panels = PackedLinear.PanelsOf(inputs);
        (int tall, int wide) = PiecesOf(outputs, inputs, _products.OuterChannels, Pieces * _device.Threads);
        for (int head = 0; head < outputHeads; head++)
        {
            int padded = head * _widths.Head;
            if (linear.Bias is { } bias) { _sums.AddTo(Gradient(bias) + head * outputs, biasSums + padded, _groups.Count, outputs); }
            if (!IsTrained(linear.Weight)) { continue; }
            for (int input = 0; input < inputHeads; input++)
            {
                for (int piece = 0; piece < tall * wide; piece++)
                {
                    int row = piece / wide, column = piece % wide, channel = ProductKernels.StripStart(outputs, row, tall);
                    int from = ProductKernels.StripStart(panels, column, wide) * Gemm.Columns;
                    _pieces.Add(new WeightPiece
                    {
                        Operation = operation,
                        DY = dy + padded + channel,
                        DYStride = dyStride,
                        Channels = ProductKernels.StripStart(outputs, row + 1, tall) - channel,
                        X = x + input * _widths.Head + from,
                        XStride = xStride,
                        Columns = Math.Min(inputs, ProductKernels.StripStart(panels, column + 1, wide) * Gemm.Columns) - from,
                        Gradient = Gradient(linear.Weight) + (long)(head * outputs + channel) * linear.Inputs + input * inputs + from,
                        GradientStride = linear.Inputs,
                    });
                }
            }
        }
    }

    /// <summary>
    /// Into how many pieces by channels and by columns a weight is cut: each piece reads its channels and its columns of every row, all pieces together as few
    /// values as they can.
    /// </summary>
    /// <param name="outputs">Channels.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="strip">Channels that a kernel takes at once.</param>
    /// <param name="pieces">Wanted; fewer, by channels alone, where the weight is too small for so many.</param>
    internal static (int Tall, int Wide) PiecesOf(int outputs, int inputs, int strip, int pieces)
    {
        int strips = (outputs + strip - 1) / strip, panels = PackedLinear.PanelsOf(inputs);
        (int Tall, int Wide) best = (Math.Min(strips, pieces), 1);
        long least = long.MaxValue;
        for (int tall = 1; tall <= Math.Min(strips, pieces); tall++)
        {
            long read = (long)outputs * (pieces / tall) + (long)inputs * tall;
            if (pieces % tall == 0 && pieces / tall <= panels && read < least) { (best, least) = ((tall, pieces / tall), read); }
        }
        return best;
    }

    /// <summary>Some channels and columns of a weight's gradient.</summary>
    private struct WeightPiece
    {
        internal CpuOperation Operation;
        internal float* DY, X, Gradient;
        internal int DYStride, XStride, GradientStride, Channels, Columns;
    }

    private void BackwardWeights(int member)
    {
        for (int index; (index = Next()) < _pieces.Count;)
        {
            _pool.Checkpoint();
            WeightPiece piece = _pieces[index];
            _products.AddOuter(piece.DY, piece.DYStride, piece.Channels, piece.X, piece.XStride, piece.Columns, _words,
                piece.Gradient, piece.GradientStride);
            Logs?[member].AddProduct(
                piece.Operation, Store.Float32, piece.Channels, _slot.Batch.Rows, piece.Columns, addends: 1, Derivative.Weights);
        }
    }

    private void AddNorm(Norm norm, float* gamma, float* beta)
    {
        _sums.AddTo(Gradient(norm.Gamma), gamma, _groups.Count, _config.HiddenSize);
        _sums.AddTo(Gradient(norm.Beta), beta, _groups.Count, _config.HiddenSize);
    }

    private void BackwardEmbeddings(int member)
    {
        for (int group; (group = Next()) < _groups.Count;)
        {
            nint at = (nint)_groups[group].From * _widths.Hidden;
            float* d = _rows!.X + at;
            OperationLog? log = _own[member].Log;
            Drop(_groups[group], Mask(DropoutSite.Embeddings, 0, _config.HiddenDropout), d, log, Derivative.All);
            NormalizeBackward(
                _inference.Embedding.Norm, _slot.EmbeddingSums + at, d, _groups[group].Rows, _sums.OutputGamma(group), _sums.OutputBeta(group), log);
        }
    }

    /// <summary>Each thread adds some columns of all rows, in order.</summary>
    private void Scatter(int member)
    {
        PackedBatch batch = _slot.Batch;
        EncoderWeights weights = Network.Encoder;
        int hidden = _config.HiddenSize;
        (int first, int end) = _pool.All.Share(hidden, member);
        float* words = Gradient(weights.WordEmbeddings), positions = Gradient(weights.PositionEmbeddings);
        float* types = weights.TokenTypeEmbeddings is { } table ? Gradient(table) : null;
        for (int row = 0; row < batch.Rows; row++)
        {
            float* d = _rows!.X + (nint)row * _widths.Hidden + first;
            if (batch.TokenIds[row] != _config.PadTokenId) { GroupSums.Add(d, words + (long)batch.TokenIds[row] * hidden + first, end - first); }
            if (batch.Positions[row] != _config.PadPosition) { GroupSums.Add(d, positions + (long)batch.Positions[row] * hidden + first, end - first); }
            if (types != null) { GroupSums.Add(d, types + (long)batch.TypeIds[row] * hidden + first, end - first); }
        }
        Logs?[member].AddValues(CpuOperation.Embedding, (long)batch.Rows * (end - first), Derivative.Weights);
    }
}
