namespace MiniLM.Kernels;

/// <summary>C = dropout(A B^T + bias) + residual. Addresses are the GPU's.</summary>
public struct GemmDropoutArguments
{
    /// <summary>The product.</summary>
    public GemmArguments Gemm;

    /// <summary>Of what is added to the residual.</summary>
    public DropoutArguments Dropout;
}

/// <summary>A product before an activation on the way forward, or behind it on the way back. Addresses are the GPU's.</summary>
public struct GemmActivationArguments
{
    /// <summary>Forward: C = activation(U). Backward: C = (A B^T) slope(U); neither has a residual, and backward's bias is
    /// zero.</summary>
    public GemmArguments Gemm;

    /// <summary>U = A B^T + bias, [Rows, columns] with C's stride: written forward, read backward.</summary>
    public ulong BeforeActivation;

    /// <summary>Backward: activation(U) anew, [Rows, columns] with C's stride.</summary>
    public ulong Activated;
}
