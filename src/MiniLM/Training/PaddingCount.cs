namespace MiniLM.Training;

/// <summary>Tokens that were there and tokens that a way of batching computes. The engine packs; the other ways are counts to compare with.</summary>
/// <param name="RealTokens">Of the sequences.</param>
/// <param name="ComputedTokens">With padding.</param>
internal readonly record struct PaddingCount(long RealTokens, long ComputedTokens)
{
    /// <summary>Of what is computed the share that is padding; null where nothing is.</summary>
    internal double? PaddingShare => ComputedTokens == 0 ? null : (ComputedTokens - RealTokens) / (double)ComputedTokens;

    public static PaddingCount operator +(PaddingCount a, PaddingCount b) => new(a.RealTokens + b.RealTokens, a.ComputedTokens + b.ComputedTokens);

    /// <summary>One sequence behind the other.</summary>
    /// <param name="lengths">Tokens of each sequence of a column of a batch.</param>
    internal static PaddingCount Packed(ReadOnlySpan<int> lengths) => Padded(lengths, Sum(lengths));

    /// <summary>All as long as the longest, rounded up to a multiple.</summary>
    internal static PaddingCount Dynamic(ReadOnlySpan<int> lengths, int multipleOf)
    {
        int longest = 0;
        foreach (int length in lengths) { longest = Math.Max(longest, length); }
        return Padded(lengths, (long)lengths.Length * PaddedBatch.RoundUp(longest, multipleOf));
    }

    /// <summary>All of one length, which none exceeds.</summary>
    internal static PaddingCount Fixed(ReadOnlySpan<int> lengths, int length) => Padded(lengths, (long)lengths.Length * length);

    /// <summary>The longest first, cut into batches whose padded tokens stay within a budget (one sequence at least), each as long as its longest.</summary>
    internal static PaddingCount TokenBudget(ReadOnlySpan<int> lengths, int tokens)
    {
        int[] descending = lengths.ToArray();
        Array.Sort(descending, (a, b) => b.CompareTo(a));
        long computed = 0;
        for (int first = 0, count; first < descending.Length; first += count)
        {
            int longest = descending[first];
            count = Math.Min(descending.Length - first, longest == 0 ? int.MaxValue : Math.Max(1, tokens / longest));
            computed += (long)count * longest;
        }
        return Padded(lengths, computed);
    }

    private static PaddingCount Padded(ReadOnlySpan<int> lengths, long computed) => new(Sum(lengths), computed);

    private static long Sum(ReadOnlySpan<int> lengths)
    {
        long sum = 0;
        foreach (int length in lengths) { sum += length; }
        return sum;
    }
}
