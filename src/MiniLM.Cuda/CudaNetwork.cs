using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Kernels;
using MiniLM.Model;

namespace MiniLM.Cuda;

/// <summary>A network on the GPU: five launches a layer, rows stay there from the first gather to the head.</summary>
internal sealed class CudaNetwork : DeviceNetwork
{
    private readonly CudaDevice _device;
    private readonly CudaPlan _plan;
    private readonly CudaWeights _weights;
    private readonly EncoderConfig _config;
    private CudaWorkspace? _workspace;
    private int _mostRows = int.MaxValue; // of one part of a batch; less once memory has run out

    internal CudaNetwork(CudaDevice device, Network network, Precision precision, bool trains, CancellationToken cancellation) : base(network)
    {
        (_device, _config) = (device, network.Config);
        FiniteWeights.Check(network, 1, work => work(0), cancellation.ThrowIfCancellationRequested);
        _plan = device.Plan(network, precision, trains);
        _weights = new CudaWeights(device, _plan, network);
    }

    /// <summary>What is done with the rows of sequences first..end.</summary>
    private delegate void Finish(PackedBatch batch, int first, int end, Span<float> result);

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation) =>
        Run(batch, _weights.Layers.Length, output, Head, cancellation);

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation) =>
        Run(batch, layers, hidden, Widen, cancellation);

    /// <summary>Runs as many sequences at a time as memory takes, fewer once it has run out.</summary>
    private void Run(PackedBatch batch, int layers, Span<float> result, Finish finish, CancellationToken cancellation)
    {
        using Gate.Turn turn = _device.Gate.Enter(cancellation);
        using Gpu.Cancelling until = _device.Gpu.Until(cancellation);
        for (int first = 0; first < batch.Sequences;)
        {
            int end = first + 1;
            while (end < batch.Sequences && batch.Offsets[end + 1] - batch.Offsets[first] <= _mostRows) { end++; }
            int rows = batch.Offsets[end] - batch.Offsets[first];
            try
            {
                Reserve(rows, end - first);
                Encode(batch, first, end, layers);
                finish(batch, first, end, result);
                first = end;
            }
            catch (GpuOutOfMemoryException error)
            {
                if (end == first + 1)
                {
                    throw new GpuOutOfMemoryException($"{error.Message}; one sequence of {rows} tokens does not fit. Use --max-length or --device cpu.");
                }
                _workspace?.Dispose(); // a launch may need memory of its own, which the workspace has
                _workspace = null;
                _mostRows = rows / 2;
                _device.Notify($"{error.Message}; going on with batches of at most {_mostRows} tokens");
            }
        }
    }

    private void Reserve(int rows, int sequences)
    {
        if (_workspace is { } known && known.Rows >= rows && known.Sequences >= sequences) { return; }
        int capacityRows = Math.Max(rows, _workspace?.Rows ?? 0), capacitySequences = Math.Max(sequences, _workspace?.Sequences ?? 0);
        _workspace?.Dispose();
        _workspace = null;
        _workspace = new CudaWorkspace(_device.Gpu, _plan, Network, capacityRows, capacitySequences);
    }

    private void Encode(PackedBatch batch, int first, int end, int layers)
    {
        CudaWorkspace at = _workspace!;
        int from = batch.Offsets[first], rows = batch.Offsets[end] - from;
        at.Batch.Upload(batch, first, end);
        KernelLauncher launcher = _device.Launcher;
        uint stride = _plan.RowBytes, inner = (uint)(_plan.Inner * _plan.ElementBytes);
        LayerNormArguments norm = new()
        {
            StrideX = stride,
            StrideY = stride,
            Rows = (uint)rows,
            Width = (uint)_config.HiddenSize,
            Padded = (uint)_plan.Hidden,
            Epsilon = _config.LayerNormEps,
        };
        EmbeddingArguments embed = new()
        {
            Words = _weights.Words,
            Positions = _weights.Positions,
            Types = _weights.Types,
            WordIds = at.Batch.WordIds,
            PositionIds = at.Batch.PositionIds,
            TypeIds = at.Batch.TypeIds,
            Norm = norm with { Y = at.X, Gamma = _weights.EmbeddingNorm.Gamma, Beta = _weights.EmbeddingNorm.Beta },
        };
        launcher.Embedding(_plan.Embedding, embed);
        for (int layer = 0; layer < layers; layer++)
        {
            CudaLayer weights = _weights.Layers[layer];
            launcher.Gemm(_plan.Gemm, Gemm(at.X, stride, weights.QueryKeyValue, at.QueryKeyValue, 3 * stride), 3 * _plan.Hidden, _plan.Hidden);
            Attend(at, end - first, stride);
            AddAndNormalize(at.Context, stride, weights.AttentionOutput, at.X, at.Y, weights.AttentionNorm);
            launcher.Gemm(_plan.GemmActivated, Gemm(at.Y, stride, weights.Up, at.Inner, inner), _plan.Inner, _plan.Hidden);
            AddAndNormalize(at.Inner, inner, weights.Down, at.Y, at.X, weights.OutputNorm);
        }

        GemmArguments Gemm(ulong a, uint strideA, CudaLinear linear, ulong c, uint strideC, ulong residual = 0, CudaNorm after = default) => new()
        {
            A = a,
            B = linear.Weight,
            C = c,
            Bias = linear.Bias,
            Residual = residual,
            Gamma = after.Gamma,
            Beta = after.Beta,
            StrideA = strideA,
            StrideB = (uint)(linear.Inputs * _plan.ElementBytes),
            StrideC = strideC,
            Rows = (uint)rows,
            Epsilon = _config.LayerNormEps,
        };
        void AddAndNormalize(ulong a, uint strideA, CudaLinear linear, ulong residual, ulong y, CudaNorm after)
        {
            GemmArguments arguments = Gemm(a, strideA, linear, y, stride, residual, after);
            if (_plan.FusedLayerNorm) { launcher.Gemm(_plan.GemmLayerNorm, arguments, _plan.Hidden, linear.Inputs); return; }
            launcher.Gemm(_plan.Gemm, arguments, _plan.Hidden, linear.Inputs);
            launcher.LayerNorm(_plan.LayerNorm, norm with { X = y, Y = y, Gamma = after.Gamma, Beta = after.Beta });
        }
    }

    private void Attend(CudaWorkspace at, int sequences, uint stride)
    {
        KernelInfo kernel = KernelInfo.All[_plan.Attention];
        AttentionArguments arguments = new()
        {
            Query = at.QueryKeyValue,
            Key = at.QueryKeyValue + stride,
            Value = at.QueryKeyValue + 2 * stride,
            Context = at.Context,
            Offsets = at.Batch.Offsets,
            Tiles = at.Batch.Tiles,
            Columns = at.Batch.Columns,
            Bias = _weights.Bias,
            BiasWidth = (uint)CudaWeights.BiasWidth,
            StrideQuery = 3 * stride,
            StrideContext = stride,
            HeadSize = (uint)_config.HeadSize,
            Scale = (float)(1 / Math.Log(2) / Math.Sqrt(_config.HeadSize)),
        };
        if (_plan.AttentionOnTensorCores)
        {
            arguments.ResidentKeys = (uint)CudaWorkspace.ResidentKeys(at.Batch.Longest);
            _device.Launcher.Attention(kernel.Name, arguments, sequences, _config.NumAttentionHeads);
        }
        else
        {
            int pieces = (_config.HeadSize + kernel.TileColumns - 1) / kernel.TileColumns;
            _device.Launcher.Attention(kernel.Name, arguments, at.Batch.TileCount, _config.NumAttentionHeads * pieces);
        }
    }

    /// <summary>Rows as fp32.</summary>
    private void Widen(PackedBatch batch, int first, int end, Span<float> hidden)
    {
        int width = _config.HiddenSize, from = batch.Offsets[first], rows = batch.Offsets[end] - from;
        CudaWorkspace at = _workspace!;
        ConvertArguments widen = new()
        {
            X = at.X,
            Y = at.Wide,
            StrideX = _plan.RowBytes,
            StrideY = (uint)_plan.Hidden * 4,
            Width = (uint)width,
            Padded = (uint)_plan.Hidden,
        };
        _device.Launcher.Convert(_plan.Widen, widen, rows);
        _device.Download(at.Wide, hidden.Slice(from * width, rows * width), width, _plan.Hidden);
    }

    /// <summary>Pooling and the modules behind it, in fp32.</summary>
    private void Head(PackedBatch batch, int first, int end, Span<float> output)
    {
        CudaWorkspace at = _workspace!;
        KernelLauncher launcher = _device.Launcher;
        int sequences = end - first, hidden = _config.HiddenSize, width = Network.PooledSize, padded = CudaPlan.HeadWidth(width);
        for (int mode = 0; mode < Network.Pooling.Length; mode++)
        {
            PoolingArguments pool = new()
            {
                X = at.X,
                Y = at.Pooled + (ulong)(mode * hidden * 4),
                Offsets = at.Batch.Offsets,
                Columns = at.Batch.Columns,
                StrideX = _plan.RowBytes,
                StrideY = (uint)padded * 4,
                Width = (uint)hidden,
                Skip = (uint)batch.PromptRows,
                Mode = (uint)Network.Pooling[mode],
            };
            launcher.Pooling(_plan.Pooling, pool, sequences);
        }
        ulong x = at.Pooled, y = at.Head;
        int dense = 0;
        foreach (HeadModule module in Network.Head)
        {
            if (module is DenseModule { Activation: var activation, Linear: var linear })
            {
                CudaLinear weights = _weights.Head[dense++];
                GemmArguments arguments = new()
                {
                    A = x,
                    B = weights.Weight,
                    C = y,
                    Bias = weights.Bias,
                    StrideA = (uint)padded * 4,
                    StrideB = (uint)weights.Inputs * 4,
                    StrideC = (uint)weights.Outputs * 4,
                    Rows = (uint)sequences,
                };
                launcher.Gemm(CudaPlan.Dense(activation), arguments, weights.Outputs, weights.Inputs);
                (x, y) = (y, x);
                (width, padded) = (linear.Outputs, weights.Outputs);
            }
            else { launcher.Normalize(new NormalizeArguments { X = x, StrideX = (uint)padded * 4, Rows = (uint)sequences, Width = (uint)width }); }
        }
        int size = Network.OutputSize;
        _device.Download(x, output[(first * size)..(end * size)], width, padded);
    }

    internal CudaPlan Plan => _plan;

    internal CudaWeights Weights => _weights;

    protected override void Free()
    {
        using (_device.Gate.Enter()) { FreeInside(); } // other networks may be running
    }

    /// <summary>The same for who is inside the gate: the training network whose this is.</summary>
    internal void FreeInside()
    {
        _workspace?.Dispose();
        _weights.Dispose();
    }
}
