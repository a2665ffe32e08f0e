namespace MiniLM.Kernels;

/// <summary>One row a sequence from the rows of each. Addresses are the GPU's; strides are in bytes.</summary>
public struct PoolingArguments
{
    /// <summary>[rows, Width].</summary>
    public ulong X;

    /// <summary>fp32 [sequences, Width].</summary>
    public ulong Y;

    /// <summary>int32 [sequences + 1]: first row of each sequence.</summary>
    public ulong Offsets;

    /// <summary>int32 [rows]: places in the padded original (weighted mean).</summary>
    public ulong Columns;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideX, StrideY;

    /// <summary>Elements of a row.</summary>
    public uint Width;

    /// <summary>Rows at the start of a sequence that are left out, all but the last.</summary>
    public uint Skip;

    /// <summary>A Model.PoolingMode.</summary>
    public uint Mode;
}
