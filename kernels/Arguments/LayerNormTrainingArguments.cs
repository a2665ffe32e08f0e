namespace MiniLM.Kernels;

/// <summary>y = LayerNorm(x) over rows, with what backward needs. Addresses are the GPU's.</summary>
public struct LayerNormTrainingArguments
{
    /// <summary>The LayerNorm; its X is kept for backward.</summary>
    public LayerNormArguments Norm;

    /// <summary>fp32 [Rows, 2]: mean and 1 / standard deviation.</summary>
    public ulong Statistics;
}

/// <summary>C = LayerNorm(dropout(A B^T + bias) + residual), with what backward needs. Addresses are the GPU's.</summary>
public struct GemmLayerNormTrainingArguments
{
    /// <summary>The product and its LayerNorm.</summary>
    public GemmArguments Gemm;

    /// <summary>[Rows, columns] with C's stride: what was normalised.</summary>
    public ulong Sum;

    /// <summary>fp32 [Rows, 2]: mean and 1 / standard deviation.</summary>
    public ulong Statistics;

    /// <summary>Of what is added to the residual.</summary>
    public DropoutArguments Dropout;
}
