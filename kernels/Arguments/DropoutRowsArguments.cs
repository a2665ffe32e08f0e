namespace MiniLM.Kernels;

/// <summary>y = x where it is kept, over fp32 rows. Addresses are the GPU's; strides are in bytes.</summary>
public struct DropoutRowsArguments
{
    /// <summary>[Rows, Padded].</summary>
    public ulong X;

    /// <summary>[Rows, Padded]. May be X.</summary>
    public ulong Y;

    /// <summary>Which values are kept.</summary>
    public DropoutArguments Dropout;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideX, StrideY;

    /// <summary>Rows of X and Y.</summary>
    public uint Rows;

    /// <summary>Elements of a row, a multiple of 4.</summary>
    public uint Padded;
}
