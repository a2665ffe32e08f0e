namespace MiniLM.Kernels;

/// <summary>y = LayerNorm(word + position + type). Addresses are the GPU's.</summary>
public struct EmbeddingArguments
{
    /// <summary>Tables of words, positions and token types (or 0), one stride.</summary>
    public ulong Words, Positions, Types;

    /// <summary>int32 [Rows] each: rows of the tables.</summary>
    public ulong WordIds, PositionIds, TypeIds;

    /// <summary>What follows the sum; its X is not read, its StrideX is the tables'.</summary>
    public LayerNormArguments Norm;
}
