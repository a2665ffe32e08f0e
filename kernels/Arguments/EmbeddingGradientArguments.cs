namespace MiniLM.Kernels;

/// <summary>Sums of gradient rows by the id of a table. Addresses are the GPU's.</summary>
/// <remarks>Rows are sorted by id, equal ids in the batch's order, and cut into segments of one id, none longer than 64.</remarks>
public struct EmbeddingGradientArguments
{
    /// <summary>[rows, Width]: gradients of the sums of embeddings.</summary>
    public ulong Dx;

    /// <summary>int32: numbers of rows, sorted by id.</summary>
    public ulong Order;

    /// <summary>int32 [segments + 1]: where each begins in Order.</summary>
    public ulong Segments;

    /// <summary>fp32 [segments, Width]: sums of the segments.</summary>
    public ulong Sums;

    /// <summary>int32 [ids]: the id of each run of segments.</summary>
    public ulong Ids;

    /// <summary>int32 [ids + 1]: each id's first segment.</summary>
    public ulong Runs;

    /// <summary>fp32 [table's rows, Width]: what the sums are added to.</summary>
    public ulong Gradient;

    /// <summary>Bytes from a row of Dx to the next.</summary>
    public uint Stride;

    /// <summary>Elements of a row.</summary>
    public uint Width;
}
