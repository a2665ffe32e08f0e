namespace MiniLM.Kernels;

/// <summary>y = LayerNorm(x) over rows, with what backward needs. Addresses are the GPU's.</summary>
public struct LayerNormTrainingArguments
{
    /// <summary>The LayerNorm; its X is kept for backward.</summary>
    public LayerNormArguments Norm;

    /// <summary>fp32 [Rows, 2]: mean and 1 / standard deviation.</summary>
    public ulong Statistics;
}
