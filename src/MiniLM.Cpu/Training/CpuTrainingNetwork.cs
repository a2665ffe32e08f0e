using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cpu.Training;

/// <summary>Training on the CPU: products in the precision asked for, all else in float32.</summary>
/// <remarks>
/// Forward: groups of whole sequences go through all layers on one thread each, as in <see cref="CpuNetwork"/>, on its panels; every row of every layer stays.
/// Backward, layer by layer from the last: first the groups' gradients of rows (dy W by the same kernel, with the weights packed the other way), then
/// the gradients of weights, whose tiles the threads share out and whose sums run over all rows in order. Sums over rows that biases get are made by group and
/// added in the groups' order. Groups are cut by the batch alone, so no number of threads changes a bit.
/// </remarks>
internal sealed unsafe partial class CpuTrainingNetwork : TrainingNetwork
{
    private readonly CpuDevice _device;
    private readonly WorkerPool _pool;
    private readonly CpuKernels _kernels;
    private readonly ProductKernels _products;
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
    private readonly List<RowGroup> _groups = [];
    private readonly List<WeightPiece> _pieces = [];
    private readonly double[] _squares;
    private readonly Action<int> _member, _forward, _backwardRows, _backwardWeights, _backwardEmbeddings, _scatter, _square, _update, _clear, _pack;

    private Scratch[] _own = [];
    private GradientRows? _rows;
    private int _longest, _words;

    // The call in progress; a step allocates nothing, so work reads it from here.
    private TrainingSlot _slot = null!;
    private Action<int> _work = null!;
    private StepOptions _options = new(0);
    private double _gradientFactor;
    private int _taken, _layer;

    /// <summary>Whole sequences that one thread takes through a layer.</summary>
    /// <param name="First">First sequence.</param>
    /// <param name="End">Behind the last.</param>
    /// <param name="From">First row.</param>
    /// <param name="Rows">Rows.</param>
    /// <param name="Word">First word row (<see cref="TrainingSlot"/>).</param>
    private readonly record struct RowGroup(int First, int End, int From, int Rows, int Word);

    internal CpuTrainingNetwork(CpuDevice device, ParameterBlock parameters, Precision precision, TrainingOptions options, CancellationToken cancellation)
        : base(parameters, options)
    {
        (_device, _pool, _kernels, _config) = (device, device.Pool, device.KernelsOf(precision), parameters.Network.Config);
        _products = _kernels.Products;
        _inference = new CpuNetwork(device, parameters.Network, precision, cancellation);
        int head = Pad(_config.HeadSize);
        _widths = new RowWidths(Pad(_config.HiddenSize), _config.NumAttentionHeads * head, Pad(_config.IntermediateSize), head);
        _backward = [.. parameters.Network.Encoder.Layers.Select(layer => new LayerBackward(_products, layer, _config, _widths))];
        _head = new TrainingHead(device.KernelsOf(Precision.Float32), parameters.Network);
        _sums = new GroupSums(_widths, (int)(parameters.Network.Encoder.RelativeAttentionBias?.Count ?? 0));
        (_gradients, _first, _second) = (new NativeBlock(parameters.Length), new NativeBlock(parameters.Length), new NativeBlock(parameters.Length));
        _offsets = parameters.Parameters.ToDictionary(parameter => parameter.Tensor, parameter => parameter.Offset);
        _gradient = Gradient;
        _squares = new double[parameters.Parameters.Count];
        (_forward, _backwardRows, _backwardWeights, _backwardEmbeddings, _scatter) = (Forward, BackwardRows, BackwardWeights, BackwardEmbeddings, Scatter);
        (_member, _square, _update, _clear, _pack) = (Work, Square, Update, Clear, Pack);
        Run(_pack);
    }

    private static int Pad(int width) => PackedLinear.PanelsOf(width) * Gemm.Columns;

    private void Pack(int member)
    {
        foreach (LayerBackward layer in _backward)
        {
            layer.Fill(_pool.All, member);
            Logs?[member].AddPacking(layer.Values / _pool.All.Size);
        }
    }

    /// <summary>As <see cref="CpuNetwork.Logs"/>, whose they are.</summary>
    internal OperationLog[]? Logs
    {
        get => _inference.Logs;
        set => _inference.Logs = value;
    }

    private void StartLogs(CpuPhase phase)
    {
        foreach (OperationLog log in Logs ?? []) { log.Begin(phase); }
    }

    /// <summary>The caller has done something alone, in the first thread's place; the others waited.</summary>
    private void NoteAlone(Action<OperationLog> add)
    {
        for (int i = 0; i < Logs!.Length; i++)
        {
            if (i == 0) { add(Logs[i]); } else { Logs[i].Add(CpuOperation.Wait); }
        }
    }

    /// <summary>What lies in memory for training, now.</summary>
    internal TrainingMemory Memory => new(
        Parameters.Length * sizeof(float),
        _inference.Layers.Sum(layer => layer.Bytes) + _backward.Sum(layer => layer.Bytes),
        _gradients.Bytes,
        _first.Bytes + _second.Bytes,
        _slots.Values.Sum(slot => slot.Bytes),
        (_rows?.Bytes ?? 0) + _sums.Bytes + _own.Sum(scratch => scratch.Bytes));

    /// <summary>On all threads; what they take one by one is counted from 0.</summary>
    private void Run(Action<int> work, CancellationToken cancellation = default)
    {
        using (_device.Gate.Enter(cancellation))
        {
            (_taken, _work) = (0, work);
            _pool.Run(_member, cancellation);
            foreach (OperationLog log in Logs ?? []) { log.Add(CpuOperation.Wait); }
        }
    }

    private void Work(int member)
    {
        OperationLog? log = Logs?[member];
        log?.Add(CpuOperation.Wait);
        if (member < _own.Length) { _own[member].Log = log; }
        _work(member);
    }

    private int Next() => Interlocked.Increment(ref _taken) - 1;

    private float* Gradient(Tensor weight) => _gradients.Floats + _offsets[weight];

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation) =>
        _inference.Forward(batch, output, cancellation);

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation) =>
        _inference.Hidden(batch, layers, hidden, cancellation);

    private void Open(int slot)
    {
        if (!_slots.TryGetValue(slot, out TrainingSlot? found))
        {
            _slots[slot] = found = new TrainingSlot(_products, _widths, _config.NumHiddenLayers, !Options.RecomputesInner);
        }
        _slot = found;
    }

    private void FormGroups(PackedBatch batch)
    {
        _groups.Clear();
        (_longest, _words) = (1, 0);
        for (int first = 0; first < batch.Sequences;)
        {
            int end = first + 1;
            while (end < batch.Sequences && batch.Offsets[end + 1] - batch.Offsets[first] <= CpuNetwork.GroupRows) { end++; }
            int rows = batch.Offsets[end] - batch.Offsets[first];
            _groups.Add(new RowGroup(first, end, batch.Offsets[first], rows, _words));
            _words += (rows + _products.Group - 1) / _products.Group;
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
            for (int i = 0; i < own.Length; i++) { own[i] = new Scratch(_products, longest, _widths, Options.RecomputesInner); }
            _own = own;
        }
        if (_rows is not null && _rows.Holds(batch.Rows, _words)) { return; }
        _rows?.Dispose();
        _rows = null;
        _rows = new GradientRows(batch.Rows, _words, _widths, Options.RecomputesInner);
    }

    /// <summary>What one thread needs for one group.</summary>
    private sealed class Scratch(ProductKernels products, int longest, RowWidths widths, bool recomputesInner) : IDisposable
    {
        private readonly NativeBlock _block = new(Math.Max(longest, CpuNetwork.GroupRows)
            * (widths.Context + (recomputesInner ? 2L * widths.Inner : 0)
                + (products.IsExact ? 0 : 2L * widths.Hidden + widths.Inner + 3L * widths.Context + Math.Max(widths.Inner, 3 * widths.Context))));

        private readonly long _rows = Math.Max(longest, CpuNetwork.GroupRows);

        internal int Longest => longest;

        internal long Bytes => _block.Bytes + SelfAttention.Bytes + SelfAttentionBackward.Bytes;

        /// <inheritdoc cref="Workspace.Log"/>
        internal OperationLog? Log { get; set; }

        /// <summary>[rows, context] operands.</summary>
        internal float* Context => _block.Floats;

        // Only where inner activations are not kept.
        internal float* Up => Context + _rows * widths.Context;
        internal float* Activated => Up + (recomputesInner ? _rows * widths.Inner : 0);

        // The others only where operands are rounded: floats on their way to them ...
        internal float* X => Activated + (recomputesInner ? _rows * widths.Inner : 0);
        internal float* Attention => X + _rows * widths.Hidden;
        internal float* Inner => Attention + _rows * widths.Hidden;
        internal float* Projections => Inner + _rows * widths.Inner;

        /// <summary>... and operands as rows, of the widest.</summary>
        internal float* Operands => Projections + 3 * _rows * widths.Context;

        internal SelfAttention.Scratch SelfAttention { get; } = new(longest, widths.Head, products);
        internal SelfAttention.BackwardScratch SelfAttentionBackward { get; } = new(longest, widths.Head, products);

        public void Dispose()
        {
            _block.Dispose();
            SelfAttention.Dispose();
            SelfAttentionBackward.Dispose();
        }
    }

    private int MaskRow(int sequence) => _slot.Dropout?.FirstRows[sequence] ?? 0;

    private DropoutMask Mask(DropoutSite site, int layer, float probability) => _slot.Dropout?.At(site, layer, probability) ?? default;

    /// <summary>Drops rows of a group in place.</summary>
    private void Drop(RowGroup group, DropoutMask mask, float* x, OperationLog? log, Derivative derivative = Derivative.None)
    {
        if (mask.IsOff) { return; }
        int width = _widths.Hidden;
        for (int sequence = group.First; sequence < group.End; sequence++)
        {
            for (int row = 0; row < _slot.Batch.Length(sequence); row++, x += width)
            {
                DropoutRows.Apply(mask, MaskRow(sequence) + row, 0, x, _config.HiddenSize);
            }
        }
        log?.AddValues(CpuOperation.Dropout, Hidden(group), derivative);
    }

    /// <summary>Values of a group's rows, without padding.</summary>
    private long Hidden(RowGroup group) => (long)group.Rows * _config.HiddenSize;

    private long Inner(RowGroup group) => (long)group.Rows * _config.IntermediateSize;

    /// <summary>Where a group's floats are made that become operands: in float32 the place they are kept at, else a scratch.</summary>
    private float* Made(float* kept, float* scratch) => _products.IsExact ? kept : scratch;

    /// <summary>A group's rows as operands: kept as words, and as rows for the next product, which are returned.</summary>
    private void* Keep(RowGroup group, float* x, int width, float* kept, Scratch mine)
    {
        if (_products.IsExact) { return kept; } // made there
        void* operands = OperandRows(kept, mine.Operands);
        _products.Convert(x, operands, group.Rows * width);
        KeepWords(group, operands, width, kept);
        mine.Log?.AddCast((long)group.Rows * width, words: true);
        return operands;
    }

    /// <summary>Where operands are stored as rows: where words are such rows the place they are kept at.</summary>
    private void* OperandRows(float* kept, float* scratch) => _products.Group == 1 ? kept : scratch;

    private void KeepWords(RowGroup group, void* operands, int width, float* kept)
    {
        if (_products.Group > 1) { PairRows.Forward((ushort*)operands, width, group.Rows, width, (ushort*)kept, 2 * width); }
    }

    protected override void ReadGradientInside(Parameter parameter, Span<float> values) => Block(_gradients, parameter).CopyTo(values);

    protected override void ReadStateInside(Parameter parameter, OptimizerState state, Span<float> values) => Block(State(state), parameter).CopyTo(values);

    protected override void WriteStateInside(Parameter parameter, OptimizerState state, ReadOnlySpan<float> values) =>
        values.CopyTo(Block(State(state), parameter));

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
