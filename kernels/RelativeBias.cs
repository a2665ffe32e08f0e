using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>MPNet's bias by head and distance, times log2 e, from the parameter by bucket and head: after each step.</summary>
/// <remarks>A thread a distance. The grid is (heads, width / 128 rounded up).</remarks>
public static class RelativeBias
{
    private const int Threads = 128;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void RelativeBiasF32(RelativeBiasArguments g)
    {
        uint place = (uint)Grid.IdxY * Threads + (uint)Group.IdxX, head = (uint)Grid.IdxX;
        if (place >= g.Width) { return; }
        float value = LoadFloat(g.Values + Wide(Load(g.Buckets + Wide(place, 4), 0) * g.Heads + head, 4), 0);
        Store(g.Table + Wide(head * g.Width + place, 4), 0, value * 1.44269504f);
    }
}
