namespace MiniLM.Kernels;

/// <summary>dW = dy^T x and db = sum of dy, of several matrices in one launch. Addresses are the GPU's.</summary>
public struct WeightGradientArguments
{
    /// <summary><see cref="WeightGradient"/> [matrices].</summary>
    public ulong Matrices;

    /// <summary>int32 (matrix, first output, first input, 0) of each tile.</summary>
    public ulong Tiles;

    /// <summary>Rows of every dy and x.</summary>
    public uint Rows;

    /// <summary>Rows that a part sums over, a multiple of the tile's depth.</summary>
    public uint RowsOfPart;
}

/// <summary>One matrix of <see cref="WeightGradientArguments"/>, in the GPU's memory.</summary>
/// <remarks>Kernels read fields at the offsets that stand here.</remarks>
public struct WeightGradient
{
    internal const int Bytes = 48, DyAt = 0, XAt = 8, SumsAt = 16, BiasSumsAt = 24, StrideDyAt = 32, StrideXAt = 36, OutputsAt = 40, InputsAt = 44;

    /// <summary>[rows, Outputs].</summary>
    public ulong Dy;

    /// <summary>[rows, Inputs].</summary>
    public ulong X;

    /// <summary>fp32 [parts, Outputs, Inputs].</summary>
    public ulong Sums;

    /// <summary>fp32 [parts, Outputs], or 0.</summary>
    public ulong BiasSums;

    /// <summary>Bytes from a row to the next.</summary>
    public uint StrideDy, StrideX;

    /// <summary>Shape of the matrix; rows of dy and x are padded to multiples of 4.</summary>
    public uint Outputs, Inputs;
}
