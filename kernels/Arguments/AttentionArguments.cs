namespace MiniLM.Kernels;

/// <summary>context = softmax(q k^T / sqrt(headSize) + bias) v within each sequence. Addresses are the GPU's; strides are in bytes.</summary>
public struct AttentionArguments
{
    /// <summary>[rows, heads * headSize] each, one stride.</summary>
    public ulong Query, Key, Value;

    /// <summary>[rows, heads * headSize].</summary>
    public ulong Context;

    /// <summary>int32 [sequences + 1]: first row of each sequence.</summary>
    public ulong Offsets;

    /// <summary>int32 pairs (sequence, first query) of each block of queries (the kernels of tier G).</summary>
    public ulong Tiles;

    /// <summary>fp32 [heads, BiasWidth]: what a score gets for the distance (key's column - query's), times log2 e;
    /// its middle is distance 0, farther ones share its ends; or 0.</summary>
    public ulong Bias;

    /// <summary>int32 [rows]: places in the padded original (relative bias).</summary>
    public ulong Columns;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideQuery, StrideContext;

    /// <summary>Elements of a head.</summary>
    public uint HeadSize;

    /// <summary>Distances in the bias table, odd.</summary>
    public uint BiasWidth;

    /// <summary>Keys that fit in shared memory at a time (the kernels of tier A).</summary>
    public uint ResidentKeys;

    /// <summary>log2 e / sqrt(headSize): softmax is computed with powers of two.</summary>
    public float Scale;
}
