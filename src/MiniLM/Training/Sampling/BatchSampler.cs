namespace MiniLM.Training.Sampling;

/// <summary>The rows of a batch.</summary>
/// <param name="DataSet">Which of a run's data sets they are of, from 0.</param>
/// <param name="Rows">From 0, in order.</param>
internal readonly record struct RowBatch(int DataSet, int[] Rows);

/// <summary>Says which rows are a batch together, for an epoch at a time.</summary>
internal abstract class BatchSampler
{
    /// <summary>Batches of an epoch as a schedule counts them beforehand; where rows may not meet, an epoch may have fewer or more.</summary>
    internal abstract int Count { get; }

    /// <summary>An epoch's batches, made as they are asked for.</summary>
    /// <param name="permute">
    /// Gives the next order of 0 to its argument - 1: <see cref="Permutations.Next"/>. All randomness is in it, so the same orders give the same batches.
    /// </param>
    internal abstract IEnumerable<RowBatch> Epoch(Func<int, int[]> permute);
}
