namespace MiniLM.Kernels;

/// <summary>The table of <see cref="AttentionArguments.Bias"/> from the parameter. Addresses are the GPU's.</summary>
public struct RelativeBiasArguments
{
    /// <summary>fp32 [buckets, Heads].</summary>
    public ulong Values;

    /// <summary>int32 [Width]: the bucket of each distance.</summary>
    public ulong Buckets;

    /// <summary>fp32 [Heads, Width].</summary>
    public ulong Table;

    /// <summary>Heads.</summary>
    public uint Heads;

    /// <summary>Distances.</summary>
    public uint Width;
}
