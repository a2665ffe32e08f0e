namespace MiniLM.Kernels;

/// <summary>dy *= the activation's slope at x, over fp32 rows of the head. Addresses are the GPU's.</summary>
public struct ActivationBackwardArguments
{
    /// <summary>fp32 [Rows, Padded]: what went into the activation.</summary>
    public ulong X;

    /// <summary>fp32 [Rows, Padded]: the gradient, in place.</summary>
    public ulong Dy;

    /// <summary>Bytes from a row to the next, of both.</summary>
    public uint Stride;

    /// <summary>Elements of a row with its padding.</summary>
    public uint Padded;
}
