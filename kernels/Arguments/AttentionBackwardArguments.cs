namespace MiniLM.Kernels;

/// <summary>The gradients of q, k and v. Addresses are the GPU's.</summary>
/// <remarks>
/// With P the dropped probabilities: dv = P^T dc; dp = (dc v^T) dropped alike; ds = p (dp - delta), delta the sum of dc times context of a query's head;
/// dq = ds k / sqrt(headSize), dk likewise.
/// </remarks>
public struct AttentionBackwardArguments
{
    /// <summary>As on the way forward.</summary>
    public AttentionTrainingArguments Forward;

    /// <summary>[rows, heads * headSize], with the context's stride: its gradient.</summary>
    public ulong DContext;

    /// <summary>[rows, heads * headSize] each, with the query's stride.</summary>
    public ulong DQuery, DKey, DValue;

    /// <summary>fp32 [heads, Rows]: written with DQuery, read for DKey and DValue.</summary>
    public ulong Deltas;

    /// <summary>int32 [BiasWidth]: the bucket of each distance, below 32 (relative bias).</summary>
    public ulong Buckets;

    /// <summary>fp32 [tiles, 32, heads]: of each block's queries the sums of ds by bucket, or 0.</summary>
    public ulong BiasSums;

    /// <summary>1 / sqrt(headSize).</summary>
    public float Factor;
}
