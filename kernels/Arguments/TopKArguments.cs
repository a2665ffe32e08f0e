namespace MiniLM.Kernels;

/// <summary>The best of each row's scores. Addresses are the GPU's.</summary>
public struct TopKArguments
{
    /// <summary>fp32 [rows, Count].</summary>
    public ulong Scores;

    /// <summary>fp32 [Count]: what scores are multiplied by; 0: nothing.</summary>
    public ulong Factors;

    /// <summary>[rows, K] of document and score (fp32), in the order of documents; where there are less than K, NaN behind them.</summary>
    public ulong Hits;

    /// <summary>Bytes from a row of scores to the next.</summary>
    public uint StrideScores;

    /// <summary>Scores of a row, at most 8,192.</summary>
    public uint Count;

    /// <summary>How many are wanted, at least 1.</summary>
    public uint K;

    /// <summary>Number of the first document.</summary>
    public uint First;
}
