namespace MiniLM.Kernels;

/// <summary>A step of AdamW, and the copies of the weights that kernels read. Addresses are the GPU's.</summary>
public struct AdamWArguments
{
    /// <summary><see cref="TrainedTensor"/> [tensors].</summary>
    public ulong Tensors;

    /// <summary>int32 (tensor, first row, first column, 0) of each tile of 32x32.</summary>
    public ulong Tiles;

    /// <summary>fp32: parameters, gradients, first and second moments, of one layout.</summary>
    public ulong Values, Gradients, First, Second;

    /// <summary><see cref="StepFactor"/>.</summary>
    public ulong Factor;

    /// <summary>1 - rate x decay, for tensors that decay.</summary>
    public float Keep;

    /// <summary>1 - beta1.</summary>
    public float OneMinusBeta1;

    /// <summary>beta2 and 1 - beta2.</summary>
    public float Beta2, OneMinusBeta2;

    /// <summary>rate / (1 - beta1^t).</summary>
    public float Rate;

    /// <summary>sqrt(1 - beta2^t).</summary>
    public float RootOfCorrection;

    /// <summary>Added to the root of the second moment.</summary>
    public float Epsilon;
}

/// <summary>A parameter and its copies, in the GPU's memory; a vector is a matrix of one row.</summary>
/// <remarks>Kernels read fields at the offsets that stand here.</remarks>
public struct TrainedTensor
{
    internal const int Bytes = 48, CopyAt = 0, TransposedAt = 8, OffsetAt = 16, RowsAt = 20, ColumnsAt = 24, StrideCopyAt = 28, StrideTransposedAt = 32,
        FlagsAt = 36;

    /// <summary><see cref="Flags"/>: it decays.</summary>
    internal const uint Decays = 1;

    /// <summary><see cref="Flags"/>: its copies are fp32 whatever the storage.</summary>
    internal const uint IsWide = 2;

    /// <summary>[Rows, Columns] in the storage of the kernels, or 0.</summary>
    public ulong Copy;

    /// <summary>[Columns, Rows] likewise, or 0.</summary>
    public ulong Transposed;

    /// <summary>First value in the blocks.</summary>
    public uint Offset;

    /// <summary>Shape.</summary>
    public uint Rows, Columns;

    /// <summary>Bytes from a row of a copy to the next.</summary>
    public uint StrideCopy, StrideTransposed;

    /// <summary><see cref="Decays"/> and <see cref="IsWide"/>.</summary>
    public uint Flags;

    /// <summary>To a multiple of 8 bytes.</summary>
    public ulong Unused;
}
