using MiniLM.Kernels;
using MiniLM.Model;

namespace MiniLM.Cuda;

/// <summary>What the kernels of a network are given, in inference and in training alike.</summary>
internal sealed class EncoderArguments(CudaPlan plan, CudaWeights weights, Network network)
{
    private readonly EncoderConfig _config = network.Config;

    internal LayerNormArguments Norm(int rows, ulong x, ulong y, CudaNorm norm) => new()
    {
        X = x,
        Y = y,
        Gamma = norm.Gamma,
        Beta = norm.Beta,
        StrideX = plan.RowBytes,
        StrideY = plan.RowBytes,
        Rows = (uint)rows,
        Width = (uint)_config.HiddenSize,
        Padded = (uint)plan.Hidden,
        Epsilon = _config.LayerNormEps,
    };

    internal EmbeddingArguments Embedding(CudaBatch batch, ulong x, ulong y) => new()
    {
        Words = weights.Words,
        Positions = weights.Positions,
        Types = weights.Types,
        WordIds = batch.WordIds,
        PositionIds = batch.PositionIds,
        TypeIds = batch.TypeIds,
        Norm = Norm(batch.Rows, x, y, weights.EmbeddingNorm),
    };

    /// <summary>Of a layer's matrix, in the plan's storage.</summary>
    internal GemmArguments Product(int rows, ulong a, uint strideA, CudaLinear linear, ulong c, uint strideC) => new()
    {
        A = a,
        B = linear.Weight,
        C = c,
        Bias = linear.Bias,
        StrideA = strideA,
        StrideB = (uint)(linear.Inputs * plan.ElementBytes),
        StrideC = strideC,
        Rows = (uint)rows,
    };

    /// <summary>The same with the LayerNorm in its epilogue.</summary>
    internal GemmArguments Normalized(GemmArguments product, ulong y, CudaNorm norm) =>
        product with { C = y, Gamma = norm.Gamma, Beta = norm.Beta, Epsilon = _config.LayerNormEps };

    internal AttentionArguments Attention(CudaBatch batch, ulong queryKeyValue, ulong context) => new()
    {
        Query = queryKeyValue,
        Key = queryKeyValue + plan.RowBytes,
        Value = queryKeyValue + 2 * plan.RowBytes,
        Context = context,
        Offsets = batch.Offsets,
        Tiles = batch.Tiles,
        Columns = batch.Columns,
        Bias = weights.Bias,
        BiasWidth = (uint)CudaWeights.BiasWidth,
        StrideQuery = 3 * plan.RowBytes,
        StrideContext = plan.RowBytes,
        HeadSize = (uint)_config.HeadSize,
        ResidentKeys = plan.AttentionOnTensorCores ? (uint)Math.Min(MostResidentKeys, CudaDevice.RoundUp(batch.Longest, 64)) : 0,
        Scale = (float)(1 / Math.Log(2) / Math.Sqrt(_config.HeadSize)),
    };

    private const int MostResidentKeys = 256; // of a head, in shared memory at a time, on tensor cores

    /// <summary>On tensor cores a block a sequence and head; else one a tile of rows and piece of a head.</summary>
    internal (int Blocks, int Heads) AttentionGrid(CudaBatch batch, string kernel)
    {
        if (plan.AttentionOnTensorCores) { return (batch.Sequences, _config.NumAttentionHeads); }
        int width = KernelInfo.All[kernel].TileColumns;
        return (batch.TileCount, _config.NumAttentionHeads * ((_config.HeadSize + width - 1) / width));
    }

    /// <summary>One of the poolings, whose rows lie behind each other in a row of <paramref name="y"/>.</summary>
    internal PoolingArguments Pooling(CudaBatch batch, int mode, ulong x, ulong y, int promptRows) => new()
    {
        X = x,
        Y = y + (ulong)(mode * _config.HiddenSize * 4),
        Offsets = batch.Offsets,
        Columns = batch.Columns,
        StrideX = plan.RowBytes,
        StrideY = (uint)CudaPlan.HeadWidth(network.PooledSize) * 4,
        Width = (uint)_config.HiddenSize,
        Skip = (uint)promptRows,
        Mode = (uint)network.Pooling[mode],
    };
}
