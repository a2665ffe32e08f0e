namespace MiniLM.Kernels;

/// <summary>What a LayerNorm passes back. Addresses are the GPU's; rows have one stride, in bytes.</summary>
/// <remarks>With n = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - n mean(g n)).</remarks>
public struct LayerNormBackwardArguments
{
    /// <summary>[Rows, Padded]: the gradient of what it gave.</summary>
    public ulong Dy;

    /// <summary>[Rows, Padded]: what was normalised.</summary>
    public ulong X;

    /// <summary>[Rows, Padded]: the gradient of that; may be Dy.</summary>
    public ulong Dx;

    /// <summary>[Rows, Padded]: Dx as it passes the dropout before the sum, for the product behind it; or 0.</summary>
    public ulong Dropped;

    /// <summary>fp32 [Rows, 2]: mean and 1 / standard deviation.</summary>
    public ulong Statistics;

    /// <summary>fp32 [Padded].</summary>
    public ulong Gamma;

    /// <summary>fp32 [blocks, 2, Padded]: of each block's rows the sums of dy n (for gamma) and of dy (for beta).</summary>
    public ulong Sums;

    /// <summary>Of Dy as it comes: the embeddings' dropout lies behind their LayerNorm.</summary>
    public DropoutArguments Above;

    /// <summary>Of Dropped.</summary>
    public DropoutArguments Below;

    /// <summary>Bytes from a row to the next.</summary>
    public uint Stride;

    /// <summary>Rows of each.</summary>
    public uint Rows;

    /// <summary>Elements of a row.</summary>
    public uint Width;

    /// <summary>Elements of a row with its padding.</summary>
    public uint Padded;
}
