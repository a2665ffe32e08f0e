using MiniLM.Batching;

namespace MiniLM.Training.Sampling;

/// <summary>Rows of like length together: the Hugging Face Trainer's <c>group_by_length</c>, which makes batches that need little padding.</summary>
/// <remarks>
/// A random order is cut into mega-batches, and each is sorted, the longest first, equal ones in their order. Then the longest row of all comes first, so
/// that a batch that is too large for the memory is met at once; the row whose place it takes goes to where it was.
/// </remarks>
internal sealed class LengthGroupedSampler : RowBatchSampler
{
    private const int MegaBatches = 4, MostBatches = 50; // of an epoch, one at least; in a mega-batch

    private readonly int[] _lengths;
    private readonly int _megaBatchSize;

    /// <param name="lengths">Tokens of each row, of all its columns together.</param>
    /// <param name="batchSize">Rows of a micro-batch.</param>
    /// <param name="dropLast">Leave out a batch that is not full.</param>
    /// <param name="gradientAccumulationSteps">Micro-batches of a step: a mega-batch is a number of steps.</param>
    /// <param name="megaBatchSteps">Steps of a mega-batch; null: a quarter of the epoch's, 50 at most and 1 at least.</param>
    internal LengthGroupedSampler(int[] lengths, int batchSize, bool dropLast, int gradientAccumulationSteps, int? megaBatchSteps = null)
        : base(lengths.Length, batchSize, dropLast)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(gradientAccumulationSteps);
        long stepRows = (long)batchSize * gradientAccumulationSteps;
        long steps = megaBatchSteps ?? Math.Max(1, Math.Min(lengths.Length / (MegaBatches * stepRows), MostBatches));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps, nameof(megaBatchSteps));
        (_lengths, _megaBatchSize) = (lengths, (int)Math.Min(steps * stepRows, Math.Max(1, lengths.Length)));
    }

    internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute) => Cut(Order(permute(Rows)));

    /// <summary>All rows, from a random order of them.</summary>
    internal int[] Order(ReadOnlySpan<int> permutation)
    {
        int[] order = new int[permutation.Length];
        int longest = 0;
        LengthOrder longestFirst = new();
        for (int first = 0, count; first < order.Length; first += count)
        {
            count = Math.Min(_megaBatchSize, order.Length - first);
            ReadOnlySpan<int> rows = permutation.Slice(first, count);
            int[] lengths = new int[count];
            for (int i = 0; i < count; i++) { lengths[i] = _lengths[rows[i]]; }
            ReadOnlySpan<int> places = longestFirst.Of(lengths);
            for (int i = 0; i < count; i++) { order[first + i] = rows[places[i]]; }
            if (_lengths[order[first]] > _lengths[order[longest]]) { longest = first; }
        }
        if (longest > 0) { (order[0], order[longest]) = (order[longest], order[0]); }
        return order;
    }
}
