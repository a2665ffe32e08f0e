namespace MiniLM.Kernels;

/// <summary>C = activation(A B^T + bias) + residual, or its LayerNorm. Addresses are the GPU's; strides are in bytes and multiples of 16.</summary>
/// <remarks>Compiled into the kernels and into the host: a field has the same place on both sides.</remarks>
public struct GemmArguments
{
    /// <summary>[Rows, depth].</summary>
    public ulong A;

    /// <summary>[columns, depth], as the model stores a weight; columns up to the tile's multiple, padded with zeros.</summary>
    public ulong B;

    /// <summary>[Rows, columns].</summary>
    public ulong C;

    /// <summary>fp32 [columns].</summary>
    public ulong Bias;

    /// <summary>[Rows, columns] with C's stride, or 0. May be C.</summary>
    public ulong Residual;

    /// <summary>fp32 [columns]: LayerNorm's scale, where the kernel normalizes.</summary>
    public ulong Gamma;

    /// <summary>fp32 [columns]: LayerNorm's shift.</summary>
    public ulong Beta;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideA, StrideB, StrideC;

    /// <summary>Rows of A and C; the last tile is cut.</summary>
    public uint Rows;

    /// <summary>Depth in steps of the kernel's tile; what pads the depth is zero in A and B.</summary>
    public uint Steps;

    /// <summary>LayerNorm's epsilon.</summary>
    public float Epsilon;
}
