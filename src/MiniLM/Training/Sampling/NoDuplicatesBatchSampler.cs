namespace MiniLM.Training.Sampling;

/// <summary>Batches in which no two rows have a text in common, in whatever columns: for losses whose negatives are the batch's other rows.</summary>
/// <remarks>
/// By the rules of sentence-transformers 6.2: a row that would meet one of its texts waits for a later batch; rows that fill no batch are one, or are lost
/// with dropLast, and it goes on with those that wait. Where an epoch then has fewer batches than <see cref="BatchSampler.Count"/>, it draws up to two
/// more orders of all rows for the missing ones, and ends early at an order that gives none.
/// </remarks>
internal sealed class NoDuplicatesBatchSampler : RowBatchSampler
{
    private const int MostOrders = 3;

    private readonly int[][] _texts;

    /// <param name="texts">For each column but the labels the number of each row's text, the same for equal texts.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    /// <param name="dropLast">Leave out batches that are not full.</param>
    internal NoDuplicatesBatchSampler(int[][] texts, int batchSize, bool dropLast) : base(texts[0].Length, batchSize, dropLast)
    {
        if (texts.Any(column => column.Length != Rows)) { throw new ArgumentException("not every text has a number", nameof(texts)); }
        _texts = texts;
    }

    internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute)
    {
        int given = 0;
        for (int order = 0; order < MostOrders && given < Count; order++)
        {
            int before = given;
            foreach (int[] rows in Batches(permute(Rows)))
            {
                yield return new RowBatch(0, rows);
                if (++given == Count && order > 0) { yield break; }
            }
            if (given == before) { yield break; }
        }
    }

    private IEnumerable<int[]> Batches(int[] order)
    {
        int[] next = [.. Enumerable.Range(1, order.Length)]; // behind each place the next that waits; order.Length is the end
        int head = 0;
        HashSet<int> seen = [];
        List<int> batch = [];
        while (head < order.Length)
        {
            seen.Clear();
            batch.Clear();
            for (int place = head, last = -1; place < order.Length && batch.Count < BatchSize; place = next[place])
            {
                if (Meets(order[place], seen)) { last = place; continue; }
                batch.Add(order[place]);
                foreach (int[] column in _texts) { seen.Add(column[order[place]]); }
                if (last < 0) { head = next[place]; } else { next[last] = next[place]; }
            }
            if (batch.Count == BatchSize || !DropLast) { yield return [.. batch]; }
        }
    }

    private bool Meets(int row, HashSet<int> seen)
    {
        foreach (int[] column in _texts)
        {
            if (seen.Contains(column[row])) { return true; }
        }
        return false;
    }
}
