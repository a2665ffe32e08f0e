using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cpu.Training;

/// <summary>Training on the CPU, in float32.</summary>
/// <remarks>
/// Forward: groups of whole sequences go through all layers on one thread each, as in <see cref="CpuNetwork"/>, on its panels; every row of every layer stays.
/// Backward, layer by layer from the last: first the groups' gradients of rows (dy W by the same kernel, with the weights packed the other way), then
/// the gradients of weights, whose tiles the threads share out and whose sums run over all rows in order. Sums over rows that biases get are made by group and
/// added in the groups' order. Groups are cut by the batch alone, so no number of threads changes a bit.
/// </remarks>
internal sealed unsafe class CpuTrainingNetwork : TrainingNetwork
{
    private const int Pieces = 4; // of a weight's channels for each thread: the last one must not be waited for long

    private readonly CpuDevice _device;
    private readonly WorkerPool _pool;
    private readonly CpuKernels _kernels;
    private readonly EncoderConfig _config;
    private readonly CpuNetwork _inference;
    private readonly LayerBackward[] _backward;
    private readonly TrainingHead _head;
    private readonly GradientOf _gradient;
    private readonly NativeBlock _gradients, _first, _second;
    private readonly Dictionary<Tensor, long> _offsets;
    private readonly RowWidths _widths;
    private readonly GroupSums _sums;
    private readonly Dictionary<int, TrainingSlot> _slots = [];
    private readonly List<(int First, int End)> _groups = [];
    private readonly List<WeightPiece> _pieces = [];

    private NativeBlock? _rows; // gradients of one layer's rows
    private int _rowCapacity, _longest;
    private Scratch[] _own = [];
    private readonly double[] _squares;
    private readonly Action<int> _forward, _backwardRows, _backwardWeights, _backwardEmbeddings, _scatter, _square, _update, _clear, _pack;

    // The call in progress; a step allocates nothing, so work reads it from here.
    private TrainingSlot _slot = null!;
    private StepOptions _options = new(0);
    private double _gradientFactor;
    private int _taken, _layer;

    internal CpuTrainingNetwork(CpuDevice device, ParameterBlock parameters, TrainedParameters trained, CancellationToken cancellation)
        : base(parameters, trained)
    {
        (_device, _pool, _kernels, _config) = (device, device.Pool, device.Kernels, parameters.Network.Config);
        _inference = new CpuNetwork(device, parameters.Network, cancellation);
        int head = Pad(_config.HeadSize);
        _widths = new RowWidths(Pad(_config.HiddenSize), _config.NumAttentionHeads * head, Pad(_config.IntermediateSize), head);
        _backward = [.. parameters.Network.Encoder.Layers.Select(layer => new LayerBackward(layer, _config, _widths))];
        _head = new TrainingHead(_kernels, parameters.Network);
        _sums = new GroupSums(_widths, (int)(parameters.Network.Encoder.RelativeAttentionBias?.Count ?? 0));
        (_gradients, _first, _second) = (new NativeBlock(parameters.Length), new NativeBlock(parameters.Length), new NativeBlock(parameters.Length));
        _offsets = parameters.Parameters.ToDictionary(parameter => parameter.Tensor, parameter => parameter.Offset);
        _gradient = Gradient;
        _squares = new double[parameters.Parameters.Count];
        (_forward, _backwardRows, _backwardWeights, _backwardEmbeddings, _scatter) = (Forward, BackwardRows, BackwardWeights, BackwardEmbeddings, Scatter);
        (_square, _update, _clear, _pack) = (Square, Update, Clear, Pack);
        Run(_pack);
    }

    private static int Pad(int width) => PackedLinear.PanelsOf(width) * Gemm.Columns;

    private void Pack(int member)
    {
        foreach (LayerBackward layer in _backward) { layer.Fill(_pool.All, member); }
    }

    /// <summary>On all threads; what they take one by one is counted from 0.</summary>
    private void Run(Action<int> work, CancellationToken cancellation = default)
    {
        using (_device.Gate.Enter(cancellation))
        {
            _taken = 0;
            _pool.Run(work, cancellation);
        }
    }

    private int Next() => Interlocked.Increment(ref _taken) - 1;

    private float* Gradient(Tensor weight) => _gradients.Floats + _offsets[weight];

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation) =>
        _inference.Forward(batch, output, cancellation);

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation) =>
        _inference.Hidden(batch, layers, hidden, cancellation);

    protected override void ForwardSavingChecked(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output, CancellationToken cancellation)
    {
        Open(slot);
        _slot.Begin(batch, dropout);
        FormGroups();
        Reserve(batch);
        Run(_forward, cancellation);
        _head.Forward(batch, _slot.X(_config.NumHiddenLayers), _widths.Hidden, dropout, output);
        _slot.IsFilled = true;
    }

    private void Open(int slot)
    {
        if (!_slots.TryGetValue(slot, out TrainingSlot? found)) { _slots[slot] = found = new TrainingSlot(_widths, _config.NumHiddenLayers); }
        _slot = found;
    }

    private void FormGroups()
    {
        PackedBatch batch = _slot.Batch;
        _groups.Clear();
        _longest = 1;
        for (int first = 0; first < batch.Sequences;)
        {
            int end = first + 1;
            while (end < batch.Sequences && batch.Offsets[end + 1] - batch.Offsets[first] <= CpuNetwork.GroupRows) { end++; }
            _groups.Add((first, end));
            for (; first < end; first++) { _longest = Math.Max(_longest, batch.Length(first)); }
        }
    }

    private void Reserve(PackedBatch batch)
    {
        if (_own.Length == 0 || _own[0].Longest < _longest)
        {
            foreach (Scratch old in _own) { old.Dispose(); }
            _own = [];
            Scratch[] own = new Scratch[_device.Threads];
            int longest = Math.Max(_longest, Math.Min(CpuNetwork.GroupRows, _config.MaxTokens));
            for (int i = 0; i < own.Length; i++) { own[i] = new Scratch(longest, _widths, _kernels.Tallest); }
            _own = own;
        }
        if (batch.Rows <= _rowCapacity) { return; }
        _rows?.Dispose();
        _rows = null;
        _rows = new NativeBlock(batch.Rows * (3L * _widths.Hidden + 3L * _widths.Context + _widths.Inner));
        _rowCapacity = batch.Rows;
    }

    private float* DX => _rows!.Floats;
    private float* DDown => DX + (long)_rowCapacity * _widths.Hidden;
    private float* DDense => DDown + (long)_rowCapacity * _widths.Hidden;
    private float* DUp => DDense + (long)_rowCapacity * _widths.Hidden;
    private float* DProjections => DUp + (long)_rowCapacity * _widths.Inner;

    /// <summary>What one thread needs for one group.</summary>
    private sealed class Scratch(int longest, RowWidths widths, int tallest) : IDisposable
    {
        private readonly NativeBlock _context = new((long)Math.Max(longest, CpuNetwork.GroupRows) * widths.Context);

        internal int Longest => longest;
        internal float* Context => _context.Floats;
        internal SelfAttention.Scratch Attention { get; } = new(longest, widths.Head, tallest);
        internal SelfAttention.BackwardScratch AttentionBackward { get; } = new(longest, widths.Head);

        public void Dispose()
        {
            _context.Dispose();
            Attention.Dispose();
            AttentionBackward.Dispose();
        }
    }

    private (int From, int Rows) RowsOf(int group)
    {
        int from = _slot.Batch.Offsets[_groups[group].First];
        return (from, _slot.Batch.Offsets[_groups[group].End] - from);
    }

    private int MaskRow(int sequence) => _slot.Dropout?.FirstRows[sequence] ?? 0;

    private DropoutMask Mask(DropoutSite site, int layer, float probability) => _slot.Dropout?.At(site, layer, probability) ?? default;

    /// <summary>Drops rows of a group in place.</summary>
    private void Drop(int group, DropoutMask mask, float* x)
    {
        if (mask.IsOff) { return; }
        int width = _widths.Hidden;
        for (int sequence = _groups[group].First; sequence < _groups[group].End; sequence++)
        {
            for (int row = 0; row < _slot.Batch.Length(sequence); row++, x += width)
            {
                DropoutRows.Apply(mask, MaskRow(sequence) + row, 0, x, _config.HiddenSize);
            }
        }
    }

    private void Forward(int member)
    {
        for (int group; (group = Next()) < _groups.Count;) { ForwardGroup(group, _own[member]); }
    }

    private void ForwardGroup(int group, Scratch mine)
    {
        (int from, int rows) = RowsOf(group);
        nint at = (nint)from * _widths.Hidden;
        _inference.Embedding.Sum(_slot.Batch, from, from + rows, _slot.EmbeddingSums + at, _widths.Hidden);
        Normalize(_inference.Embedding.Norm, _slot.EmbeddingSums + at, _slot.X(0) + at, rows);
        Drop(group, Mask(DropoutSite.Embeddings, 0, _config.HiddenDropout), _slot.X(0) + at);
        for (int layer = 0; layer < _config.NumHiddenLayers; layer++)
        {
            _pool.Checkpoint();
            PackedLayer packed = _inference.Layers[layer];
            float* x = _slot.X(layer) + at, sums = _slot.AttentionSums(layer) + at, attention = _slot.Attention(layer) + at;
            Attend(layer, group, mine);
            packed.AttentionOutput.Multiply(_kernels, Epilogue.None, _slot.Context(layer) + (nint)from * _widths.Context, _widths.Context, rows, 0,
                packed.AttentionOutput.Panels, sums, _widths.Hidden, Gemm.Columns);
            Drop(group, Mask(DropoutSite.AttentionOutput, layer, _config.HiddenDropout), sums);
            GroupSums.Add(x, sums, rows * _widths.Hidden);
            Normalize(packed.AttentionNorm, sums, attention, rows);
            float* up = _slot.Up(layer) + (nint)from * _widths.Inner, activated = _slot.Activated(layer) + (nint)from * _widths.Inner;
            packed.Up.Multiply(_kernels, Epilogue.None, attention, _widths.Hidden, rows, 0, packed.Up.Panels, up, _widths.Inner, Gemm.Columns);
            new ReadOnlySpan<float>(up, rows * _widths.Inner).CopyTo(new Span<float>(activated, rows * _widths.Inner));
            _kernels.Activate(_config.HiddenAct, activated, rows * _widths.Inner);
            sums = _slot.OutputSums(layer) + at;
            packed.Down.Multiply(
                _kernels, Epilogue.None, activated, _widths.Inner, rows, 0, packed.Down.Panels, sums, _widths.Hidden, Gemm.Columns);
            Drop(group, Mask(DropoutSite.FeedForwardOutput, layer, _config.HiddenDropout), sums);
            GroupSums.Add(attention, sums, rows * _widths.Hidden);
            Normalize(packed.OutputNorm, sums, _slot.X(layer + 1) + at, rows);
        }
    }

    private void Normalize(PackedNorm norm, float* from, float* to, int rows)
    {
        for (int row = 0; row < rows; row++)
        {
            nint at = (nint)row * _widths.Hidden;
            _kernels.LayerNorm(from + at, norm.Gamma, norm.Beta, _config.LayerNormEps, to + at, _config.HiddenSize);
        }
    }

    /// <summary>Where a head's query of a group lies; its key and value are one and two blocks behind.</summary>
    private float* Projections(int layer, int from, int rows, int head) =>
        _slot.Projections(layer) + 3L * from * _widths.Context + 3L * head * rows * _widths.Head;

    private void Attend(int layer, int group, Scratch mine)
    {
        (int from, int rows) = RowsOf(group);
        int panels = _widths.Head / Gemm.Columns;
        nint block = (nint)rows * _widths.Head, panelStride = (nint)rows * Gemm.Columns;
        PackedLinear packed = _inference.Layers[layer].QueryKeyValue;
        DropoutMask mask = Mask(DropoutSite.Attention, layer, _config.AttentionDropout);
        float* x = _slot.X(layer) + (nint)from * _widths.Hidden;
        for (int head = 0; head < _config.NumAttentionHeads; head++)
        {
            _pool.Checkpoint();
            float* query = Projections(layer, from, rows, head), key = query + block, value = key + block;
            packed.Multiply(_kernels, Epilogue.None, x, _widths.Hidden, rows, 3 * head * panels, (3 * head + 1) * panels,
                query - 3 * head * panels * Gemm.Columns, _widths.Head, Gemm.Columns);
            packed.Multiply(_kernels, Epilogue.None, x, _widths.Hidden, rows, (3 * head + 1) * panels, (3 * head + 3) * panels,
                key - (3 * head + 1) * panels * panelStride, Gemm.Columns, panelStride);
            RelativeBias.Head bias = _inference.Bias?.For(head) ?? default;
            fixed (int* columns = _slot.Batch.Columns)
            {
                for (int sequence = _groups[group].First; sequence < _groups[group].End; sequence++)
                {
                    int row = _slot.Batch.Offsets[sequence], start = row - from;
                    SelfAttention.Forward(_kernels, query + (nint)start * _widths.Head, key + (nint)start * Gemm.Columns, value + (nint)start * Gemm.Columns,
                        panelStride, _slot.Batch.Length(sequence), _config.HeadSize, _widths.Head, bias, columns + row,
                        _slot.Context(layer) + (nint)row * _widths.Context + head * _widths.Head, _widths.Context, mine.Attention,
                        mask, MaskRow(sequence), head);
                }
            }
        }
    }

    internal override void Backward(int slot, ReadOnlySpan<float> outputGradient, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = Enter();
        Open(slot);
        if (!_slot.IsFilled) { throw new InvalidOperationException($"slot {slot} holds no forward pass"); }
        _slot.IsFilled = false;
        FormGroups();
        Reserve(_slot.Batch);
        _head.Backward(_slot.Batch, _slot.X(_config.NumHiddenLayers), _widths.Hidden, _slot.Dropout, outputGradient, _gradient, DX);
        for (_layer = _config.NumHiddenLayers - 1; _layer >= 0; _layer--)
        {
            _sums.Begin(_groups.Count);
            Run(_backwardRows, cancellation);
            CutWeights();
            Run(_backwardWeights, cancellation);
        }
        _sums.Begin(_groups.Count);
        Run(_backwardEmbeddings, cancellation);
        AddNorm(Network.Encoder.EmbeddingNorm, _sums.OutputGamma(0), _sums.OutputBeta(0));
        Run(_scatter, cancellation);
    }

    private void BackwardRows(int member)
    {
        for (int group; (group = Next()) < _groups.Count;) { BackwardGroup(group, _own[member]); }
    }

    private void BackwardGroup(int group, Scratch mine)
    {
        (int from, int rows) = RowsOf(group);
        nint at = (nint)from * _widths.Hidden, inner = (nint)from * _widths.Inner;
        PackedLayer packed = _inference.Layers[_layer];
        LayerBackward backward = _backward[_layer];
        float* d = DX + at, down = DDown + at, dense = DDense + at, up = DUp + inner;
        NormalizeBackward(packed.OutputNorm, _slot.OutputSums(_layer) + at, d, rows, _sums.OutputGamma(group), _sums.OutputBeta(group));
        Copy(d, down, rows);
        Drop(group, Mask(DropoutSite.FeedForwardOutput, _layer, _config.HiddenDropout), down);
        GroupSums.AddRows(down, _widths.Hidden, rows, _widths.Hidden, _sums.Down(group));
        backward.Down.Multiply(_kernels, down, _widths.Hidden, rows, up, _widths.Inner);
        _kernels.ActivateBackward(_config.HiddenAct, _slot.Up(_layer) + inner, up, rows * _widths.Inner);
        GroupSums.AddRows(up, _widths.Inner, rows, _widths.Inner, _sums.Up(group));
        _pool.Checkpoint();
        backward.Up.Multiply(_kernels, up, _widths.Inner, rows, d, _widths.Hidden, d);

        NormalizeBackward(packed.AttentionNorm, _slot.AttentionSums(_layer) + at, d, rows, _sums.AttentionGamma(group), _sums.AttentionBeta(group));
        Copy(d, dense, rows);
        Drop(group, Mask(DropoutSite.AttentionOutput, _layer, _config.HiddenDropout), dense);
        GroupSums.AddRows(dense, _widths.Hidden, rows, _widths.Hidden, _sums.AttentionOutput(group));
        backward.AttentionOutput.Multiply(_kernels, dense, _widths.Hidden, rows, mine.Context, _widths.Context);
        AttendBackward(group, mine);
        float* projections = DProjections + 3L * from * _widths.Context;
        GroupSums.AddRows(projections, 3 * _widths.Context, rows, 3 * _widths.Context, _sums.QueryKeyValue(group));
        _pool.Checkpoint();
        backward.QueryKeyValue.Multiply(_kernels, projections, 3 * _widths.Context, rows, d, _widths.Hidden, d);
    }

    private void Copy(float* from, float* to, int rows) =>
        new ReadOnlySpan<float>(from, rows * _widths.Hidden).CopyTo(new Span<float>(to, rows * _widths.Hidden));

    private void NormalizeBackward(PackedNorm norm, float* x, float* d, int rows, float* gamma, float* beta)
    {
        for (int row = 0; row < rows; row++)
        {
            nint at = (nint)row * _widths.Hidden;
            _kernels.LayerNormBackward(x + at, norm.Gamma, _config.LayerNormEps, d + at, gamma, beta, _config.HiddenSize);
        }
    }

    private void AttendBackward(int group, Scratch mine)
    {
        (int from, int rows) = RowsOf(group);
        nint block = (nint)rows * _widths.Head, panelStride = (nint)rows * Gemm.Columns;
        DropoutMask mask = Mask(DropoutSite.Attention, _layer, _config.AttentionDropout);
        fixed (int* columns = _slot.Batch.Columns)
        {
            for (int head = 0; head < _config.NumAttentionHeads; head++)
            {
                _pool.Checkpoint();
                float* query = Projections(_layer, from, rows, head), key = query + block, value = key + block;
                RelativeBias.Head bias = _inference.Bias?.For(head) ?? default;
                for (int sequence = _groups[group].First; sequence < _groups[group].End; sequence++)
                {
                    int row = _slot.Batch.Offsets[sequence], start = row - from, length = _slot.Batch.Length(sequence);
                    float* dQuery = DProjections + 3L * row * _widths.Context + head * _widths.Head;
                    SelfAttention.Backward(_kernels, query + (nint)start * _widths.Head, key + (nint)start * Gemm.Columns, value + (nint)start * Gemm.Columns,
                        panelStride, length, _config.HeadSize, _widths.Head, bias, columns + row, mask, MaskRow(sequence), head,
                        mine.Context + (nint)start * _widths.Context + head * _widths.Head, _widths.Context, dQuery, dQuery + _widths.Context,
                        dQuery + 2 * _widths.Context, 3 * _widths.Context, mine.AttentionBackward);
                    if (_inference.Bias is not null) { AddRelativeBias(group, head, columns + row, length, mine.AttentionBackward); }
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
        Cut(layer.Down, DDown, _widths.Hidden, 1, _slot.Activated(_layer), _widths.Inner, 1, _sums.Down(0));
        Cut(layer.Up, DUp, _widths.Inner, 1, _slot.Attention(_layer), _widths.Hidden, 1, _sums.Up(0));
        Cut(layer.AttentionOutput, DDense, _widths.Hidden, 1, _slot.Context(_layer), _widths.Context, heads, _sums.AttentionOutput(0));
        float* x = _slot.X(_layer), sums = _sums.QueryKeyValue(0);
        Cut(layer.Query, DProjections, 3 * _widths.Context, heads, x, _widths.Hidden, 1, sums);
        Cut(layer.Key, DProjections + _widths.Context, 3 * _widths.Context, heads, x, _widths.Hidden, 1, sums + _widths.Context);
        Cut(layer.Value, DProjections + 2 * _widths.Context, 3 * _widths.Context, heads, x, _widths.Hidden, 1, sums + 2 * _widths.Context);
        AddNorm(layer.AttentionNorm, _sums.AttentionGamma(0), _sums.AttentionBeta(0));
        AddNorm(layer.OutputNorm, _sums.OutputGamma(0), _sums.OutputBeta(0));
        if (Network.Encoder.RelativeAttentionBias is { } table) { _sums.AddTo(Gradient(table), _sums.RelativeBias(0), _groups.Count, (int)table.Count); }
    }

    private void Cut(Linear linear, float* dy, int dyStride, int outputHeads, float* x, int xStride, int inputHeads, float* biasSums)
    {
        int outputs = linear.Outputs / outputHeads, inputs = linear.Inputs / inputHeads;
        for (int head = 0; head < outputHeads; head++)
        {
            int padded = head * _widths.Head;
            if (linear.Bias is { } bias) { _sums.AddTo(Gradient(bias) + head * outputs, biasSums + padded, _groups.Count, outputs); }
            int count = Math.Clamp((outputs + _kernels.TallestOuter - 1) / _kernels.TallestOuter, 1, Pieces * _device.Threads);
            for (int piece = 0; piece < count * inputHeads; piece++)
            {
                int input = piece / count, first = CpuKernels.StripStart(outputs, piece % count, count);
                _pieces.Add(new WeightPiece
                {
                    DY = dy + padded + first,
                    DYStride = dyStride,
                    Channels = CpuKernels.StripStart(outputs, piece % count + 1, count) - first,
                    X = x + input * _widths.Head,
                    XStride = xStride,
                    Columns = inputs,
                    Gradient = Gradient(linear.Weight) + (long)(head * outputs + first) * linear.Inputs + input * inputs,
                    GradientStride = linear.Inputs,
                });
            }
        }
    }

    /// <summary>Some channels of a weight's gradient.</summary>
    private struct WeightPiece
    {
        internal float* DY, X, Gradient;
        internal int DYStride, XStride, GradientStride, Channels, Columns;
    }

    private void BackwardWeights(int member)
    {
        for (int index; (index = Next()) < _pieces.Count;)
        {
            _pool.Checkpoint();
            WeightPiece piece = _pieces[index];
            OuterProduct.Add(_kernels, piece.DY, piece.DYStride, piece.Channels, piece.X, piece.XStride, piece.Columns, _slot.Batch.Rows,
                piece.Gradient, piece.GradientStride);
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
            (int from, int rows) = RowsOf(group);
            nint at = (nint)from * _widths.Hidden;
            Drop(group, Mask(DropoutSite.Embeddings, 0, _config.HiddenDropout), DX + at);
            NormalizeBackward(_inference.Embedding.Norm, _slot.EmbeddingSums + at, DX + at, rows, _sums.OutputGamma(group), _sums.OutputBeta(group));
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
            float* d = DX + (nint)row * _widths.Hidden + first;
            if (batch.TokenIds[row] != _config.PadTokenId) { GroupSums.Add(d, words + (long)batch.TokenIds[row] * hidden + first, end - first); }
            if (batch.Positions[row] != _config.PadPosition) { GroupSums.Add(d, positions + (long)batch.Positions[row] * hidden + first, end - first); }
            if (types != null) { GroupSums.Add(d, types + (long)batch.TypeIds[row] * hidden + first, end - first); }
        }
    }

    internal override StepResult Step(StepOptions options)
    {
        using Lifetime.Inside inside = Enter();
        Run(_square);
        double norm = 0; // in the parameters' order
        foreach (double squares in _squares) { norm += squares; }
        norm = Math.Sqrt(norm) / options.LossScale;
        if (double.IsFinite(norm))
        {
            Steps++;
            (_options, _gradientFactor) = (options, options.GradientFactor(norm));
            Run(_update);
            Parameters.Changed();
            _inference.Repack();
            Run(_pack);
        }
        ClearGradients();
        return new StepResult(norm, double.IsFinite(norm));
    }

    /// <summary>Squares of the trained parameters' gradients, summed in double.</summary>
    private void Square(int member)
    {
        for (int index; (index = Next()) < _squares.Length;)
        {
            Parameter parameter = Parameters.Parameters[index];
            _squares[index] = Trained.IsTrained(parameter.Name) ? Squares(Gradient(parameter.Tensor), parameter.Count) : 0;
        }
    }

    private static double Squares(float* x, int count)
    {
        Vector256<double> s0 = default, s1 = default;
        int i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Load(x + i));
            (s0, s1) = (s0 + low * low, s1 + high * high);
        }
        double sum = Vector256.Sum(s0 + s1);
        for (; i < count; i++) { sum += (double)x[i] * x[i]; }
        return sum;
    }

    private void Update(int member)
    {
        foreach (Parameter parameter in Parameters.Parameters)
        {
            if (!Trained.IsTrained(parameter.Name)) { continue; }
            (int first, int end) = _pool.All.Share(parameter.Count, member);
            long offset = parameter.Offset + first;
            int count = end - first;
            AdamW.Coefficients<float> by = AdamW.For<float>(_options, Steps, Trained.Decays(parameter.Name), _gradientFactor);
            AdamW.Update(by, new Span<float>(Parameters.Values + offset, count),
                new ReadOnlySpan<float>(_gradients.Floats + offset, count), new Span<float>(_first.Floats + offset, count),
                new Span<float>(_second.Floats + offset, count));
        }
    }

    internal override void ClearGradients() => Run(_clear);

    private void Clear(int member)
    {
        long first = Parameters.Length * member / _pool.All.Size, end = Parameters.Length * (member + 1) / _pool.All.Size;
        NativeMemory.Clear(_gradients.Floats + first, (nuint)((end - first) * sizeof(float)));
    }

    internal override void ReadGradient(Parameter parameter, Span<float> values) => Block(_gradients, parameter).CopyTo(values);

    internal override void ReadState(Parameter parameter, OptimizerState state, Span<float> values) => Block(State(state), parameter).CopyTo(values);

    internal override void WriteState(Parameter parameter, OptimizerState state, ReadOnlySpan<float> values) => values.CopyTo(Block(State(state), parameter));

    private NativeBlock State(OptimizerState state) => state == OptimizerState.FirstMoment ? _first : _second;

    private static Span<float> Block(NativeBlock block, Parameter parameter) => new(block.Floats + parameter.Offset, parameter.Count);

    protected override void Free()
    {
        _inference.Dispose();
        foreach (LayerBackward layer in _backward) { layer.Dispose(); }
        foreach (TrainingSlot slot in _slots.Values) { slot.Dispose(); }
        foreach (Scratch scratch in _own) { scratch.Dispose(); }
        _rows?.Dispose();
        _sums.Dispose();
        _gradients.Dispose();
        _first.Dispose();
        _second.Dispose();
        Parameters.Dispose();
    }
}
