namespace MiniLM.Kernels;

/// <summary>Sums of partial sums, many in one launch. Addresses are the GPU's.</summary>
public struct SumPartsArguments
{
    /// <summary><see cref="PartialSum"/> [sums].</summary>
    public ulong Sums;

    /// <summary>int32 (sum, first value) of each piece of a sum.</summary>
    public ulong Pieces;

    /// <summary>1: adds to what is there; 0: overwrites it.</summary>
    public uint Adds;
}

/// <summary>to[i] = or += from[i] + from[i + stride] + ... over all parts, in their order; in the GPU's memory.</summary>
/// <remarks><c>SumParts</c> reads fields at the offsets that stand here.</remarks>
public struct PartialSum
{
    /// <summary>Values of a piece, a block's.</summary>
    internal const int Piece = 1024;

    internal const int Bytes = 32, FromAt = 0, ToAt = 8, CountAt = 16, PartsAt = 20, StrideAt = 24;

    /// <summary>fp32: the first part.</summary>
    public ulong From;

    /// <summary>fp32 [Count].</summary>
    public ulong To;

    /// <summary>Values of a part.</summary>
    public uint Count;

    /// <summary>Parts.</summary>
    public uint Parts;

    /// <summary>Bytes from a part to the next.</summary>
    public ulong Stride;
}
