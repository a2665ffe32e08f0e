namespace MiniLM.Model;

/// <summary>How token rows become one row a sequence, in sentence-transformers' order of concatenation.</summary>
/// <remarks>Compiled into the kernels too, which are told the mode as a number.</remarks>
internal enum PoolingMode
{
    Cls,
    Max,
    Mean,
    MeanSqrtLen,
    WeightedMean,
    LastToken,
}
