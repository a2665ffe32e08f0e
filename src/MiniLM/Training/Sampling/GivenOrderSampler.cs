namespace MiniLM.Training.Sampling;

/// <summary>Rows in a given order, the same in every epoch.</summary>
/// <param name="order">Numbers of rows; one may come more than once.</param>
/// <param name="batchSize">Rows of a batch.</param>
/// <param name="dropLast">Leave out a batch that is not full.</param>
internal sealed class GivenOrderSampler(int[] order, int batchSize, bool dropLast) : RowBatchSampler(order.Length, batchSize, dropLast)
{
    internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute) => Cut(order);
}
