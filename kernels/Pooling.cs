using ILGPU;
using MiniLM.Model;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>One fp32 row from the rows of a sequence, as sentence-transformers pools them.</summary>
/// <remarks>
/// A thread a column, 128 columns a block: a warp reads 32 consecutive elements of a row at a time, and adds rows in their order, so a
/// sequence's result does not depend on its neighbours. Bound: memory. The grid is (sequences, width / 128 rounded up).
/// </remarks>
public static class Pooling
{
    private const int Threads = 128;

    private const uint Cls = (uint)PoolingMode.Cls, Max = (uint)PoolingMode.Max, Mean = (uint)PoolingMode.Mean, MeanSqrtLen = (uint)PoolingMode.MeanSqrtLen,
        WeightedMean = (uint)PoolingMode.WeightedMean, LastToken = (uint)PoolingMode.LastToken;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void PoolingF32(PoolingArguments g) => Run<Float32>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void PoolingF16(PoolingArguments g) => Run<Float16>(g);

    [Kernel(80, Threads, TileColumns = Threads)]
    public static void PoolingBF16(PoolingArguments g) => Run<BFloat16>(g);

    private static void Run<TElement>(PoolingArguments g) where TElement : struct, IElement
    {
        uint column = (uint)Grid.IdxY * Threads + (uint)Group.IdxX, sequence = (uint)Grid.IdxX;
        if (column >= g.Width) { return; }
        ulong offset = g.Offsets + Wide(sequence, 4);
        uint end = Load(offset, 4), first = Load(offset, 0) + g.Skip;
        if (first >= end) { first = end - 1; }
        uint last = g.Mode == Cls ? first + 1 : end;
        if (g.Mode == LastToken) { first = end - 1; }
        ulong x = g.X + Wide(first, g.StrideX) + Wide(column, TElement.Bytes);
        uint origin = Load(g.Columns + Wide(first, 4), 0);
        float y = g.Mode == Max ? float.NegativeInfinity : 0, weights = 0;
        for (uint row = first; row < last; row++)
        {
            float value = TElement.Load(x);
            float weight = g.Mode == WeightedMean ? ToFloat(Load(g.Columns + Wide(row, 4), 0) - origin + 1) : 1;
            weights += weight;
            y = g.Mode == Max ? Greater(y, value) : Fma(weight, value, y);
            x += g.StrideX;
        }
        if (g.Mode == Mean | g.Mode == WeightedMean) { y = Divide(y, weights); }
        if (g.Mode == MeanSqrtLen) { y = Divide(y, SquareRoot(weights)); }
        Store(g.Y + Wide(sequence, g.StrideY) + Wide(column, 4), 0, y);
    }

    /// <summary>The greater, and a NaN when one is.</summary>
    private static float Greater(float x, float y) => x >= y ? x : x < y ? y : x + y;
}
