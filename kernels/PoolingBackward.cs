using ILGPU;
using MiniLM.Model;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The gradient of each row from that of its sequence's pooled row.</summary>
/// <remarks>A thread a column, 128 columns a block; rows that pooling leaves out get zeros. Of a maximum the first row that holds it gets all.
/// Bound: memory. The grid is (sequences, padded width / 128 rounded up).</remarks>
public static class PoolingBackward
{
    private const int Threads = 128;

    private const uint Cls = (uint)PoolingMode.Cls, Max = (uint)PoolingMode.Max, MeanSqrtLen = (uint)PoolingMode.MeanSqrtLen,
        WeightedMean = (uint)PoolingMode.WeightedMean, LastToken = (uint)PoolingMode.LastToken;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void PoolingBackwardF32(PoolingBackwardArguments b) => Run<Float32>(b);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void PoolingBackwardF16(PoolingBackwardArguments b) => Run<Float16>(b);

    [Kernel(80, Threads, TileColumns = Threads)]
    public static void PoolingBackwardBF16(PoolingBackwardArguments b) => Run<BFloat16>(b);

    private static void Run<TElement>(PoolingBackwardArguments b) where TElement : struct, IElement
    {
        PoolingArguments g = b.Pooling;
        uint column = (uint)Grid.IdxY * Threads + (uint)Group.IdxX, sequence = (uint)Grid.IdxX;
        if (column >= b.Padded) { return; }
        ulong offset = g.Offsets + Wide(sequence, 4);
        uint start = Load(offset, 0), end = Load(offset, 4), first = start + g.Skip;
        if (first >= end) { first = end - 1; }
        uint last = g.Mode == Cls ? first + 1 : end, origin = Load(g.Columns + Wide(first, 4), 0);
        if (g.Mode == LastToken) { first = end - 1; }
        float dy = 0, weights = 0;
        if (column < g.Width) { dy = LoadFloat(g.Y + Wide(sequence, g.StrideY) + Wide(column, 4), 0); }
        ulong x = g.X + Wide(column, TElement.Bytes);
        uint greatestRow = first;
        float greatest = float.NegativeInfinity;
        for (uint row = first; row < last; row++)
        {
            weights += g.Mode == WeightedMean ? ToFloat(Load(g.Columns + Wide(row, 4), 0) - origin + 1) : 1;
            if (g.Mode == Max)
            {
                float value = TElement.Load(x + Wide(row, g.StrideX));
                if (value > greatest)
                {
                    greatest = value;
                    greatestRow = row;
                }
            }
        }
        if (g.Mode == Max)
        {
            first = greatestRow;
            last = greatestRow + 1;
            weights = 1;
        }
        float share = Divide(dy, g.Mode == MeanSqrtLen ? SquareRoot(weights) : weights);
        ulong to = b.Dx + Wide(start, g.StrideX) + Wide(column, TElement.Bytes);
        for (uint row = start; row < end; row++)
        {
            float gradient = 0;
            if (row >= first & row < last) { gradient = g.Mode == WeightedMean ? ToFloat(Load(g.Columns + Wide(row, 4), 0) - origin + 1) * share : share; }
            if (b.Adds != 0) { gradient += TElement.Load(to); }
            TElement.Store(to, gradient);
            to += g.StrideX;
        }
    }
}
