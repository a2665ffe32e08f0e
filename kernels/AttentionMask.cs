using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Dropout of attention's probabilities where a warp has 4 queries or 4 keys, and a lane a key or a query.</summary>
internal static class AttentionMask
{
    /// <summary>Of 4 queries and 32 keys: lane 4 q + b holds the bits of query q and of keys 8 b .. 8 b + 7; see <see cref="Factor"/>.</summary>
    /// <param name="g">Whose mask.</param>
    /// <param name="row">The first query's row.</param>
    /// <param name="end">Behind the sequence's last row.</param>
    /// <param name="head">Head.</param>
    /// <param name="key">The first key's place in its sequence, a multiple of 32.</param>
    /// <param name="lane">Of the warp.</param>
    internal static uint OfQueries(DropoutArguments g, uint row, uint end, uint head, uint key, uint lane)
    {
        uint bits = 0xff;
        if (g.Threshold != 0)
        {
            uint mine = row + (lane >> 2 & 3);
            if (mine >= end) { mine = end - 1; }
            bits = Dropout.Bits(g, Load(g.Rows + Wide(mine, 4), 0), (head << 13) + (key >> 3) + (lane & 3));
        }
        return bits;
    }

    /// <summary>What a lane's probability for query q is multiplied by.</summary>
    internal static float Factor(uint ofQueries, int q, uint lane, DropoutArguments g) =>
        (Shuffle(ofQueries, (uint)q * 4 + (lane >> 3)) >> (int)(lane & 7) & 1) != 0 ? g.Scale : 0;

    /// <summary>Of a lane's query and 8 keys from <paramref name="key"/> / 8 * 8 on: a bit each.</summary>
    internal static uint OfKeys(DropoutArguments g, uint row, uint head, uint key)
    {
        uint bits = 0xff;
        if (g.Threshold != 0) { bits = Dropout.Bits(g, Load(g.Rows + Wide(row, 4), 0), (head << 13) + (key >> 3)); }
        return bits;
    }
}
