using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary><see cref="EmbeddingLayerNorm"/> in training: keeps what was normalised, and each row's mean and 1 / standard deviation.</summary>
/// <remarks>A warp a row, four warps a block, the row in shared memory, as there. The grid is (rows / 4 rounded up, 1); shared memory is
/// 4 warps * 4 bytes * Padded.</remarks>
public static class LayerNormTraining
{
    private const int Threads = 128, Warps = Threads / 32;

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void EmbeddingTrainingF32(EmbeddingTrainingArguments g) => Embed<Float32>(g);

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void EmbeddingTrainingF16(EmbeddingTrainingArguments g) => Embed<Float16>(g);

    [Kernel(80, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void EmbeddingTrainingBF16(EmbeddingTrainingArguments g) => Embed<BFloat16>(g);

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void LayerNormTrainingF32(LayerNormTrainingArguments g) => Normalize<Float32>(g);

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void LayerNormTrainingF16(LayerNormTrainingArguments g) => Normalize<Float16>(g);

    [Kernel(80, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void LayerNormTrainingBF16(LayerNormTrainingArguments g) => Normalize<BFloat16>(g);

    private static void Embed<TElement>(EmbeddingTrainingArguments g) where TElement : struct, IElement
    {
        LayerNormArguments norm = g.Embedding.Norm;
        uint lane = (uint)Group.IdxX & 31, warp = (uint)Group.IdxX >> 5, row = (uint)Grid.IdxX * Warps + warp;
        if (row >= norm.Rows) { return; }
        uint mine = SharedBase() + warp * norm.Padded * 4, number = Load(g.Dropout.Rows + Wide(row, 4), 0);
        EmbeddingLayerNorm.Gather<TElement>(g.Embedding, mine, row);
        Float2 statistics = EmbeddingLayerNorm.Statistics(norm, mine);
        ulong to = Wide(row, norm.StrideY);
        for (uint d = lane * 4; d < norm.Padded; d += 128)
        {
            ulong at = to + Wide(d, TElement.Bytes);
            TElement.Store4(norm.X + at, LoadSharedFloat4(mine + d * 4, 0));
            TElement.Store4(norm.Y + at, Dropout.Drop(EmbeddingLayerNorm.Normalized(norm, mine, d, statistics), g.Dropout, number, d));
        }
        if (lane == 0) { Store(g.Statistics + Wide(row, 8), 0, statistics); }
    }

    private static void Normalize<TElement>(LayerNormTrainingArguments g) where TElement : struct, IElement
    {
        LayerNormArguments norm = g.Norm;
        uint lane = (uint)Group.IdxX & 31, warp = (uint)Group.IdxX >> 5, row = (uint)Grid.IdxX * Warps + warp;
        if (row >= norm.Rows) { return; }
        uint mine = SharedBase() + warp * norm.Padded * 4;
        EmbeddingLayerNorm.Read<TElement>(norm, mine, row);
        Float2 statistics = EmbeddingLayerNorm.Statistics(norm, mine);
        for (uint d = lane * 4; d < norm.Padded; d += 128)
        {
            TElement.Store4(norm.Y + Wide(row, norm.StrideY) + Wide(d, TElement.Bytes), EmbeddingLayerNorm.Normalized(norm, mine, d, statistics));
        }
        if (lane == 0) { Store(g.Statistics + Wide(row, 8), 0, statistics); }
    }
}
