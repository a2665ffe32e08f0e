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
            while (true)
            {
                try
                {
                    ForwardInside(batch, slot, dropout, output);
                    return;
                }
                catch (GpuOutOfMemoryException error) // where memory is reserved, or of a launch: a kernel is compiled at its first one
                {
                    if (!_device.ReleaseDocuments()) { throw DoesNotFit(error, batch.Rows); }
                }
            }
        }
    }

    private static GpuOutOfMemoryException DoesNotFit(GpuOutOfMemoryException error, int rows) =>
        new($"{error.Message}; a batch of {rows} tokens does not fit. Make micro_batch_tokens less, or use --device cpu.");

    private void ForwardInside(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output)
    {
        _state.Refresh();
        Reserve(slot, batch.Rows, batch.Sequences);
        CudaSlot at = _slots[slot];
        at.Dropout = dropout;
        at.Ids.Upload(batch, 0, batch.Sequences, dropout is { } drops ? drops.FirstRows : []);
        Embed(at);
        for (int layer = 0; layer < _config.NumHiddenLayers; layer++) { ForwardLayer(at, layer); }
        ForwardHead(at, batch.PromptRows);
        int last = Network.Head.Length, width = Network.OutputSize;
        _device.Download(at.HeadInput(last), output, width, CudaPlan.HeadWidth(width));
        at.Batch = batch;
    }

    /// <summary>A slot of a size, empty, and the workspace.</summary>
    private void Reserve(int slot, int rows, int sequences)
    {
        if (_slots.TryGetValue(slot, out CudaSlot? found))
        {
            found.Batch = null;
            if (found.RowCapacity < rows || found.SequenceCapacity < sequences)
            {
                _slots.Remove(slot);
                found.Dispose();
                (rows, sequences) = (Math.Max(rows, found.RowCapacity), Math.Max(sequences, found.SequenceCapacity));
                _slots[slot] = new CudaSlot(_device.Gpu, _plan, Network, rows, sequences);
            }
        }
        else { _slots[slot] = new CudaSlot(_device.Gpu, _plan, Network, rows, sequences); }
        if (_workspace is null || _workspace.Rows < rows || _workspace.Sequences < sequences)
        {
            (int mostRows, int mostSequences) = (Math.Max(rows, _workspace?.Rows ?? 0), Math.Max(sequences, _workspace?.Sequences ?? 0));
            _workspace?.Dispose();
            _workspace = null;
            _workspace = new CudaTrainingWorkspace(_device.Gpu, _plan, Network, TablesFor(mostRows), mostRows, mostSequences);
        }
    }

    private void Embed(CudaSlot slot) => _device.Launcher.Embedding(_plan.EmbeddingTraining, new EmbeddingTrainingArguments
    {
        Embedding = _arguments.Embedding(slot.Ids, slot.EmbeddingSum, slot.X(0)),
        Statistics = slot.EmbeddingStatistics,
        Dropout = Mask(slot, DropoutSite.Embeddings, 0, _config.HiddenDropout),
    });

    private void ForwardLayer(CudaSlot slot, int index)
    {
        KernelLauncher launcher = _device.Launcher;
        LayerRows rows = slot.Layer(index);
        CudaLayer weights = _weights.Layers[index];
        uint stride = _plan.RowBytes, inner = (uint)(_plan.Inner * _plan.ElementBytes);
        GemmArguments all = _arguments.Product(slot.Ids.Rows, rows.X, stride, weights.QueryKeyValue, rows.QueryKeyValue, 3 * stride);
        launcher.Gemm(_plan.Gemm, all, 3 * _plan.Hidden, _plan.Hidden);
        (int blocks, int heads) = _arguments.AttentionGrid(slot.Ids, _plan.AttentionTraining);
        launcher.Attention(_plan.AttentionTraining, Attention(slot, index), blocks, heads);
        AddAndNormalize(rows.Context, stride, weights.AttentionOutput, rows.X, rows.AttentionSum, weights.AttentionNorm, rows.AttentionStatistics,
            rows.Attention, DropoutSite.AttentionOutput);
        GemmActivationArguments up = new()
        {
            Gemm = _arguments.Product(slot.Ids.Rows, rows.Attention, stride, weights.Up, _workspace!.Activated, inner),
            BeforeActivation = rows.BeforeActivation,
        };
        launcher.Gemm(_plan.GemmActivatedTraining, up, _plan.Inner, _plan.Hidden);
        AddAndNormalize(_workspace.Activated, inner, weights.Down, rows.Attention, rows.OutputSum, weights.OutputNorm, rows.OutputStatistics,
            slot.X(index + 1), DropoutSite.FeedForwardOutput);

        void AddAndNormalize(
            ulong a, uint strideA, CudaLinear linear, ulong residual, ulong sum, CudaNorm norm, ulong statistics, ulong y, DropoutSite site)
        {
            GemmArguments product = _arguments.Product(slot.Ids.Rows, a, strideA, linear, sum, stride) with { Residual = residual };
            DropoutArguments mask = Mask(slot, site, index, _config.HiddenDropout);
            if (_plan.FusedLayerNorm)
            {
                GemmLayerNormTrainingArguments fused = new()
                {
                    Gemm = _arguments.Normalized(product, y, norm),
                    Sum = sum,
                    Statistics = statistics,
                    Dropout = mask,
                };
                launcher.Gemm(_plan.GemmLayerNormTraining, fused, _plan.Hidden, linear.Inputs);
                return;
            }
            launcher.Gemm(_plan.GemmDropout, new GemmDropoutArguments { Gemm = product, Dropout = mask }, _plan.Hidden, linear.Inputs);
            LayerNormArguments arguments = _arguments.Norm(slot.Ids.Rows, sum, y, norm);
            launcher.LayerNorm(_plan.LayerNormTraining, new LayerNormTrainingArguments { Norm = arguments, Statistics = statistics });
        }
    }

    /// <summary>Of a matrix that is no layer's own: transposed, or the head's.</summary>
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

    private AttentionTrainingArguments Attention(CudaSlot slot, int layer)
    {
        LayerRows rows = slot.Layer(layer);
        return new AttentionTrainingArguments
        {
            Attention = _arguments.Attention(slot.Ids, rows.QueryKeyValue, rows.Context),
            LogSums = rows.LogSums,
            Dropout = Mask(slot, DropoutSite.Attention, layer, _config.AttentionDropout),
            Rows = (uint)slot.Ids.Rows,
        };
    }

    private PoolingArguments Pooled(CudaSlot slot, int mode, ulong y, int promptRows) =>
        _arguments.Pooling(slot.Ids, mode, slot.X(_config.NumHiddenLayers), y, promptRows);

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
