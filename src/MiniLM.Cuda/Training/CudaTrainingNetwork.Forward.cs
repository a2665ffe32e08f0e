using MiniLM.Batching;
using MiniLM.Cuda.Driver;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cuda.Training;

/// <summary>The way forward, keeping what backward needs.</summary>
internal sealed partial class CudaTrainingNetwork
{
    protected override void ForwardSavingChecked(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output, CancellationToken cancellation)
    {
        using (_device.Gate.Enter(cancellation))
        {
            using Gpu.Cancelling until = _device.Gpu.Until(cancellation);
            _state.Refresh();
            CudaSlot at = Open(slot, batch.Rows, batch.Sequences);
            at.Dropout = dropout;
            at.Ids.Upload(batch, 0, batch.Sequences, dropout is { } drops ? drops.FirstRows : []);
            Embed(at);
            for (int layer = 0; layer < _config.NumHiddenLayers; layer++) { ForwardLayer(at, layer); }
            ForwardHead(at, batch.PromptRows);
            int last = Network.Head.Length, width = Network.OutputSize;
            _device.Download(at.HeadInput(last), output, width, CudaPlan.HeadWidth(width));
            at.Batch = batch;
        }
    }

    /// <summary>A slot of a size, empty, and the workspace.</summary>
    /// <exception cref="GpuOutOfMemoryException">They do not fit; the message says what to do.</exception>
    private CudaSlot Open(int slot, int rows, int sequences)
    {
        try
        {
            if (_slots.TryGetValue(slot, out CudaSlot? found))
            {
                found.Batch = null;
                if (found.RowCapacity < rows || found.SequenceCapacity < sequences)
                {
                    _slots.Remove(slot);
                    found.Dispose();
                    (rows, sequences) = (Math.Max(rows, found.RowCapacity), Math.Max(sequences, found.SequenceCapacity));
                    _slots[slot] = found = new CudaSlot(_device.Gpu, _plan, Network, rows, sequences);
                }
            }
            else { _slots[slot] = found = new CudaSlot(_device.Gpu, _plan, Network, rows, sequences); }
            if (_workspace is null || _workspace.Rows < rows || _workspace.Sequences < sequences)
            {
                (int mostRows, int mostSequences) = (Math.Max(rows, _workspace?.Rows ?? 0), Math.Max(sequences, _workspace?.Sequences ?? 0));
                _workspace?.Dispose();
                _workspace = null;
                _workspace = new CudaTrainingWorkspace(_device.Gpu, _plan, Network, TablesFor(mostRows), mostRows, mostSequences);
            }
            return found;
        }
        catch (GpuOutOfMemoryException error)
        {
            throw new GpuOutOfMemoryException($"{error.Message}; a batch of {rows} tokens does not fit. Make micro_batch_tokens less, or use --device cpu.");
        }
    }

    private LayerNormArguments Norm(CudaSlot slot, ulong x, ulong y, CudaNorm norm) => new()
    {
        X = x,
        Y = y,
        Gamma = norm.Gamma,
        Beta = norm.Beta,
        StrideX = _plan.RowBytes,
        StrideY = _plan.RowBytes,
        Rows = (uint)slot.Ids.Rows,
        Width = (uint)_config.HiddenSize,
        Padded = (uint)_plan.Hidden,
        Epsilon = _config.LayerNormEps,
    };

    private void Embed(CudaSlot slot) => _device.Launcher.Embedding(_plan.EmbeddingTraining, new EmbeddingTrainingArguments
    {
        Embedding = new EmbeddingArguments
        {
            Words = _weights.Words,
            Positions = _weights.Positions,
            Types = _weights.Types,
            WordIds = slot.Ids.WordIds,
            PositionIds = slot.Ids.PositionIds,
            TypeIds = slot.Ids.TypeIds,
            Norm = Norm(slot, slot.EmbeddingSum, slot.X(0), _weights.EmbeddingNorm),
        },
        Statistics = slot.EmbeddingStatistics,
        Dropout = Mask(slot, DropoutSite.Embeddings, 0, _config.HiddenDropout),
    });

    private void ForwardLayer(CudaSlot slot, int index)
    {
        KernelLauncher launcher = _device.Launcher;
        LayerRows rows = slot.Layer(index);
        CudaLayer weights = _weights.Layers[index];
        uint stride = _plan.RowBytes, inner = (uint)(_plan.Inner * _plan.ElementBytes);
        launcher.Gemm(_plan.Gemm, Product(slot, rows.X, stride, weights.QueryKeyValue, rows.QueryKeyValue, 3 * stride), 3 * _plan.Hidden, _plan.Hidden);
        (int blocks, int heads) = AttentionGrid(slot, _plan.AttentionTraining);
        launcher.Attention(_plan.AttentionTraining, Attention(slot, index), blocks, heads);
        AddAndNormalize(rows.Context, stride, weights.AttentionOutput, rows.X, rows.AttentionSum, weights.AttentionNorm, rows.AttentionStatistics,
            rows.Attention, DropoutSite.AttentionOutput);
        GemmActivationArguments up = new()
        {
            Gemm = Product(slot, rows.Attention, stride, weights.Up, _workspace!.Activated, inner),
            BeforeActivation = rows.BeforeActivation,
        };
        launcher.Gemm(_plan.GemmActivatedTraining, up, _plan.Inner, _plan.Hidden);
        AddAndNormalize(_workspace.Activated, inner, weights.Down, rows.Attention, rows.OutputSum, weights.OutputNorm, rows.OutputStatistics,
            slot.X(index + 1), DropoutSite.FeedForwardOutput);

        void AddAndNormalize(
            ulong a, uint strideA, CudaLinear linear, ulong residual, ulong sum, CudaNorm norm, ulong statistics, ulong y, DropoutSite site)
        {
            GemmArguments product = Product(slot, a, strideA, linear, sum, stride) with { Residual = residual };
            DropoutArguments mask = Mask(slot, site, index, _config.HiddenDropout);
            if (_plan.FusedLayerNorm)
            {
                product = product with { C = y, Gamma = norm.Gamma, Beta = norm.Beta, Epsilon = _config.LayerNormEps };
                GemmLayerNormTrainingArguments fused = new() { Gemm = product, Sum = sum, Statistics = statistics, Dropout = mask };
                launcher.Gemm(_plan.GemmLayerNormTraining, fused, _plan.Hidden, linear.Inputs);
                return;
            }
            launcher.Gemm(_plan.GemmDropout, new GemmDropoutArguments { Gemm = product, Dropout = mask }, _plan.Hidden, linear.Inputs);
            launcher.LayerNorm(_plan.LayerNormTraining, new LayerNormTrainingArguments { Norm = Norm(slot, sum, y, norm), Statistics = statistics });
        }
    }

    private GemmArguments Product(CudaSlot slot, ulong a, uint strideA, CudaLinear linear, ulong c, uint strideC) =>
        Product(slot, a, strideA, linear.Weight, (uint)(linear.Inputs * _plan.ElementBytes), linear.Bias, c, strideC);

    private static GemmArguments Product(CudaSlot slot, ulong a, uint strideA, ulong b, uint strideB, ulong bias, ulong c, uint strideC) => new()
    {
        A = a,
        B = b,
        C = c,
        Bias = bias,
        StrideA = strideA,
        StrideB = strideB,
        StrideC = strideC,
        Rows = (uint)slot.Ids.Rows,
    };

    /// <summary>On tensor cores a block a sequence and head; else one a tile of rows and piece of a head.</summary>
    private (int Blocks, int Heads) AttentionGrid(CudaSlot slot, string kernel)
    {
        if (_plan.AttentionOnTensorCores) { return (slot.Ids.Sequences, _config.NumAttentionHeads); }
        int width = KernelInfo.All[kernel].TileColumns;
        return (slot.Ids.TileCount, _config.NumAttentionHeads * ((_config.HeadSize + width - 1) / width));
    }

    private AttentionTrainingArguments Attention(CudaSlot slot, int layer)
    {
        LayerRows rows = slot.Layer(layer);
        uint stride = _plan.RowBytes;
        return new AttentionTrainingArguments
        {
            Attention = new AttentionArguments
            {
                Query = rows.QueryKeyValue,
                Key = rows.QueryKeyValue + stride,
                Value = rows.QueryKeyValue + 2 * stride,
                Context = rows.Context,
                Offsets = slot.Ids.Offsets,
                Tiles = slot.Ids.Tiles,
                Columns = slot.Ids.Columns,
                Bias = _weights.Bias,
                BiasWidth = (uint)CudaWeights.BiasWidth,
                StrideQuery = 3 * stride,
                StrideContext = stride,
                HeadSize = (uint)_config.HeadSize,
                ResidentKeys = _plan.AttentionOnTensorCores ? (uint)CudaWorkspace.ResidentKeys(slot.Ids.Longest) : 0,
                Scale = (float)(1 / Math.Log(2) / Math.Sqrt(_config.HeadSize)),
            },
            LogSums = rows.LogSums,
            Dropout = Mask(slot, DropoutSite.Attention, layer, _config.AttentionDropout),
            Rows = (uint)slot.Ids.Rows,
        };
    }

    private PoolingArguments Pooled(CudaSlot slot, int mode, ulong y, int promptRows) => new()
    {
        X = slot.X(_config.NumHiddenLayers),
        Y = y + (ulong)(mode * _config.HiddenSize * 4),
        Offsets = slot.Ids.Offsets,
        Columns = slot.Ids.Columns,
        StrideX = _plan.RowBytes,
        StrideY = (uint)CudaPlan.HeadWidth(Network.PooledSize) * 4,
        Width = (uint)_config.HiddenSize,
        Skip = (uint)promptRows,
        Mode = (uint)Network.Pooling[mode],
    };

    private void ForwardHead(CudaSlot slot, int promptRows)
    {
        KernelLauncher launcher = _device.Launcher;
        int sequences = slot.Ids.Sequences, width = Network.PooledSize, dense = 0;
        for (int mode = 0; mode < Network.Pooling.Length; mode++)
        {
            launcher.Pooling(_plan.Pooling, Pooled(slot, mode, slot.HeadInput(0), promptRows), sequences);
        }
        for (int index = 0; index < Network.Head.Length; index++)
        {
            ulong x = slot.HeadInput(index), y = slot.HeadInput(index + 1);
            uint padded = (uint)CudaPlan.HeadWidth(width), stride = padded * 4;
            if (Network.Head[index] is not DenseModule module)
            {
                ConvertArguments copy = new() { X = x, Y = y, StrideX = stride, StrideY = stride, Width = padded, Padded = padded };
                launcher.Convert("ConvertF32ToF32", copy, sequences);
                launcher.Normalize(new NormalizeArguments { X = y, StrideX = stride, Rows = (uint)sequences, Width = (uint)width });
                continue;
            }
            Drop(slot, index, module, x, padded);
            CudaLinear weights = _weights.Head[dense++];
            GemmArguments product = Product(slot, x, stride, weights.Weight, (uint)weights.Inputs * 4, weights.Bias, y, (uint)weights.Outputs * 4)
                with
            { Rows = (uint)sequences };
            if (module.Activation == Activation.Identity) { launcher.Gemm(CudaPlan.Dense(Activation.Identity), product, weights.Outputs, weights.Inputs); }
            else
            {
                GemmActivationArguments activated = new() { Gemm = product, BeforeActivation = slot.HeadBeforeActivation(index) };
                launcher.Gemm(CudaPlan.DenseTraining(module.Activation), activated, weights.Outputs, weights.Inputs);
            }
            width = module.Linear.Outputs;
        }
    }

    /// <summary>What a dense module of the head reads, or its gradient, dropped in place.</summary>
    private void Drop(CudaSlot slot, int index, DenseModule module, ulong x, uint padded)
    {
        DropoutArguments mask = Mask(slot, DropoutSite.Classifier, index, module.Dropout, slot.Ids.FirstRows);
        if (mask.Threshold == 0) { return; }
        uint stride = padded * 4;
        _device.Launcher.Dropout(
            new DropoutRowsArguments { X = x, Y = x, Dropout = mask, StrideX = stride, StrideY = stride, Rows = (uint)slot.Ids.Sequences, Padded = padded });
    }
}
