namespace MiniLM.Kernels;

/// <summary>What the normalisation of rows passes back. Addresses are the GPU's.</summary>
public struct NormalizeBackwardArguments
{
    /// <summary>fp32 [Rows, Width]: what was normalised.</summary>
    public ulong X;

    /// <summary>fp32 [Rows, Width]: the gradient, in place.</summary>
    public ulong Dy;

    /// <summary>Bytes from a row to the next, of both.</summary>
    public uint Stride;

    /// <summary>Rows.</summary>
    public uint Rows;

    /// <summary>Elements of a row.</summary>
    public uint Width;
}
