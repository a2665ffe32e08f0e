using MiniLM.Batching;
using MiniLM.Cuda.Driver;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cuda.Training;

/// <summary>The way back, layer by layer from the last.</summary>
internal sealed partial class CudaTrainingNetwork
{
    protected override void BackwardInside(int slot, ReadOnlySpan<float> outputGradient, CancellationToken cancellation)
    {
        if (!_slots.TryGetValue(slot, out CudaSlot? at) || at.Batch is null) { throw new InvalidOperationException($"slot {slot} holds no forward pass"); }
        using (_device.Gate.Enter(cancellation))
        {
            using Gpu.Cancelling until = _device.Gpu.Until(cancellation);
            try
            {
                bool adds = _state.Accumulates();
                DescribeGradients(at);
                BackwardHead(at, outputGradient, adds);
                for (int layer = _config.NumHiddenLayers - 1; layer >= Math.Max(0, LowestTrained); layer--) { BackwardLayer(at, layer, adds); }
                if (LowestTrained < 0) { BackwardEmbeddings(at, adds); }
                at.Batch = null;
            }
            catch (GpuOutOfMemoryException error) { throw DoesNotFit(error, at.Ids.Rows); }
        }
    }

    /// <summary>The six matrices of a layer, those that are trained.</summary>
    private Linear[] Trained(LayerWeights layer) => [.. layer.Linears.Where(linear => IsTrained(linear.Weight) || IsTrained(linear.Bias))];

    /// <summary>What the tables and partial sums of a batch take at most.</summary>
    private GradientTables.Capacity TablesFor(int rows)
    {
        Linear[][] groups = [.. Network.Encoder.Layers.Select(Trained), .. Network.Head.OfType<DenseModule>().Select(module => new[] { module.Linear })];
        int tiles = 0;
        long partial = 0;
        foreach (Linear[] group in groups)
        {
            // The kernel of the smaller tile has more of them; fewer tiles are more parts.
            int most = Tiles(group, KernelInfo.All["WeightGradientSimtF32"]), least = Tiles(group, KernelInfo.All[_plan.WeightGradient]);
            tiles += most;
            partial = Math.Max(partial, GradientTables.PartsOf(rows, least)
                * group.Sum(linear => GradientTables.Aligned((uint)(linear.Outputs * linear.Inputs)) + GradientTables.Aligned((uint)linear.Outputs)));
        }
        // Of each layer 12 sums of matrices and biases, 4 of LayerNorms; the embeddings' LayerNorm and the relative bias; of each a last piece that is cut.
        int sums = 16 * groups.Length + 3;
        return new GradientTables.Capacity(6 * groups.Length, tiles, sums, sums + (int)(Parameters.Length / PartialSum.Piece), partial);

        static int Tiles(Linear[] group, KernelInfo kernel) => group.Sum(linear => GradientTables.TilesOf(kernel, linear.Outputs, linear.Inputs));
    }

    /// <summary>Fills the tables in the order in which the way back comes by: the head's modules and the layers from the last, the embeddings.</summary>
    private void DescribeGradients(CudaSlot slot)
    {
        CudaTrainingWorkspace at = _workspace!;
        int rows = slot.Ids.Rows, blocks = KernelLauncher.BlocksOfLayerNormBackward(rows);
        uint stride = _plan.RowBytes, inner = (uint)(_plan.Inner * _plan.ElementBytes);
        at.Tables.Clear();
        for (int index = _config.NumHiddenLayers - 1; index >= 0; index--)
        {
            LayerWeights layer = Network.Encoder.Layers[index];
            LayerRows saved = slot.Layer(index);
            at.Tables.Begin(rows, Trained(layer));
            ulong output = IsDropped(slot) ? at.OutputDropped : at.Output, attention = IsDropped(slot) ? at.AttentionDropped : at.Attention;
            Add(layer.Query, at.QueryKeyValue, 3 * stride, saved.X, stride);
            Add(layer.Key, at.QueryKeyValue + stride, 3 * stride, saved.X, stride);
            Add(layer.Value, at.QueryKeyValue + 2 * stride, 3 * stride, saved.X, stride);
            Add(layer.AttentionOutput, attention, stride, saved.Context, stride);
            Add(layer.Up, at.Inner, inner, saved.Attention, stride);
            Add(layer.Down, output, stride, at.Activated, inner);
            AddNorm(layer.OutputNorm, at.OutputSums);
            AddNorm(layer.AttentionNorm, at.AttentionSums);
            at.Tables.End();
        }
        at.Tables.Begin(rows, []);
        AddNorm(Network.Encoder.EmbeddingNorm, at.OutputSums);
        if (Network.Encoder.RelativeAttentionBias is { } bias) // of all layers: one sum, which may overwrite
        {
            at.Tables.AddSum(at.BiasSums, Gradient(bias), (uint)bias.Count, _config.NumHiddenLayers * slot.Ids.TileCount, BytesOf(bias));
        }
        at.Tables.End();
        at.Tables.Upload();

        void Add(Linear linear, ulong dy, uint strideDy, ulong x, uint strideX) => at.Tables.Add(new WeightGradient
        {
            Dy = dy,
            X = x,
            StrideDy = strideDy,
            StrideX = strideX,
            Outputs = (uint)linear.Outputs,
            Inputs = (uint)linear.Inputs,
        }, Gradient(linear.Weight), Gradient(linear.Bias));

        void AddNorm(Norm norm, ulong sums)
        {
            ulong both = 8 * (ulong)_plan.Hidden;
            at.Tables.AddSum(sums, Gradient(norm.Gamma), (uint)_config.HiddenSize, blocks, both);
            at.Tables.AddSum(sums + both / 2, Gradient(norm.Beta), (uint)_config.HiddenSize, blocks, both);
        }
    }

    private static ulong BytesOf(Tensor tensor) => sizeof(float) * (ulong)tensor.Count;

    private bool IsDropped(CudaSlot slot) => slot.Dropout is not null && _config.HiddenDropout > 0;

    private void BackwardHead(CudaSlot slot, ReadOnlySpan<float> outputGradient, bool adds)
    {
        CudaTrainingWorkspace at = _workspace!;
        KernelLauncher launcher = _device.Launcher;
        int sequences = slot.Ids.Sequences, width = Network.OutputSize, dense = Network.Head.OfType<DenseModule>().Count();
        (ulong dy, ulong other) = (at.Head, at.OtherHead);
        _device.Upload(dy, outputGradient, width, CudaPlan.HeadWidth(width));
        for (int index = Network.Head.Length - 1; index >= 0; index--)
        {
            uint padded = (uint)CudaPlan.HeadWidth(width), stride = padded * 4;
            if (Network.Head[index] is not DenseModule module)
            {
                launcher.NormalizeBackward(
                    new NormalizeBackwardArguments { X = slot.HeadInput(index), Dy = dy, Stride = stride, Rows = (uint)sequences, Width = (uint)width });
                continue;
            }
            if (module.Activation != Activation.Identity)
            {
                launcher.ActivationBackward(CudaPlan.ActivationBackward(module.Activation),
                    new ActivationBackwardArguments { X = slot.HeadBeforeActivation(index), Dy = dy, Stride = stride, Padded = padded }, sequences);
            }
            CudaLinear weights = _weights.Head[--dense];
            at.HeadTables.Clear();
            at.HeadTables.Begin(sequences, [module.Linear]);
            at.HeadTables.Add(new WeightGradient
            {
                Dy = dy,
                X = slot.HeadInput(index),
                StrideDy = stride,
                StrideX = (uint)weights.Inputs * 4,
                Outputs = (uint)module.Linear.Outputs,
                Inputs = (uint)module.Linear.Inputs,
            }, Gradient(module.Linear.Weight), Gradient(module.Linear.Bias));
            at.HeadTables.End();
            at.HeadTables.Upload();
            at.HeadTables.Run(launcher, 0, adds);
            GemmArguments product = Product(slot, dy, stride, _state.Head(dense), (uint)weights.Outputs * 4, _state.Zeros, other, (uint)weights.Inputs * 4)
                with
            { Rows = (uint)sequences };
            launcher.Gemm(CudaPlan.Dense(Activation.Identity), product, weights.Inputs, weights.Outputs);
            (dy, other, width) = (other, dy, module.Linear.Inputs);
            Drop(slot, index, module, dy, (uint)weights.Inputs);
        }
        for (int mode = 0; mode < Network.Pooling.Length; mode++)
        {
            launcher.PoolingBackward(_plan.PoolingBackward, new PoolingBackwardArguments
            {
                Pooling = Pooled(slot, mode, dy, slot.Batch!.PromptRows),
                Dx = at.Output,
                Padded = (uint)_plan.Hidden,
                Adds = mode > 0 ? 1u : 0,
            }, sequences);
        }
    }

    private void BackwardLayer(CudaSlot slot, int index, bool adds)
    {
        CudaTrainingWorkspace at = _workspace!;
        KernelLauncher launcher = _device.Launcher;
        LayerRows saved = slot.Layer(index);
        CudaLayer weights = _weights.Layers[index];
        TransposedLayer back = _state.Layer(index);
        uint stride = _plan.RowBytes, inner = (uint)(_plan.Inner * _plan.ElementBytes);

        ulong output = NormBackward(saved.OutputSum, saved.OutputStatistics, weights.OutputNorm, at.Output, at.OutputDropped, at.OutputSums,
            DropoutSite.FeedForwardOutput);
        GemmActivationArguments down = new()
        {
            Gemm = Product(slot, output, stride, back.Down, stride, _state.Zeros, at.Inner, inner),
            BeforeActivation = saved.BeforeActivation,
            Activated = at.Activated,
        };
        launcher.Gemm(_plan.GemmActivatedBackward, down, _plan.Inner, _plan.Hidden);
        launcher.Gemm(_plan.Gemm, Product(slot, at.Inner, inner, back.Up, inner, _state.Zeros, at.Attention, stride) with { Residual = at.Output },
            _plan.Hidden, _plan.Inner);

        ulong attention = NormBackward(saved.AttentionSum, saved.AttentionStatistics, weights.AttentionNorm, at.Attention, at.AttentionDropped,
            at.AttentionSums, DropoutSite.AttentionOutput);
        launcher.Gemm(_plan.Gemm, Product(slot, attention, stride, back.AttentionOutput, stride, _state.Zeros, at.Context, stride), _plan.Hidden, _plan.Hidden);
        AttentionBackwardArguments gradients = new()
        {
            Forward = Attention(slot, index),
            DContext = at.Context,
            DQuery = at.QueryKeyValue,
            DKey = at.QueryKeyValue + stride,
            DValue = at.QueryKeyValue + 2 * stride,
            Deltas = at.Deltas,
            Buckets = _state.Buckets,
            BiasSums = Network.Encoder.RelativeAttentionBias is { } bias && Gradient(bias) != 0
                ? at.BiasSums + (ulong)(index * slot.Ids.TileCount) * BytesOf(bias) : 0,
            Factor = (float)(1 / Math.Sqrt(_config.HeadSize)),
        };
        (int blocks, int heads) = _arguments.AttentionGrid(slot.Ids, _plan.QueryGradient);
        launcher.AttentionBackward(_plan.QueryGradient, gradients, blocks, heads);
        launcher.AttentionBackward(_plan.KeyValueGradient, gradients, blocks, heads);

        at.Tables.Run(launcher, _config.NumHiddenLayers - 1 - index, adds);
        launcher.Gemm(_plan.Gemm,
            Product(slot, at.QueryKeyValue, 3 * stride, back.QueryKeyValue, 3 * stride, _state.Zeros, at.Output, stride) with { Residual = at.Attention },
            _plan.Hidden, 3 * _plan.Hidden);

        ulong NormBackward(ulong x, ulong statistics, CudaNorm norm, ulong dy, ulong dropped, ulong sums, DropoutSite site)
        {
            bool drops = IsDropped(slot);
            LayerNormBackward(slot, x, statistics, norm, dy, drops ? dropped : 0, sums, Mask(slot, site, index, 0),
                Mask(slot, site, index, _config.HiddenDropout));
            return drops ? dropped : dy;
        }
    }

    private void LayerNormBackward(CudaSlot slot, ulong x, ulong statistics, CudaNorm norm, ulong dy, ulong dropped, ulong sums, DropoutArguments above,
        DropoutArguments below) => _device.Launcher.LayerNormBackward(_plan.LayerNormBackward, new LayerNormBackwardArguments
        {
            Dy = dy,
            X = x,
            Dx = dy,
            Dropped = dropped,
            Statistics = statistics,
            Gamma = norm.Gamma,
            Sums = sums,
            Above = above,
            Below = below,
            Stride = _plan.RowBytes,
            Rows = (uint)slot.Ids.Rows,
            Width = (uint)_config.HiddenSize,
            Padded = (uint)_plan.Hidden,
        });

    private void BackwardEmbeddings(CudaSlot slot, bool adds)
    {
        CudaTrainingWorkspace at = _workspace!;
        EncoderWeights encoder = Network.Encoder;
        LayerNormBackward(slot, slot.EmbeddingSum, slot.EmbeddingStatistics, _weights.EmbeddingNorm, at.Output, 0, at.OutputSums,
            Mask(slot, DropoutSite.Embeddings, 0, _config.HiddenDropout), Mask(slot, DropoutSite.Embeddings, 0, 0));
        at.Tables.Run(_device.Launcher, _config.NumHiddenLayers, adds);
        PackedBatch batch = slot.Batch!;
        Table(encoder.WordEmbeddings, row => batch.TokenIds[row], _config.PadTokenId);
        Table(encoder.PositionEmbeddings, row => batch.Positions[row], _config.PadPosition);
        Table(encoder.TokenTypeEmbeddings, row => batch.TypeIds[row], null);

        void Table(Tensor? table, Func<int, int> id, int? padding)
        {
            if (Gradient(table) is not (> 0 and var gradient)) { return; }
            at.Runs.Upload(id, batch.Rows, padding);
            if (at.Runs.IdCount == 0) { return; }
            _device.Launcher.EmbeddingGradient(_plan.EmbeddingSums, new EmbeddingGradientArguments
            {
                Dx = at.Output,
                Order = at.Runs.Order,
                Segments = at.Runs.Segments,
                Sums = at.EmbeddingSums,
                Ids = at.Runs.Ids,
                Runs = at.Runs.Runs,
                Gradient = gradient,
                Stride = _plan.RowBytes,
                Width = (uint)_config.HiddenSize,
            }, at.Runs.SegmentCount, at.Runs.IdCount);
        }
    }
}
