namespace MiniLM.Kernels;

/// <summary>y = LayerNorm(x) over rows. Addresses are the GPU's; strides are in bytes.</summary>
public struct LayerNormArguments
{
    /// <summary>[Rows, Padded].</summary>
    public ulong X;

    /// <summary>[Rows, Padded]. May be X.</summary>
    public ulong Y;

    /// <summary>fp32 [Padded].</summary>
    public ulong Gamma, Beta;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideX, StrideY;

    /// <summary>Rows of X and Y.</summary>
    public uint Rows;

    /// <summary>Elements of a row.</summary>
    public uint Width;

    /// <summary>Elements of a row with its padding, which is written as zeros.</summary>
    public uint Padded;

    /// <summary>Added to the variance.</summary>
    public float Epsilon;
}
