using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The gradients of embedding tables, without atomics: the host sorts the batch's rows by id, segments are summed in order, then an id's
/// segments.</summary>
/// <remarks>A thread a column; a warp's loads are whole lines. Segments bound how long one thread adds, where all rows have one id (token types).
/// The grids are (segments, width / 128 rounded up) and (ids, the same). Bound: memory.</remarks>
public static class EmbeddingGradient
{
    private const int Threads = 128;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void EmbeddingSumsF32(EmbeddingGradientArguments g) => Sum<Float32>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void EmbeddingSumsF16(EmbeddingGradientArguments g) => Sum<Float16>(g);

    [Kernel(80, Threads, TileColumns = Threads)]
    public static void EmbeddingSumsBF16(EmbeddingGradientArguments g) => Sum<BFloat16>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void EmbeddingGradientF32(EmbeddingGradientArguments g)
    {
        uint column = (uint)Grid.IdxY * Threads + (uint)Group.IdxX;
        if (column >= g.Width) { return; }
        ulong run = g.Runs + Wide((uint)Grid.IdxX, 4), to = g.Gradient + Wide(Load(g.Ids + Wide((uint)Grid.IdxX, 4), 0), g.Width * 4) + Wide(column, 4);
        float total = 0;
        for (uint segment = Load(run, 0); segment < Load(run, 4); segment++) { total += LoadFloat(g.Sums + Wide(segment, g.Width * 4) + Wide(column, 4), 0); }
        Store(to, 0, LoadFloat(to, 0) + total);
    }

    private static void Sum<TElement>(EmbeddingGradientArguments g) where TElement : struct, IElement
    {
        uint column = (uint)Grid.IdxY * Threads + (uint)Group.IdxX;
        if (column >= g.Width) { return; }
        ulong segment = g.Segments + Wide((uint)Grid.IdxX, 4), dx = g.Dx + Wide(column, TElement.Bytes);
        float total = 0;
        for (uint i = Load(segment, 0); i < Load(segment, 4); i++) { total += TElement.Load(dx + Wide(Load(g.Order + Wide(i, 4), 0), g.Stride)); }
        Store(g.Sums + Wide((uint)Grid.IdxX, g.Width * 4) + Wide(column, 4), 0, total);
    }
}
