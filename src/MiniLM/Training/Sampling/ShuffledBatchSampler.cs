namespace MiniLM.Training.Sampling;

/// <summary>Rows in random order.</summary>
internal sealed class ShuffledBatchSampler(int rows, int batchSize, bool dropLast) : RowBatchSampler(rows, batchSize, dropLast)
{
    internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute) => Cut(permute(Rows));
}
