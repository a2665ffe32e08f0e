using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>y = x / max(|x|, 1e-12) over fp32 rows of the head, in place.</summary>
/// <remarks>A warp a row, four warps a block; the order of the sum depends on the width alone. The grid is (rows / 4 rounded up, 1).</remarks>
public static class Normalize
{
    private const int Threads = 128, Warps = Threads / 32;

    [Kernel(60, Threads, TileRows = Warps)]
    public static void NormalizeF32(NormalizeArguments g)
    {
        uint row = (uint)Grid.IdxX * Warps + ((uint)Group.IdxX >> 5), lane = (uint)Group.IdxX & 31;
        if (row >= g.Rows) { return; }
        ulong x = g.X + Wide(row, g.StrideX);
        float squares = 0;
        for (uint d = lane; d < g.Width; d += 32)
        {
            float value = LoadFloat(x + Wide(d, 4), 0);
            squares = Fma(value, value, squares);
        }
        float norm = SquareRoot(WarpReduction.Sum(squares));
        norm = norm < 1e-12f ? 1e-12f : norm; // not max: a NaN must stay one
        for (uint d = lane; d < g.Width; d += 32) { Store(x + Wide(d, 4), 0, Divide(LoadFloat(x + Wide(d, 4), 0), norm)); }
    }
}
