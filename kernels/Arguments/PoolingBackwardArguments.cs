namespace MiniLM.Kernels;

/// <summary>What a pooling passes back to the rows of each sequence. Addresses are the GPU's; strides are in bytes.</summary>
public struct PoolingBackwardArguments
{
    /// <summary>The pooling; its Y is the gradient of what it gave.</summary>
    public PoolingArguments Pooling;

    /// <summary>[rows, Padded]: the gradient of X, with its stride.</summary>
    public ulong Dx;

    /// <summary>Elements of a row with its padding, which is written as zeros.</summary>
    public uint Padded;

    /// <summary>1: Dx is added to, for a further pooling of the same rows; 0: it is written.</summary>
    public uint Adds;
}
