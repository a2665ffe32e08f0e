namespace MiniLM.Training.Sampling;

/// <summary>Batches of one data set.</summary>
internal abstract class RowBatchSampler : BatchSampler
{
    /// <param name="rows">Of the data set.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    /// <param name="dropLast">Leave out a batch that is not full.</param>
    protected RowBatchSampler(int rows, int batchSize, bool dropLast)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        (Rows, BatchSize, DropLast) = (rows, batchSize, dropLast);
    }

    protected int Rows { get; }

    protected int BatchSize { get; }

    protected bool DropLast { get; }

    internal override int Count => Rows / BatchSize + (!DropLast && Rows % BatchSize > 0 ? 1 : 0);

    /// <summary>Cuts an order of rows into batches.</summary>
    protected IEnumerable<RowBatch> Cut(int[] order)
    {
        for (int batch = 0; batch < Count; batch++)
        {
            int first = batch * BatchSize;
            yield return new RowBatch(0, order[first..Math.Min(first + BatchSize, Rows)]);
        }
    }
}
