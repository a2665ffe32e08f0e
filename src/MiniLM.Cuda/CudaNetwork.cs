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
    private readonly EncoderArguments _arguments;
    private readonly EncoderConfig _config;
    private CudaWorkspace? _workspace;
    private int _mostRows = int.MaxValue; // of one part of a batch; less once memory has run out

    internal CudaNetwork(CudaDevice device, Network network, Precision precision, bool trains, CancellationToken cancellation) : base(network)
    {
        (_device, _config) = (device, network.Config);
        FiniteWeights.Check(network, 1, work => work(0), cancellation.ThrowIfCancellationRequested);
        _plan = device.Plan(network, precision, trains);
        _weights = new CudaWeights(device, _plan, network);
        _arguments = new EncoderArguments(_plan, _weights, network);
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
                if (_device.ReleaseDocuments()) { continue; }
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
        at.Batch.Upload(batch, first, end);
        int rows = at.Batch.Rows;
        KernelLauncher launcher = _device.Launcher;
        uint stride = _plan.RowBytes, inner = (uint)(_plan.Inner * _plan.ElementBytes);
        launcher.Embedding(_plan.Embedding, _arguments.Embedding(at.Batch, 0, at.X));
        for (int layer = 0; layer < layers; layer++)
        {
            CudaLayer weights = _weights.Layers[layer];
            GemmArguments all = _arguments.Product(rows, at.X, stride, weights.QueryKeyValue, at.QueryKeyValue, 3 * stride);
            launcher.Gemm(_plan.Gemm, all, 3 * _plan.Hidden, _plan.Hidden);
            (int blocks, int heads) = _arguments.AttentionGrid(at.Batch, _plan.Attention);
            launcher.Attention(_plan.Attention, _arguments.Attention(at.Batch, at.QueryKeyValue, at.Context), blocks, heads);
            AddAndNormalize(at.Context, stride, weights.AttentionOutput, at.X, at.Y, weights.AttentionNorm);
            launcher.Gemm(_plan.GemmActivated, _arguments.Product(rows, at.Y, stride, weights.Up, at.Inner, inner), _plan.Inner, _plan.Hidden);
            AddAndNormalize(at.Inner, inner, weights.Down, at.Y, at.X, weights.OutputNorm);
        }

        void AddAndNormalize(ulong a, uint strideA, CudaLinear linear, ulong residual, ulong y, CudaNorm after)
        {
            GemmArguments product = _arguments.Product(rows, a, strideA, linear, y, stride) with { Residual = residual };
            if (_plan.FusedLayerNorm)
            {
                launcher.Gemm(_plan.GemmLayerNorm, _arguments.Normalized(product, y, after), _plan.Hidden, linear.Inputs);
                return;
            }
            launcher.Gemm(_plan.Gemm, product, _plan.Hidden, linear.Inputs);
            launcher.LayerNorm(_plan.LayerNorm, _arguments.Norm(rows, y, y, after));
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
        int sequences = end - first, width = Network.PooledSize, padded = CudaPlan.HeadWidth(width);
        for (int mode = 0; mode < Network.Pooling.Length; mode++)
        {
            launcher.Pooling(_plan.Pooling, _arguments.Pooling(at.Batch, mode, at.X, at.Pooled, batch.PromptRows), sequences);
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

    internal EncoderArguments Arguments => _arguments;

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
