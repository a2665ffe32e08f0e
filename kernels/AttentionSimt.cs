using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>How many elements of a head lie in a lane's registers: a head of up to 32 times that at once, a longer one in pieces.</summary>
public interface IHeadLanes
{
    /// <summary>Elements a lane: 1, 2 or 4.</summary>
    static abstract int Count { get; }

    /// <summary>log2 of 32 * Count.</summary>
    static abstract int Shift { get; }
}

/// <summary>Heads of up to 32.</summary>
public readonly struct HeadLanes1 : IHeadLanes { public static int Count => 1; public static int Shift => 5; }

/// <summary>Heads of up to 64.</summary>
public readonly struct HeadLanes2 : IHeadLanes { public static int Count => 2; public static int Shift => 6; }

/// <summary>Heads of up to 128, and longer ones in pieces of 128.</summary>
public readonly struct HeadLanes4 : IHeadLanes { public static int Count => 4; public static int Shift => 7; }

/// <summary>Attention of every head size, with or without relative bias, without tensor cores and without a score matrix (tier G).</summary>
/// <remarks>
/// A block is 16 queries of one (sequence, head), 4 a warp; it sweeps the keys 32 at a time with an online softmax (Milakov and Gimelshein
/// 2018, arXiv:1805.02867). For the scores a lane owns a key: it reads that row of K, 16 bytes at a time, once for its four queries. For the
/// result a lane owns columns of V, and the probabilities of four keys come as one broadcast. Rows of K are padded by 16 bytes: 8 lanes'
/// reads then fall into different banks. The order of every sum depends on the sequence alone.
/// A head longer than 128: scores are summed over pieces of 128, and each piece of the result is a block of its own that computes them again.
/// The grid is (query tiles, heads * pieces); <see cref="AttentionArguments.Tiles"/> names sequence and first query of each.
/// </remarks>
public static class AttentionSimt
{
    private const int Threads = 128, Keys = 32, QueriesPerWarp = 4, Queries = Threads / 32 * QueriesPerWarp;

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 32, SharedBytes = (Queries + Keys) * (32 + 4) * 4 + Keys * 32 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt32F32(AttentionArguments g) => Run<Float32, HeadLanes1, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 64, SharedBytes = (Queries + Keys) * (64 + 4) * 4 + Keys * 64 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt64F32(AttentionArguments g) => Run<Float32, HeadLanes2, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 128, SharedBytes = (Queries + Keys) * (128 + 4) * 4 + Keys * 128 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt128F32(AttentionArguments g) => Run<Float32, HeadLanes4, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 32, SharedBytes = (Queries + Keys) * (32 + 4) * 4 + Keys * 32 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt32F16(AttentionArguments g) => Run<Float16, HeadLanes1, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 64, SharedBytes = (Queries + Keys) * (64 + 4) * 4 + Keys * 64 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt64F16(AttentionArguments g) => Run<Float16, HeadLanes2, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 128, SharedBytes = (Queries + Keys) * (128 + 4) * 4 + Keys * 128 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt128F16(AttentionArguments g) => Run<Float16, HeadLanes4, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, TileRows = Queries, TileColumns = 32, SharedBytes = (Queries + Keys) * (32 + 4) * 4 + Keys * 32 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt32BF16(AttentionArguments g) => Run<BFloat16, HeadLanes1, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, TileRows = Queries, TileColumns = 64, SharedBytes = (Queries + Keys) * (64 + 4) * 4 + Keys * 64 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt64BF16(AttentionArguments g) => Run<BFloat16, HeadLanes2, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, TileRows = Queries, TileColumns = 128, SharedBytes = (Queries + Keys) * (128 + 4) * 4 + Keys * 128 * 4 + Queries * Keys * 4)]
    public static void AttentionSimt128BF16(AttentionArguments g) => Run<BFloat16, HeadLanes4, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 32, SharedBytes = (Queries + Keys) * (32 + 4) * 4 + Keys * 32 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining32F32(AttentionTrainingArguments t) => Run<Float32, HeadLanes1, Training>(t);

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 32, SharedBytes = (Queries + Keys) * (32 + 4) * 4 + Keys * 32 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining32F16(AttentionTrainingArguments t) => Run<Float16, HeadLanes1, Training>(t);

    [Kernel(80, Threads, TileRows = Queries, TileColumns = 32, SharedBytes = (Queries + Keys) * (32 + 4) * 4 + Keys * 32 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining32BF16(AttentionTrainingArguments t) => Run<BFloat16, HeadLanes1, Training>(t);

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 64, SharedBytes = (Queries + Keys) * (64 + 4) * 4 + Keys * 64 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining64F32(AttentionTrainingArguments t) => Run<Float32, HeadLanes2, Training>(t);

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 64, SharedBytes = (Queries + Keys) * (64 + 4) * 4 + Keys * 64 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining64F16(AttentionTrainingArguments t) => Run<Float16, HeadLanes2, Training>(t);

    [Kernel(80, Threads, TileRows = Queries, TileColumns = 64, SharedBytes = (Queries + Keys) * (64 + 4) * 4 + Keys * 64 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining64BF16(AttentionTrainingArguments t) => Run<BFloat16, HeadLanes2, Training>(t);

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 128, SharedBytes = (Queries + Keys) * (128 + 4) * 4 + Keys * 128 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining128F32(AttentionTrainingArguments t) => Run<Float32, HeadLanes4, Training>(t);

    [Kernel(60, Threads, TileRows = Queries, TileColumns = 128, SharedBytes = (Queries + Keys) * (128 + 4) * 4 + Keys * 128 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining128F16(AttentionTrainingArguments t) => Run<Float16, HeadLanes4, Training>(t);

    [Kernel(80, Threads, TileRows = Queries, TileColumns = 128, SharedBytes = (Queries + Keys) * (128 + 4) * 4 + Keys * 128 * 4 + Queries * Keys * 4)]
    public static void AttentionSimtTraining128BF16(AttentionTrainingArguments t) => Run<BFloat16, HeadLanes4, Training>(t);

    private static void Run<TElement, TLanes, TPass>(AttentionTrainingArguments t)
        where TElement : struct, IElement where TLanes : struct, IHeadLanes where TPass : struct, IPass
    {
        AttentionArguments g = t.Attention;
        uint width = (uint)TLanes.Count * 32, pitch = (width + 4) * 4;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5;
        uint pieces = (g.HeadSize + width - 1) >> TLanes.Shift, head = (uint)Grid.IdxY / pieces, piece = (uint)Grid.IdxY - head * pieces;
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 8);
        uint sequence = Load(tile, 0), firstQuery = Load(tile, 4);
        ulong offset = g.Offsets + Wide(sequence, 4);
        uint first = Load(offset, 0), length = Load(offset, 4) - first, query0 = firstQuery + warp * QueriesPerWarp;
        ulong column = Wide(head * g.HeadSize, TElement.Bytes), rows = Wide(first, g.StrideQuery) + column;

        uint queries = SharedBase(), keys = queries + Queries * pitch, values = keys + Keys * pitch, weights = values + Keys * width * 4;
        uint myQueries = queries + warp * QueriesPerWarp * pitch, myKey = keys + lane * pitch, myWeights = weights + warp * QueriesPerWarp * Keys * 4;

        float[] max = new float[QueriesPerWarp], sum = new float[QueriesPerWarp];
        float[,] result = new float[QueriesPerWarp, TLanes.Count];
        for (int q = 0; q < QueriesPerWarp; q++) { max[q] = float.NegativeInfinity; }

        for (uint key0 = 0; key0 < length; key0 += Keys)
        {
            float[] score = new float[QueriesPerWarp];
            for (uint part = 0; part < pieces; part++)
            {
                Group.Barrier(); // the tiles before have been read
                if (pieces > 1 | key0 == 0)
                {
                    Fill<TElement, TLanes>(queries, pitch, Queries, g.Query + rows, g.StrideQuery, firstQuery, length, part * width, g.HeadSize);
                }
                Fill<TElement, TLanes>(keys, pitch, Keys, g.Key + rows, g.StrideQuery, key0, length, part * width, g.HeadSize);
                if (part == piece) { Fill<TElement, TLanes>(values, width * 4, Keys, g.Value + rows, g.StrideQuery, key0, length, part * width, g.HeadSize); }
                Group.Barrier();
                for (int d = 0; d < TLanes.Count * 8; d++)
                {
                    Float4 k = LoadSharedFloat4(myKey, d * 16);
                    for (int q = 0; q < QueriesPerWarp; q++)
                    {
                        Float4 x = LoadSharedFloat4(myQueries, q * (TLanes.Count * 32 + 4) * 4 + d * 16);
                        score[q] = Fma(x.X, k.X, Fma(x.Y, k.Y, Fma(x.Z, k.Z, Fma(x.W, k.W, score[q]))));
                    }
                }
            }
            uint kept = TPass.Trains ? AttentionMask.OfQueries(t.Dropout, first + query0, first + length, head, key0, lane) : 0;
            for (int q = 0; q < QueriesPerWarp; q++)
            {
                uint query = query0 + (uint)q, key = key0 + lane;
                float s = score[q] * g.Scale;
                if (g.Bias != 0 & query < length & key < length)
                {
                    s += LoadFloat(g.Bias + Wide(head * g.BiasWidth + BiasPlace(g, first, query, key), 4), 0);
                }
                s = key < length ? s : float.NegativeInfinity;
                float greatest = Max(max[q], WarpReduction.Max(s)), shrink = Exp2(max[q] - greatest), p = Exp2(s - greatest);
                max[q] = greatest;
                sum[q] = Fma(sum[q], shrink, p);
                if (TPass.Trains) { p *= AttentionMask.Factor(kept, q, lane, t.Dropout); }
                for (int c = 0; c < TLanes.Count; c++) { result[q, c] = result[q, c] * shrink; }
                StoreShared(myWeights + lane * 4, q * Keys * 4, p);
            }
            WarpBarrier();
            for (int k = 0; k < Keys; k += 4)
            {
                for (int c = 0; c < TLanes.Count; c++)
                {
                    uint at = values + (lane + (uint)c * 32) * 4;
                    float v0 = LoadSharedFloat(at, k * TLanes.Count * 128), v1 = LoadSharedFloat(at, (k + 1) * TLanes.Count * 128);
                    float v2 = LoadSharedFloat(at, (k + 2) * TLanes.Count * 128), v3 = LoadSharedFloat(at, (k + 3) * TLanes.Count * 128);
                    for (int q = 0; q < QueriesPerWarp; q++)
                    {
                        Float4 p = LoadSharedFloat4(myWeights, q * Keys * 4 + k * 4);
                        result[q, c] = Fma(p.X, v0, Fma(p.Y, v1, Fma(p.Z, v2, Fma(p.W, v3, result[q, c]))));
                    }
                }
            }
        }
        for (int q = 0; q < QueriesPerWarp; q++)
        {
            float total = WarpReduction.Sum(sum[q]);
            uint query = query0 + (uint)q;
            if (TPass.Trains)
            {
                if (query < length & lane == 0 & piece == 0) { Store(t.LogSums + Wide(head * t.Rows + first + query, 4), 0, max[q] + Log2(total)); }
            }
            for (int c = 0; c < TLanes.Count; c++)
            {
                uint d = piece * width + lane + (uint)c * 32;
                if (query < length & d < g.HeadSize)
                {
                    TElement.Store(g.Context + Wide(first + query, g.StrideContext) + column + Wide(d, TElement.Bytes), Divide(result[q, c], total));
                }
            }
        }
    }

    /// <summary>Where in a head's row of the bias table the distance of a query and a key stands.</summary>
    internal static uint BiasPlace(AttentionArguments g, uint first, uint query, uint key)
    {
        ulong places = g.Columns + Wide(first, 4);
        int half = (int)(g.BiasWidth >> 1), distance = (int)(Load(places + Wide(key, 4), 0) - Load(places + Wide(query, 4), 0));
        distance = distance < -half ? -half : distance > half ? half : distance;
        return (uint)(distance + half);
    }

    /// <summary>Rows from..from + count of a matrix into shared memory as fp32; a warp takes every fourth row, what lies outside becomes zero.</summary>
    internal static void Fill<TElement, TLanes>(
        uint to, uint pitch, uint count, ulong matrix, uint stride, uint from, uint length, uint piece, uint headSize)
        where TElement : struct, IElement where TLanes : struct, IHeadLanes
    {
        uint lane = (uint)Group.IdxX & 31;
        for (uint row = (uint)Group.IdxX >> 5; row < count; row += Threads / 32)
        {
            for (int c = 0; c < TLanes.Count; c++)
            {
                uint d = piece + lane + (uint)c * 32;
                float value = 0;
                if (from + row < length & d < headSize) { value = TElement.Load(matrix + Wide(from + row, stride) + Wide(d, TElement.Bytes)); }
                StoreShared(to + row * pitch + lane * 4, c * 128, value);
            }
        }
    }
}
