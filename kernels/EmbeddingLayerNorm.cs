using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>y = LayerNorm(word + position + type), and the LayerNorm alone for rows that a GEMM has written.</summary>
/// <remarks>
/// A warp a row, four warps a block; a lane takes 4 consecutive elements every 128, so loads and stores are whole lines.
/// The row waits in shared memory (each lane reads back what it wrote itself: no barrier, no conflict) for the two further passes:
/// mean, then variance of the centred values, like the reference. Sums are counted from the row's first element: equal elements then
/// have exactly that mean and give exactly beta. The order of a sum depends on the width alone. Bound: memory.
/// The grid is (rows / 4 rounded up, 1); shared memory is 4 warps * 4 bytes * Padded.
/// </remarks>
public static class EmbeddingLayerNorm
{
    private const int Threads = 128, Warps = Threads / 32;

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void EmbeddingLayerNormF32(EmbeddingArguments g) => Embed<Float32>(g);

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void EmbeddingLayerNormF16(EmbeddingArguments g) => Embed<Float16>(g);

    [Kernel(80, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void EmbeddingLayerNormBF16(EmbeddingArguments g) => Embed<BFloat16>(g);

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void LayerNormF32(LayerNormArguments g) => Normalize<Float32>(g);

    [Kernel(60, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void LayerNormF16(LayerNormArguments g) => Normalize<Float16>(g);

    [Kernel(80, Threads, TileRows = Warps, SharedBytesPerUnit = Warps * 4)]
    public static void LayerNormBF16(LayerNormArguments g) => Normalize<BFloat16>(g);

    private static void Embed<TElement>(EmbeddingArguments g) where TElement : struct, IElement
    {
        uint warp = (uint)Group.IdxX >> 5, row = (uint)Grid.IdxX * Warps + warp;
        if (row >= g.Norm.Rows) { return; }
        uint mine = SharedBase() + warp * g.Norm.Padded * 4;
        Gather<TElement>(g, mine, row);
        Finish<TElement>(g.Norm, mine, row);
    }

    private static void Normalize<TElement>(LayerNormArguments g) where TElement : struct, IElement
    {
        uint warp = (uint)Group.IdxX >> 5, row = (uint)Grid.IdxX * Warps + warp;
        if (row >= g.Rows) { return; }
        uint mine = SharedBase() + warp * g.Padded * 4;
        Read<TElement>(g, mine, row);
        Finish<TElement>(g, mine, row);
    }

    /// <summary>word + position + type of a row into shared memory.</summary>
    internal static void Gather<TElement>(EmbeddingArguments g, uint mine, uint row) where TElement : struct, IElement
    {
        ulong index = Wide(row, 4);
        ulong word = g.Words + Wide(Load(g.WordIds + index, 0), g.Norm.StrideX), position = g.Positions + Wide(Load(g.PositionIds + index, 0), g.Norm.StrideX);
        ulong type = g.Types == 0 ? 0 : g.Types + Wide(Load(g.TypeIds + index, 0), g.Norm.StrideX);
        for (uint d = ((uint)Group.IdxX & 31) * 4; d < g.Norm.Padded; d += 128)
        {
            ulong at = Wide(d, TElement.Bytes);
            Float4 x = TElement.Load4If(true, word + at, 0), p = TElement.Load4If(true, position + at, 0), t = TElement.Load4If(g.Types != 0, type + at, 0);
            StoreShared(mine + d * 4, 0, new Float4 { X = x.X + p.X + t.X, Y = x.Y + p.Y + t.Y, Z = x.Z + p.Z + t.Z, W = x.W + p.W + t.W });
        }
        WarpBarrier();
    }

    /// <summary>A row of x into shared memory.</summary>
    internal static void Read<TElement>(LayerNormArguments g, uint mine, uint row) where TElement : struct, IElement
    {
        ulong x = g.X + Wide(row, g.StrideX);
        for (uint d = ((uint)Group.IdxX & 31) * 4; d < g.Padded; d += 128)
        {
            StoreShared(mine + d * 4, 0, TElement.Load4If(true, x + Wide(d, TElement.Bytes), 0));
        }
        WarpBarrier(); // lane 0's first element is everybody's origin
    }

    private static void Finish<TElement>(LayerNormArguments g, uint mine, uint row) where TElement : struct, IElement
    {
        Float2 statistics = Statistics(g, mine);
        for (uint d = ((uint)Group.IdxX & 31) * 4; d < g.Padded; d += 128)
        {
            TElement.Store4(g.Y + Wide(row, g.StrideY) + Wide(d, TElement.Bytes), Normalized(g, mine, d, statistics));
        }
    }

    /// <summary>Mean and 1 / standard deviation of the row in shared memory.</summary>
    internal static Float2 Statistics(LayerNormArguments g, uint mine)
    {
        uint first = ((uint)Group.IdxX & 31) * 4;
        float origin = LoadSharedFloat(mine, 0), sum = 0, squares = 0, count = ToFloat(g.Width);
        for (uint d = first; d < g.Padded; d += 128)
        {
            Float4 x = LoadSharedFloat4(mine + d * 4, 0);
            sum += Within(d, g.Width, x.X - origin) + Within(d + 1, g.Width, x.Y - origin)
                + (Within(d + 2, g.Width, x.Z - origin) + Within(d + 3, g.Width, x.W - origin));
        }
        float mean = origin + Divide(WarpReduction.Sum(sum), count);
        for (uint d = first; d < g.Padded; d += 128)
        {
            Float4 x = LoadSharedFloat4(mine + d * 4, 0);
            float a = Within(d, g.Width, x.X - mean), b = Within(d + 1, g.Width, x.Y - mean), c = Within(d + 2, g.Width, x.Z - mean),
                e = Within(d + 3, g.Width, x.W - mean);
            squares = Fma(a, a, Fma(b, b, Fma(c, c, Fma(e, e, squares))));
        }
        return new Float2 { X = mean, Y = Divide(1, SquareRoot(Divide(WarpReduction.Sum(squares), count) + g.Epsilon)) };
    }

    /// <summary>Four elements of y. Gamma and beta are zero past the width, and so is y.</summary>
    internal static Float4 Normalized(LayerNormArguments g, uint mine, uint d, Float2 statistics)
    {
        float mean = statistics.X, rstd = statistics.Y;
        Float4 x = LoadSharedFloat4(mine + d * 4, 0), gamma = LoadFloat4(g.Gamma + Wide(d, 4), 0), beta = LoadFloat4(g.Beta + Wide(d, 4), 0);
        return new Float4
        {
            X = Fma((x.X - mean) * rstd, gamma.X, beta.X),
            Y = Fma((x.Y - mean) * rstd, gamma.Y, beta.Y),
            Z = Fma((x.Z - mean) * rstd, gamma.Z, beta.Z),
            W = Fma((x.W - mean) * rstd, gamma.W, beta.W),
        };
    }

    internal static float Within(uint d, uint width, float value) => d < width ? value : 0;
}
