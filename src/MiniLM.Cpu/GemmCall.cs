using System.Runtime.InteropServices;

namespace MiniLM.Cpu;

/// <summary>What becomes of C = start + A B before it is stored.</summary>
internal enum Epilogue
{
    None,
    Gelu,
    GeluTanh,
    Relu,
    Silu,
    QuickGelu,
    AddResidual,
    ScaleRow,
}

/// <summary>All that one GEMM call reads. Strides in bytes. Machine code reads it by <see cref="GemmField"/>: eight bytes a field.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GemmCall
{
    /// <summary>[rows, K] operands, read in place.</summary>
    internal void* A;
    internal nint AStride;

    /// <summary>Panels of 32 columns, [panel][K][32] groups of operands.</summary>
    internal void* B;

    /// <summary>Floats or operands.</summary>
    internal void* C;
    internal nint CStride, CPanel;

    /// <summary>What the sums start from, [32 * panels] (a bias), or null for 0.</summary>
    internal float* Start;

    /// <summary>Added by <see cref="Epilogue.AddResidual"/>; row and column as C, which it may be.</summary>
    internal float* Residual;
    internal nint ResidualStride;

    /// <summary>[rows], multiplied by <see cref="Epilogue.ScaleRow"/>.</summary>
    internal float* RowScale;

    /// <summary>K in groups (<see cref="ProductKernels.Group"/>).</summary>
    internal nint Panels, K;
}

/// <summary>Places of the fields of <see cref="GemmCall"/>.</summary>
internal enum GemmField
{
    A, AStride, B, C, CStride, CPanel, Start, Residual, ResidualStride, RowScale, Panels, K,
}
