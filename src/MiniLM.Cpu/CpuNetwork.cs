using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>A network in packed panels, and the way of a batch through it.</summary>
/// <remarks>
/// Work is cut into groups of whole sequences (about <see cref="GroupRows"/> rows); a group goes through all layers on the same threads, its
/// rows in their caches. While there are groups enough each thread takes its own (a team of one, no barrier); what is left over, or a single query,
/// is computed by teams (<see cref="TeamSchedule"/>), whose members share out heads, rows and (below <see cref="ByColumnsBelow"/> rows) panels.
/// Who takes which group changes no bit: a row's sums depend on its own sequence only.
/// </remarks>
internal sealed unsafe class CpuNetwork : DeviceNetwork
{
    internal const int GroupRows = 128; // 64 to 256 are within 3 %
    private const int FeedForwardRows = 128; // rows: their inner activations, .8 MB of width 1,536, stay in an L2 of 1 MB; 1.6 MB of 3,072 need one of 2 MB
    private const int ByColumnsBelow = 12; // rows: fewer, and each thread should read its own part of the weights only

    private readonly CpuDevice _device;
    private readonly WorkerPool _pool;
    private readonly CpuKernels _kernels;
    private readonly ProductKernels _products;
    private readonly EncoderConfig _config;
    private readonly EmbeddingRows _embedding;
    private readonly PackedLayer[] _layers;
    private readonly PackedHead _head;
    private readonly RelativeBias? _bias;
    private readonly Epilogue _activation;
    private readonly int _hidden, _inner, _headSize, _contextWidth; // padded widths; the true ones are in _config
    private readonly TeamSchedule _schedule;
    private readonly Action<int> _each, _together, _fill;

    private Workspace[] _own = []; // one a thread; a team's rows are in that of its first member
    private (int First, int End)[] _groups = [];
    private GroupWork[] _work = [];
    private int _groupCount, _taken, _single;

    // The call in progress.
    private PackedBatch _batch = new();
    private int* _columns;
    private float* _output, _hiddenStates;
    private int _layerCount;

    internal CpuNetwork(CpuDevice device, Network network, Precision precision, CancellationToken cancellation) : base(network)
    {
        (_device, _pool, _kernels, _config) = (device, device.Pool, device.KernelsOf(precision), network.Config);
        _products = _kernels.Products;
        _hidden = Pad(_config.HiddenSize);
        _inner = Pad(_config.IntermediateSize);
        _headSize = Pad(_config.HeadSize);
        _contextWidth = _config.NumAttentionHeads * _headSize;
        _activation = _config.HiddenAct switch
        {
            Activation.Gelu => Epilogue.Gelu,
            Activation.GeluTanh => Epilogue.GeluTanh,
            Activation.Relu => Epilogue.Relu,
            Activation.Silu => Epilogue.Silu,
            Activation.QuickGelu => Epilogue.QuickGelu,
            _ => throw new NotSupportedException($"the cpu device has no {_config.HiddenAct} in a feed-forward layer"),
        };
        _embedding = new EmbeddingRows(_kernels, _config, network.Encoder);
        _layers = [.. network.Encoder.Layers.Select(layer => new PackedLayer(_products, layer, _config, _headSize))];
        _bias = network.Encoder.RelativeAttentionBias is { } table
            ? new RelativeBias(table, _config.NumAttentionHeads, _config.HeadSize, _config.MaxTokens)
            : null;
        _head = new PackedHead(_kernels, network);
        _schedule = new TeamSchedule(_device.Threads, _config.NumAttentionHeads);
        using (_device.Gate.Enter(cancellation)) { FiniteWeights.Check(network, _device.Threads, work => _pool.Run(work, cancellation), _pool.Checkpoint); }
        (_each, _together, _fill) = (Each, Together, Fill);
        Repack(cancellation);
    }

    internal IReadOnlyList<PackedLayer> Layers => _layers;

    internal EmbeddingRows Embedding => _embedding;

    internal RelativeBias? Bias => _bias;

    internal PackedHead Head => _head;

    /// <summary>Packs all weights, again where they have changed.</summary>
    internal void Repack(CancellationToken cancellation = default)
    {
        using (_device.Gate.Enter(cancellation))
        {
            _embedding.Norm.Fill();
            _bias?.Fill();
            _head.Fill();
            _pool.Run(_fill, cancellation);
        }
    }

    private void Fill(int member)
    {
        OperationLog? log = Logs?[member];
        log?.Add(CpuOperation.Wait);
        foreach (PackedLayer layer in _layers)
        {
            _pool.Checkpoint();
            layer.Fill(_pool.All, member);
            log?.AddPacking(layer.Values / _pool.All.Size);
        }
    }

    /// <summary>One for each thread, where operations are timed; null: they are not.</summary>
    internal OperationLog[]? Logs { get; set; }

    private static int Pad(int width) => PackedLinear.PanelsOf(width) * Gemm.Columns;

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation)
    {
        fixed (float* to = output) { Run(batch, _layers.Length, to, null, cancellation); }
    }

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation)
    {
        fixed (float* to = hidden) { Run(batch, layers, null, to, cancellation); }
    }

    private void Run(PackedBatch batch, int layers, float* output, float* hiddenStates, CancellationToken cancellation)
    {
        if (batch.Sequences == 0) { return; }
        using (_device.Gate.Enter(cancellation))
        {
            fixed (int* columns = batch.Columns)
            {
                (_batch, _layerCount) = (batch, layers);
                _columns = columns;
                _output = output;
                _hiddenStates = hiddenStates;
                Reserve(FormGroups());
                int threads = _device.Threads;
                _single = _groupCount / threads * threads;
                _taken = 0;
                if (_single > 0) { _pool.Run(_each, cancellation); }
                if (_single < _groupCount)
                {
                    FormTeams();
                    _pool.Run(_together, cancellation);
                }
            }
        }
    }

    /// <summary>Cuts the batch into groups; returns the rows of the greatest.</summary>
    private int FormGroups()
    {
        int[] offsets = _batch.Offsets;
        int sequences = _batch.Sequences, most = 0;
        if (_groups.Length < sequences) { _groups = new (int, int)[sequences]; }
        _groupCount = 0;
        for (int first = 0; first < sequences;)
        {
            int end = first + 1;
            while (end < sequences && offsets[end + 1] - offsets[first] <= GroupRows) { end++; }
            most = Math.Max(most, offsets[end] - offsets[first]);
            _groups[_groupCount++] = (first, end);
            first = end;
        }
        return most;
    }

    /// <summary>Teams for the groups that are left over.</summary>
    private void FormTeams()
    {
        int[] offsets = _batch.Offsets;
        int left = _groupCount - _single;
        if (_work.Length < left) { _work = new GroupWork[left]; }
        for (int i = 0; i < left; i++)
        {
            (int first, int end) = _groups[_single + i];
            int rows = offsets[end] - offsets[first];
            long pairs = 0; // of a query and a key
            for (int sequence = first; sequence < end; sequence++) { pairs += (long)_batch.Length(sequence) * _batch.Length(sequence); }
            _work[i] = new GroupWork(rows, (3L * rows * _hidden + 2 * pairs) * _headSize, (long)_hidden * (_contextWidth + 2L * _inner));
        }
        _schedule.Plan(_work.AsSpan(0, left));
        for (int team = 0; team < _schedule.Teams; team++) { _pool.Teams[team].Form(_schedule.Size(team)); }
    }

    private void Reserve(int rows)
    {
        if (_own.Length > 0 && rows <= _own[0].Rows) { return; }
        foreach (Workspace old in _own) { old.Dispose(); }
        _own = []; // until all are there: memory may run out
        int capacity = Math.Max(Math.Min(GroupRows, _config.MaxTokens), Pad(rows));
        Workspace[] own = new Workspace[_device.Threads];
        for (int i = 0; i < own.Length; i++)
        {
            own[i] = new Workspace(_products, capacity, _hidden, _contextWidth, _inner, _headSize, _head.Width);
        }
        _own = own;
    }

    private void Each(int member)
    {
        StartLog(member);
        for (int group; (group = Interlocked.Increment(ref _taken) - 1) < _single;) { Group(_groups[group], _pool.Alone, 0, _own[member], _own[member]); }
    }

    private void Together(int member)
    {
        StartLog(member);
        (int team, int first) = _schedule.Place(member);
        for (int group = _single; group < _groupCount; group++)
        {
            if (_schedule.TeamOf(group - _single) == team) { Group(_groups[group], _pool.Teams[team], member - first, _own[first], _own[member]); }
        }
    }

    private void StartLog(int member)
    {
        _own[member].Log = Logs?[member];
        _own[member].Log?.Begin();
    }

    private void Group((int First, int End) sequences, Team team, int me, Workspace shared, Workspace mine)
    {
        int from = _batch.Offsets[sequences.First], rows = _batch.Offsets[sequences.End] - from;
        OperationLog? log = mine.Log;
        _pool.Checkpoint();
        (int firstRow, int endRow) = team.Share(rows, me);
        _embedding.Gather(_batch, from + firstRow, from + endRow, shared.X + (nint)firstRow * _hidden, _hidden);
        log?.AddValues(CpuOperation.Embedding, (long)(endRow - firstRow) * _config.HiddenSize);
        ToOperands(shared, firstRow, endRow - firstRow, log);
        Meet(team, log);
        for (int layer = 0; layer < _layerCount; layer++)
        {
            (int firstHead, int endHead) = team.Share(_config.NumAttentionHeads, me);
            for (int head = firstHead; head < endHead; head++)
            {
                _pool.Checkpoint();
                Attend(_layers[layer], sequences, rows, head, shared, mine);
            }
            Meet(team, log);
            if (team.Size > 1 && rows < ByColumnsBelow) { DenseByColumns(_layers[layer], shared, rows, team, me, log); }
            else { DenseByRows(_layers[layer], shared, firstRow, endRow, log); }
            Meet(team, log);
        }
        if (_hiddenStates != null) { CopyHidden(shared.X, from, firstRow, endRow); }
        else
        {
            (int first, int end) = team.Share(sequences.End - sequences.First, me);
            for (int sequence = sequences.First + first; sequence < sequences.First + end; sequence++)
            {
                int row = _batch.Offsets[sequence];
                _head.Forward(shared.X + (nint)(row - from) * _hidden, _hidden, _columns + row, _batch.Length(sequence), _batch.PromptRows, mine.Pooled,
                    _output + (nint)sequence * _head.OutputSize);
                log?.Add(CpuOperation.Head, _head.Flop(_batch.Length(sequence)), _head.Bytes(_batch.Length(sequence)));
            }
        }
        Meet(team, log);
    }

    /// <summary>One head of every sequence of a group: projected and attended at once, so no matrix of q, k and v exists.</summary>
    private void Attend(PackedLayer layer, (int First, int End) sequences, int rows, int head, Workspace shared, Workspace mine)
    {
        int panels = _headSize / Gemm.Columns;
        nint block = (nint)rows * _headSize, panelStride = (nint)rows * Gemm.Columns;
        int size = _products.Size;
        byte* query = (byte*)mine.Projections, key = query + block * size, value = key + block * size;
        layer.QueryKeyValue.Multiply(Epilogue.None, Store.Operand, shared.XOperands, _hidden, rows, 3 * head * panels, (3 * head + 1) * panels,
            query - 3 * head * panels * Gemm.Columns * size, _headSize, Gemm.Columns);
        layer.QueryKeyValue.Multiply(Epilogue.None, Store.Operand, shared.XOperands, _hidden, rows, (3 * head + 1) * panels, (3 * head + 3) * panels,
            key - (3 * head + 1) * panels * panelStride * size, Gemm.Columns, panelStride);
        mine.Log?.AddProduct(CpuOperation.QueryKeyValue, Store.Operand, rows, _config.HiddenSize, 3L * _config.HeadSize);
        int from = _batch.Offsets[sequences.First];
        RelativeBias.Head bias = _bias?.For(head) ?? default;
        for (int sequence = sequences.First; sequence < sequences.End; sequence++)
        {
            int row = _batch.Offsets[sequence], start = row - from;
            nint panelRow = (nint)start * Gemm.Columns * size;
            SelfAttention.Forward(_kernels, query + (nint)start * _headSize * size, key + panelRow, value + panelRow, panelStride,
                _batch.Length(sequence), _config.HeadSize, _headSize, bias, _columns + row,
                (byte*)shared.Context + ((nint)start * _contextWidth + head * _headSize) * size, _contextWidth, mine.Attention);
            mine.Log?.AddAttention(_batch.Length(sequence), _config.HeadSize);
        }
    }

    /// <summary>Everything after attention for some rows: no other thread is waited for.</summary>
    private void DenseByRows(PackedLayer layer, Workspace shared, int first, int end, OperationLog? log)
    {
        (int hidden, int inner) = (_config.HiddenSize, _config.IntermediateSize);
        int blocks = (end - first + FeedForwardRows - 1) / FeedForwardRows;
        for (int block = 0; block < blocks; block++)
        {
            int row = first + ProductKernels.StripStart(end - first, block, blocks);
            int rows = first + ProductKernels.StripStart(end - first, block + 1, blocks) - row;
            _pool.Checkpoint();
            float* x = shared.X + (nint)row * _hidden, y = shared.Y + (nint)row * _hidden;
            byte* activated = (byte*)shared.Inner + (nint)row * _inner * _products.Size;
            layer.AttentionOutput.Multiply(Epilogue.AddResidual, Store.Float32, (byte*)shared.Context + (nint)row * _contextWidth * _products.Size,
                _contextWidth, rows, 0, layer.AttentionOutput.Panels, y, _hidden, Gemm.Columns, x);
            log?.AddProduct(CpuOperation.AttentionOutput, Store.Float32, rows, hidden, hidden, addends: 1);
            Normalize(layer.AttentionNorm, shared, row, rows, log);
            _pool.Checkpoint();
            layer.Up.Multiply(_activation, Store.Operand, Operands(shared, row), _hidden, rows, 0, layer.Up.Panels, activated, _inner, Gemm.Columns);
            log?.AddProduct(CpuOperation.FeedForwardUp, Store.Operand, rows, hidden, inner);
            _pool.Checkpoint();
            layer.Down.Multiply(
                Epilogue.AddResidual, Store.Float32, activated, _inner, rows, 0, layer.Down.Panels, y, _hidden, Gemm.Columns, x);
            log?.AddProduct(CpuOperation.FeedForwardDown, Store.Float32, rows, inner, hidden, addends: 1);
            Normalize(layer.OutputNorm, shared, row, rows, log);
        }
    }

    /// <summary>The same with the panels of each matrix shared out: each weight is read by one thread only, at the price of more meetings.</summary>
    private void DenseByColumns(PackedLayer layer, Workspace shared, int rows, Team team, int me, OperationLog? log)
    {
        (int firstRow, int endRow) = team.Share(rows, me);
        (int first, int end) = team.Share(layer.Down.Panels, me);
        (int firstInner, int endInner) = team.Share(layer.Up.Panels, me);
        int columns = Columns(first, end, _config.HiddenSize);
        layer.AttentionOutput.Multiply(Epilogue.AddResidual, Store.Float32, shared.Context, _contextWidth, rows, first, end, shared.Y,
            _hidden, Gemm.Columns, shared.X);
        log?.AddProduct(CpuOperation.AttentionOutput, Store.Float32, rows, _config.HiddenSize, columns, addends: 1);
        Meet(team, log);
        Normalize(layer.AttentionNorm, shared, firstRow, endRow - firstRow, log);
        Meet(team, log);
        layer.Up.Multiply(_activation, Store.Operand, shared.XOperands, _hidden, rows, firstInner, endInner, shared.Inner, _inner, Gemm.Columns);
        log?.AddProduct(CpuOperation.FeedForwardUp, Store.Operand, rows, _config.HiddenSize, Columns(firstInner, endInner, _config.IntermediateSize));
        Meet(team, log);
        layer.Down.Multiply(
            Epilogue.AddResidual, Store.Float32, shared.Inner, _inner, rows, first, end, shared.Y, _hidden, Gemm.Columns, shared.X);
        log?.AddProduct(CpuOperation.FeedForwardDown, Store.Float32, rows, _config.IntermediateSize, columns, addends: 1);
        Meet(team, log);
        Normalize(layer.OutputNorm, shared, firstRow, endRow - firstRow, log);
    }

    /// <summary>Columns of some panels, without padding.</summary>
    private static int Columns(int first, int end, int width) => Math.Min(end * Gemm.Columns, width) - Math.Min(first * Gemm.Columns, width);

    private static void Meet(Team team, OperationLog? log)
    {
        if (team.Size == 1) { return; }
        team.Wait();
        log?.Add(CpuOperation.Wait);
    }

    /// <summary>Rows of Y to X, as floats and as operands.</summary>
    private void Normalize(PackedNorm norm, Workspace shared, int first, int rows, OperationLog? log)
    {
        for (int row = first; row < first + rows; row++)
        {
            nint at = (nint)row * _hidden;
            _kernels.LayerNorm(shared.Y + at, norm.Gamma, norm.Beta, _config.LayerNormEps, shared.X + at, _config.HiddenSize);
        }
        log?.AddValues(CpuOperation.LayerNorm, (long)rows * _config.HiddenSize);
        ToOperands(shared, first, rows, log);
    }

    private void ToOperands(Workspace shared, int first, int rows, OperationLog? log)
    {
        if (_products.IsExact || rows == 0) { return; }
        _products.Convert(shared.X + (nint)first * _hidden, Operands(shared, first), rows * _hidden);
        log?.AddCast((long)rows * _config.HiddenSize, words: false);
    }

    private byte* Operands(Workspace shared, int row) => (byte*)shared.XOperands + (nint)row * _hidden * _products.Size;

    private void CopyHidden(float* x, int from, int firstRow, int endRow)
    {
        int width = _config.HiddenSize;
        for (int row = firstRow; row < endRow; row++)
        {
            new ReadOnlySpan<float>(x + (nint)row * _hidden, width).CopyTo(new Span<float>(_hiddenStates + (nint)(from + row) * width, width));
        }
    }

    protected override void Free()
    {
        foreach (Workspace workspace in _own) { workspace.Dispose(); }
        foreach (PackedLayer layer in _layers) { layer.Dispose(); }
        _bias?.Dispose();
        _head.Dispose();
        _embedding.Dispose();
    }
}
