using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Adds partial sums, of splits over tokens and of blocks of rows, to gradients or puts them in their place. In the parts' order, so the same bits
/// every time.</summary>
/// <remarks>A block a piece of 1,024 values, a thread four of them, 256 apart. The grid is (pieces of all sums, 1). Bound: memory.</remarks>
public static class SumParts
{
    private const int Threads = 256;

    [Kernel(60, Threads)]
    public static void SumPartsF32(SumPartsArguments g)
    {
        ulong piece = g.Pieces + Wide((uint)Grid.IdxX, 8), sum = g.Sums + Wide(Load(piece, 0), PartialSum.Bytes);
        uint first = Load(piece, 4) + (uint)Group.IdxX, parts = Load(sum, PartialSum.PartsAt), count = Load(sum, PartialSum.CountAt);
        ulong from = LoadWide(sum, PartialSum.FromAt) + Wide(first, 4), to = LoadWide(sum, PartialSum.ToAt) + Wide(first, 4);
        ulong stride = LoadWide(sum, PartialSum.StrideAt);
        float[] total = new float[PartialSum.Piece / Threads];
        for (uint part = 0; part < parts; part++)
        {
            for (int i = 0; i < PartialSum.Piece / Threads; i++)
            {
                if (first + (uint)i * Threads < count) { total[i] += LoadFloat(from, i * Threads * 4); }
            }
            from += stride;
        }
        for (int i = 0; i < PartialSum.Piece / Threads; i++)
        {
            if (first + (uint)i * Threads < count)
            {
                if (g.Adds != 0) { total[i] += LoadFloat(to, i * Threads * 4); }
                Store(to, i * Threads * 4, total[i]);
            }
        }
    }
}
