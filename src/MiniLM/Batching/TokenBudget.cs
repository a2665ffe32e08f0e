namespace MiniLM.Batching;

/// <summary>Cuts sequences, in an order, into batches of a limited number of tokens.</summary>
internal static class TokenBudget
{
    /// <summary>Where the batch that begins at <paramref name="first"/> ends: as many sequences as fit, but one at least, however long.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="order">Places in <paramref name="lengths"/>.</param>
    /// <param name="first">Place in <paramref name="order"/>.</param>
    /// <param name="tokens">The budget.</param>
    /// <returns>Place in <paramref name="order"/> behind the batch.</returns>
    internal static int BatchEnd(ReadOnlySpan<int> lengths, ReadOnlySpan<int> order, int first, int tokens)
    {
        int end = first;
        for (long used = 0; end < order.Length; end++)
        {
            used += lengths[order[end]];
            if (used > tokens && end > first) { break; }
        }
        return end;
    }
}
