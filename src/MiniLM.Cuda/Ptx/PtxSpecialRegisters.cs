namespace MiniLM.Cuda.Ptx;

/// <summary>Names of the predefined read-only registers.</summary>
internal static class PtxSpecialRegisters
{
    private static readonly HashSet<string> Names = new(StringComparer.Ordinal)
    {
        "%tid", "%tid.x", "%tid.y", "%tid.z", "%ntid", "%ntid.x", "%ntid.y", "%ntid.z",
        "%ctaid", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid", "%nctaid.x", "%nctaid.y", "%nctaid.z",
        "%laneid", "%warpid", "%nwarpid", "%smid", "%nsmid", "%gridid", "%warpsize", "WARP_SZ",
        "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge", "%lanemask_gt",
        "%clock", "%clock_hi", "%clock64", "%globaltimer", "%globaltimer_lo", "%globaltimer_hi",
        "%total_smem_size", "%dynamic_smem_size", "%aggr_smem_size",
    };

    internal static bool Contains(string name) => Names.Contains(name);
}
