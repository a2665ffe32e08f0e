namespace MiniLM.Kernels;

/// <summary>Embedding, LayerNorm, pooling: kernels over rows. Addresses are the GPU's; strides are in bytes.</summary>
public struct RowArguments
{
    /// <summary>Input rows; for the embedding the word table.</summary>
    public ulong X;

    /// <summary>Position table.</summary>
    public ulong Positions;

    /// <summary>Token type table, or 0.</summary>
    public ulong Types;

    /// <summary>int32 [Rows]: word ids, position ids, type ids.</summary>
    public ulong WordIds, PositionIds, TypeIds;

    /// <summary>fp32 [Padded].</summary>
    public ulong Gamma, Beta;

    /// <summary>Result.</summary>
    public ulong Y;

    /// <summary>int32 [sequences + 1]: first row of each sequence (pooling).</summary>
    public ulong Offsets;

    /// <summary>int32 [Rows]: places in the padded original (weighted mean).</summary>
    public ulong Columns;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideX, StrideY;

    /// <summary>Rows of Y.</summary>
    public uint Rows;

    /// <summary>Elements of a row.</summary>
    public uint Width;

    /// <summary>Elements of a row with its padding, which is written as zeros.</summary>
    public uint Padded;

    /// <summary>Rows at the start of a sequence that pooling leaves out, all but the last.</summary>
    public uint Skip;

    /// <summary>LayerNorm's epsilon.</summary>
    public float Epsilon;

    /// <summary>Model.PoolingMode as a number (pooling).</summary>
    public uint Mode;
}
