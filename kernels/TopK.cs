using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The k best of a row of scores, of equal ones the earlier; both zeros are equal, and NaN is never among them.</summary>
/// <remarks>
/// A block a row, 1,024 scores a warp, 32 a thread. Scores become numbers in their order (<see cref="Key"/>), and the k-th greatest of these is found bit by
/// bit: how many are as great, counted by compares in registers, over the warp, over the block. Greater ones are hits, and of equal ones as many as are still
/// wanted: where each goes is a prefix sum, of the warps and by votes. What is written is read anew, in the order of documents.
/// Bound: issue. The grid is (rows, 1).
/// </remarks>
public static class TopK
{
    private const int Threads = 256, Warps = Threads / 32, Steps = 32, WarpScores = Steps * 32;
    private const uint Infinity = 0x7f800000, NaN = 0x7fc00000, Turn = Warps * 4;

    [Kernel(60, Threads, TileRows = 1, TileColumns = Warps * WarpScores, SharedBytes = 2 * Warps * 4)]
    public static void TopKF32(TopKArguments g)
    {
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, row = (uint)Grid.IdxX;
        ulong scores = g.Scores + Wide(row, g.StrideScores), hits = g.Hits + Wide(row, g.K * 8);
        uint[] keys = Keys(g, scores, warp * WarpScores + lane);
        uint shared = SharedBase(), turn = 0, threshold = 0, bit = 1u << 31;
        do
        {
            uint candidate = threshold | bit, count = 0;
            for (int i = 0; i < Steps; i++) { count += keys[i] >= candidate ? 1u : 0; }
            if (BlockSum(count, shared + turn) >= g.K) { threshold = candidate; }
            turn ^= Turn; // who writes one place has passed the barrier behind the reads of it
            bit >>= 1;
        }
        while (bit != 0);
        if (threshold == 0) { threshold = 1; } // less than K are there: all of them
        uint mine = 0; // greater ones, equal ones in the upper half
        for (int i = 0; i < Steps; i++) { mine += (keys[i] > threshold ? 1u : 0) + (keys[i] == threshold ? 1u << 16 : 0); }
        uint all = BlockSum(mine, shared + turn), before = 0;
        for (uint i = 0; i < warp; i++) { before += LoadShared(shared + turn + i * 4, 0); }
        uint ties = g.K - (all & 0xffff), below = (1u << (int)lane) - 1, found = (all & 0xffff) + Least(all >> 16, ties);
        for (uint step = warp * WarpScores; step < (warp + 1) * WarpScores & step < g.Count; step += 32)
        {
            uint document = step + lane;
            bool isThere = document < g.Count;
            float score = LoadFloatIf(isThere, scores + Wide(document, 4), 0);
            if (g.Factors != 0) { score *= LoadFloatIf(isThere, g.Factors + Wide(document, 4), 0); }
            uint key = Key(score, isThere), greater = Ballot(key > threshold), equal = Ballot(key == threshold);
            uint tie = (before >> 16) + PopCount(equal & below), place = (before & 0xffff) + PopCount(greater & below) + Least(tie, ties);
            if (key > threshold | key == threshold & tie < ties)
            {
                Store(hits + Wide(place, 8), 0, new Pair { X = g.First + document, Y = Bits(score) });
            }
            before += PopCount(greater) + (PopCount(equal) << 16);
        }
        for (uint place = found + thread; place < g.K; place += Threads) { Store(hits + Wide(place, 8), 0, new Pair { X = 0, Y = NaN }); }
    }

    /// <summary>Of 32 documents, 32 apart.</summary>
    private static uint[] Keys(TopKArguments g, ulong scores, uint first)
    {
        ulong from = scores + Wide(first, 4), factors = g.Factors + Wide(first, 4);
        float[] values = new float[Steps];
        uint[] keys = new uint[Steps];
        for (int i = 0; i < Steps; i++) { values[i] = LoadFloatIf(first + (uint)i * 32 < g.Count, from, i * 128); }
        if (g.Factors != 0)
        {
            for (int i = 0; i < Steps; i++) { values[i] *= LoadFloatIf(first + (uint)i * 32 < g.Count, factors, i * 128); }
        }
        for (int i = 0; i < Steps; i++) { keys[i] = Key(values[i], first + (uint)i * 32 < g.Count); }
        return keys;
    }

    /// <summary>A number that is greater for a greater score, equal for equal ones, and 0 for NaN and where no document is.</summary>
    private static uint Key(float score, bool isThere)
    {
        uint bits = Bits(score), magnitude = bits & 0x7fffffff;
        bits = magnitude == 0 ? 0 : bits;
        uint key = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
        return isThere & magnitude <= Infinity ? key : 0;
    }

    /// <summary>A sum over the block; the warps' sums stay in shared memory.</summary>
    private static uint BlockSum(uint value, uint shared)
    {
        uint thread = (uint)Group.IdxX, sum = WarpReduction.Sum(value);
        if ((thread & 31) == 0) { StoreShared(shared + (thread >> 5) * 4, 0, sum); }
        Group.Barrier();
        Quad low = LoadSharedQuad(shared, 0), high = LoadSharedQuad(shared, 16);
        return low.X + low.Y + low.Z + low.W + (high.X + high.Y + high.Z + high.W);
    }

    private static uint Least(uint a, uint b) => a < b ? a : b;
}
