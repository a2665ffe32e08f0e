namespace MiniLM.Kernels;

/// <summary>Rows from one storage to another. Addresses are the GPU's; strides are in bytes.</summary>
public struct ConvertArguments
{
    /// <summary>[rows, Width].</summary>
    public ulong X;

    /// <summary>[rows, Padded].</summary>
    public ulong Y;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideX, StrideY;

    /// <summary>Elements of a row.</summary>
    public uint Width;

    /// <summary>Elements of a row of Y; those past the width become zeros.</summary>
    public uint Padded;
}
