namespace MiniLM.Kernels;

/// <summary>x = x / max(|x|, 1e-12) over rows, in place. Addresses are the GPU's; strides are in bytes.</summary>
public struct NormalizeArguments
{
    /// <summary>fp32 [Rows, Width].</summary>
    public ulong X;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideX;

    /// <summary>Rows of X.</summary>
    public uint Rows;

    /// <summary>Elements of a row.</summary>
    public uint Width;
}
