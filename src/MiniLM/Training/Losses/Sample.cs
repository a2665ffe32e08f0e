namespace MiniLM.Training.Losses;

/// <summary>Numbers drawn without replacement by Philox: the same for the same seed, step and stream, on every machine.</summary>
internal static class Sample
{
    /// <summary>Some of 0 to total - 1, ascending (Floyd; Bentley 1987).</summary>
    /// <remarks>
    /// For last = total - count to total - 1 the high half of (last + 1) x word, or last where that was drawn before; word = Philox with counter
    /// (last, stream, 2^32 - 1, step), the third of which is no site of dropout, and key = seed.
    /// </remarks>
    internal static int[] Draw(int total, int count, ulong seed, uint step, uint stream)
    {
        SortedSet<int> drawn = [];
        for (int last = total - count; last < total; last++)
        {
            uint word = Philox.Words((uint)last, stream, uint.MaxValue, step, (uint)seed, (uint)(seed >> 32)).A;
            int number = (int)((ulong)(last + 1) * word >> 32);
            if (!drawn.Add(number)) { drawn.Add(last); }
        }
        return [.. drawn];
    }
}
