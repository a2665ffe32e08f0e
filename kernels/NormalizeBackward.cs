using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>dx = (dy - y (y dy)) / |x| with y = x / |x|, over fp32 rows of the head, in place; below the floor of 1e-12 dx = dy / 1e-12.</summary>
/// <remarks>A warp a row, four warps a block; the order of the sums depends on the width alone. The grid is (rows / 4 rounded up, 1).</remarks>
public static class NormalizeBackward
{
    private const int Threads = 128, Warps = Threads / 32;

    [Kernel(60, Threads, TileRows = Warps)]
    public static void NormalizeBackwardF32(NormalizeBackwardArguments g)
    {
        uint row = (uint)Grid.IdxX * Warps + ((uint)Group.IdxX >> 5), lane = (uint)Group.IdxX & 31;
        if (row >= g.Rows) { return; }
        ulong x = g.X + Wide(row, g.Stride), dy = g.Dy + Wide(row, g.Stride);
        float squares = 0;
        for (uint d = lane; d < g.Width; d += 32)
        {
            float value = LoadFloat(x + Wide(d, 4), 0);
            squares = Fma(value, value, squares);
        }
        float norm = SquareRoot(WarpReduction.Sum(squares)), dot = 0;
        bool isBelow = norm < 1e-12f; // a NaN is not
        if (isBelow) { norm = 1e-12f; }
        for (uint d = lane; d < g.Width; d += 32) { dot = Fma(Divide(LoadFloat(x + Wide(d, 4), 0), norm), LoadFloat(dy + Wide(d, 4), 0), dot); }
        dot = WarpReduction.Sum(dot);
        if (isBelow) { dot = 0; }
        for (uint d = lane; d < g.Width; d += 32)
        {
            float y = Divide(LoadFloat(x + Wide(d, 4), 0), norm);
            Store(dy + Wide(d, 4), 0, Divide(Fma(-y, dot, LoadFloat(dy + Wide(d, 4), 0)), norm));
        }
    }
}
