namespace MiniLM.Training.Sampling;

/// <summary>Random orders, one after the other: a function of seed and epoch, on every machine.</summary>
/// <remarks>
/// Fisher and Yates from the end: for last = count - 1 to 1 places last and the high half of (last + 1) x number change their contents. Numbers 2 i and 2 i + 1
/// of 64 bits are (A, B) and (C, D), the low word first, of Philox with counter (i, draw, 2^32 - 1, epoch) and key = seed; number = last. Dropout and the
/// losses count elsewhere: their third word is small.
/// </remarks>
/// <param name="seed">Of the run.</param>
/// <param name="epoch">From 0.</param>
internal sealed class Permutations(ulong seed, int epoch)
{
    private uint _draw;

    /// <summary>The next order of 0 to count - 1.</summary>
    internal int[] Next(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int last = count - 1; last > 0; last--)
        {
            int other = (int)Math.BigMul(Number((uint)last), (ulong)last + 1, out _);
            (order[last], order[other]) = (order[other], order[last]);
        }
        _draw++;
        return order;
    }

    private ulong Number(uint index)
    {
        (uint a, uint b, uint c, uint d) = Philox.Words(index / 2, _draw, uint.MaxValue, (uint)epoch, (uint)seed, (uint)(seed >> 32));
        return index % 2 == 0 ? (ulong)b << 32 | a : (ulong)d << 32 | c;
    }
}
