using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Adds partial sums to gradients: of splits over tokens, of blocks of rows. In the parts' order, so the same bits every time.</summary>
/// <remarks>A thread a value. The grid is (the longest sum / 256 rounded up, sums). Bound: memory.</remarks>
public static class SumParts
{
    private const int Threads = 256;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void SumPartsF32(SumPartsArguments g)
    {
        ulong sum = g.Sums + Wide((uint)Grid.IdxY, PartialSum.Bytes);
        uint i = (uint)Grid.IdxX * Threads + (uint)Group.IdxX, parts = Load(sum, PartialSum.PartsAt);
        if (i >= Load(sum, PartialSum.CountAt)) { return; }
        ulong from = LoadWide(sum, PartialSum.FromAt) + Wide(i, 4), to = LoadWide(sum, PartialSum.ToAt) + Wide(i, 4);
        ulong stride = LoadWide(sum, PartialSum.StrideAt);
        float total = 0;
        for (uint part = 0; part < parts; part++)
        {
            total += LoadFloat(from, 0);
            from += stride;
        }
        Store(to, 0, LoadFloat(to, 0) + total);
    }
}
