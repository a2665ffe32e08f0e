namespace MiniLM.Kernels;

/// <summary>y = dropout(LayerNorm(word + position + type)), with what backward needs. Addresses are the GPU's.</summary>
public struct EmbeddingTrainingArguments
{
    /// <summary>The gather and the LayerNorm; its X takes the sums, with Y's stride, for backward.</summary>
    public EmbeddingArguments Embedding;

    /// <summary>fp32 [Rows, 2]: mean and 1 / standard deviation.</summary>
    public ulong Statistics;

    /// <summary>Of y.</summary>
    public DropoutArguments Dropout;
}
