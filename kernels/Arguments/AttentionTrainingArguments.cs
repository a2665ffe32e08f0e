namespace MiniLM.Kernels;

/// <summary>context = dropout(softmax(q k^T / sqrt(headSize) + bias)) v, with what backward needs. Addresses are the GPU's.</summary>
public struct AttentionTrainingArguments
{
    /// <summary>The attention.</summary>
    public AttentionArguments Attention;

    /// <summary>fp32 [heads, Rows]: log2 of the sum of 2^score of each query.</summary>
    public ulong LogSums;

    /// <summary>Of the probabilities: the column of head h and key k is h x 65,536 + k.</summary>
    public DropoutArguments Dropout;

    /// <summary>Rows of the batch.</summary>
    public uint Rows;
}
