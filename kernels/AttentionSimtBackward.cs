using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The gradients of attention's q, k and v without tensor cores (tier G): every head size, no score matrix, no atomics.</summary>
/// <remarks>
/// Two passes (FlashAttention-2, arXiv:2307.08691): one block owns 16 queries and sweeps the keys for dq; one owns 16 keys and sweeps the queries for dk and
/// dv. Both make scores and probabilities anew, from the sums that forward kept. A warp has 4 of the owned rows, a lane one of 32 swept ones, whose two
/// products with all four it computes (q k and dc v); then lanes own columns, and ds or P of four swept rows come as one broadcast.
/// Heads longer than 64 come in pieces of 64, as in <see cref="AttentionSimt"/>: products are summed over all, each piece of the result is a block's.
/// The order of every sum depends on the sequence alone. The grid is (tiles, heads * pieces); <see cref="AttentionArguments.Tiles"/> names sequence and first
/// row of each. Bound: the FP32 pipe.
/// </remarks>
public static class AttentionSimtBackward
{
    private const int Threads = 128, Swept = 32, OwnPerWarp = 4, Own = Threads / 32 * OwnPerWarp;

    [Kernel(60, Threads, TileRows = Own, TileColumns = 32, SharedBytes = 2 * (Own + Swept) * (32 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtQueryGradient32F32(AttentionBackwardArguments b) => Query<Float32, HeadLanes1>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 32, SharedBytes = 2 * (Own + Swept) * (32 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtQueryGradient32F16(AttentionBackwardArguments b) => Query<Float16, HeadLanes1>(b);

    [Kernel(80, Threads, TileRows = Own, TileColumns = 32, SharedBytes = 2 * (Own + Swept) * (32 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtQueryGradient32BF16(AttentionBackwardArguments b) => Query<BFloat16, HeadLanes1>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 64, SharedBytes = 2 * (Own + Swept) * (64 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtQueryGradient64F32(AttentionBackwardArguments b) => Query<Float32, HeadLanes2>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 64, SharedBytes = 2 * (Own + Swept) * (64 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtQueryGradient64F16(AttentionBackwardArguments b) => Query<Float16, HeadLanes2>(b);

    [Kernel(80, Threads, TileRows = Own, TileColumns = 64, SharedBytes = 2 * (Own + Swept) * (64 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtQueryGradient64BF16(AttentionBackwardArguments b) => Query<BFloat16, HeadLanes2>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 32, SharedBytes = 2 * (Own + Swept) * (32 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtKeyValueGradient32F32(AttentionBackwardArguments b) => KeyValue<Float32, HeadLanes1>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 32, SharedBytes = 2 * (Own + Swept) * (32 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtKeyValueGradient32F16(AttentionBackwardArguments b) => KeyValue<Float16, HeadLanes1>(b);

    [Kernel(80, Threads, TileRows = Own, TileColumns = 32, SharedBytes = 2 * (Own + Swept) * (32 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtKeyValueGradient32BF16(AttentionBackwardArguments b) => KeyValue<BFloat16, HeadLanes1>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 64, SharedBytes = 2 * (Own + Swept) * (64 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtKeyValueGradient64F32(AttentionBackwardArguments b) => KeyValue<Float32, HeadLanes2>(b);

    [Kernel(60, Threads, TileRows = Own, TileColumns = 64, SharedBytes = 2 * (Own + Swept) * (64 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtKeyValueGradient64F16(AttentionBackwardArguments b) => KeyValue<Float16, HeadLanes2>(b);

    [Kernel(80, Threads, TileRows = Own, TileColumns = 64, SharedBytes = 2 * (Own + Swept) * (64 + 4) * 4 + 2 * Own * Swept * 4)]
    public static void AttentionSimtKeyValueGradient64BF16(AttentionBackwardArguments b) => KeyValue<BFloat16, HeadLanes2>(b);

    private static void Query<TElement, TLanes>(AttentionBackwardArguments b) where TElement : struct, IElement where TLanes : struct, IHeadLanes
    {
        AttentionArguments g = b.Forward.Attention;
        uint width = (uint)TLanes.Count * 32, pitch = (width + 4) * 4;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5;
        uint pieces = (g.HeadSize + width - 1) >> TLanes.Shift, head = (uint)Grid.IdxY / pieces, piece = (uint)Grid.IdxY - head * pieces;
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 8);
        uint sequence = Load(tile, 0), firstQuery = Load(tile, 4);
        ulong offset = g.Offsets + Wide(sequence, 4);
        uint first = Load(offset, 0), length = Load(offset, 4) - first, query0 = firstQuery + warp * OwnPerWarp;
        ulong column = Wide(head * g.HeadSize, TElement.Bytes), rows = Wide(first, g.StrideQuery) + column, contexts = Wide(first, g.StrideContext) + column;

        uint queries = SharedBase(), gradients = queries + Own * pitch, keys = gradients + Own * pitch, values = keys + Swept * pitch;
        uint weights = values + Swept * pitch, buckets = weights + Own * Swept * 4;
        uint myQueries = queries + warp * OwnPerWarp * pitch, myGradients = gradients + warp * OwnPerWarp * pitch;
        uint myWeights = weights + warp * OwnPerWarp * Swept * 4, myBuckets = buckets + warp * OwnPerWarp * Swept * 4;

        float[] delta = new float[OwnPerWarp], logSum = new float[OwnPerWarp];
        for (uint d = lane; d < g.HeadSize; d += 32)
        {
            for (int q = 0; q < OwnPerWarp; q++)
            {
                ulong at = contexts + Wide(Within(query0 + (uint)q, length), g.StrideContext) + Wide(d, TElement.Bytes);
                delta[q] = Fma(TElement.Load(g.Context + at), TElement.Load(b.DContext + at), delta[q]);
            }
        }
        for (int q = 0; q < OwnPerWarp; q++)
        {
            uint query = query0 + (uint)q;
            ulong sums = Wide(head * b.Forward.Rows + first + Within(query, length), 4);
            delta[q] = WarpReduction.Sum(delta[q]);
            logSum[q] = LoadFloat(b.Forward.LogSums + sums, 0);
            if (query < length & lane == 0 & piece == 0) { Store(b.Deltas + sums, 0, delta[q]); }
        }

        float ofBucket = 0; // lane: bucket
        float[,] result = new float[OwnPerWarp, TLanes.Count];
        for (uint key0 = 0; key0 < length; key0 += Swept)
        {
            float[] score = new float[OwnPerWarp], slope = new float[OwnPerWarp];
            for (uint part = 0; part < pieces; part++)
            {
                Group.Barrier(); // the tiles before have been read
                if (pieces > 1 | key0 == 0)
                {
                    AttentionSimt.Fill<TElement, TLanes>(queries, pitch, Own, g.Query + rows, g.StrideQuery, firstQuery, length, part * width, g.HeadSize);
                    AttentionSimt.Fill<TElement, TLanes>(gradients, pitch, Own, b.DContext + contexts, g.StrideContext, firstQuery, length, part * width,
                        g.HeadSize);
                }
                AttentionSimt.Fill<TElement, TLanes>(keys, pitch, Swept, g.Key + rows, g.StrideQuery, key0, length, part * width, g.HeadSize);
                AttentionSimt.Fill<TElement, TLanes>(values, pitch, Swept, g.Value + rows, g.StrideQuery, key0, length, part * width, g.HeadSize);
                Group.Barrier();
                Products<TLanes>(score, myQueries, keys + lane * pitch);
                Products<TLanes>(slope, myGradients, values + lane * pitch);
            }
            if (pieces > 1)
            {
                Group.Barrier();
                AttentionSimt.Fill<TElement, TLanes>(keys, pitch, Swept, g.Key + rows, g.StrideQuery, key0, length, piece * width, g.HeadSize);
                Group.Barrier();
            }
            uint kept = AttentionMask.OfQueries(b.Forward.Dropout, first + query0, first + length, head, key0, lane);
            for (int q = 0; q < OwnPerWarp; q++)
            {
                uint query = query0 + (uint)q, key = key0 + lane, place = 0;
                float s = score[q] * g.Scale;
                bool isInside = query < length & key < length;
                if (g.Bias != 0 & isInside)
                {
                    place = AttentionSimt.BiasPlace(g, first, query, key);
                    s += LoadFloat(g.Bias + Wide(head * g.BiasWidth + place, 4), 0);
                }
                float p = isInside ? Exp2(s - logSum[q]) : 0, factor = AttentionMask.Factor(kept, q, lane, b.Forward.Dropout);
                StoreShared(myWeights + lane * 4, q * Swept * 4, p * Fma(slope[q], factor, -delta[q]));
                if (b.BiasSums != 0) { StoreShared(myBuckets + lane * 4, q * Swept * 4, Load(b.Buckets + Wide(place, 4), 0)); }
            }
            WarpBarrier();
            if (b.BiasSums != 0)
            {
                for (int q = 0; q < OwnPerWarp; q++)
                {
                    for (int k = 0; k < Swept; k += 4)
                    {
                        Float4 ds = LoadSharedFloat4(myWeights, q * Swept * 4 + k * 4);
                        Quad bucket = LoadSharedQuad(myBuckets, q * Swept * 4 + k * 4);
                        ofBucket += (bucket.X == lane ? ds.X : 0) + (bucket.Y == lane ? ds.Y : 0)
                            + ((bucket.Z == lane ? ds.Z : 0) + (bucket.W == lane ? ds.W : 0));
                    }
                }
            }
            Accumulate<TLanes>(result, myWeights, keys + lane * 4);
        }
        Write<TElement, TLanes>(result, b.DQuery + rows, g.StrideQuery, query0, length, piece * width + lane, g.HeadSize, b.Factor);
        if (b.BiasSums != 0 & piece == 0)
        {
            Group.Barrier();
            StoreShared(weights + thread * 4, 0, ofBucket);
            Group.Barrier();
            if (warp == 0)
            {
                uint at = weights + lane * 4;
                float total = LoadSharedFloat(at, 0) + LoadSharedFloat(at, 128) + (LoadSharedFloat(at, 256) + LoadSharedFloat(at, 384));
                uint heads = (uint)Grid.DimY / pieces;
                Store(b.BiasSums + Wide((uint)Grid.IdxX, heads * 128) + Wide(lane * heads + head, 4), 0, total);
            }
        }
    }

    private static void KeyValue<TElement, TLanes>(AttentionBackwardArguments b) where TElement : struct, IElement where TLanes : struct, IHeadLanes
    {
        AttentionArguments g = b.Forward.Attention;
        uint width = (uint)TLanes.Count * 32, pitch = (width + 4) * 4;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5;
        uint pieces = (g.HeadSize + width - 1) >> TLanes.Shift, head = (uint)Grid.IdxY / pieces, piece = (uint)Grid.IdxY - head * pieces;
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 8);
        uint sequence = Load(tile, 0), firstKey = Load(tile, 4);
        ulong offset = g.Offsets + Wide(sequence, 4);
        uint first = Load(offset, 0), length = Load(offset, 4) - first, key0 = firstKey + warp * OwnPerWarp;
        ulong column = Wide(head * g.HeadSize, TElement.Bytes), rows = Wide(first, g.StrideQuery) + column, contexts = Wide(first, g.StrideContext) + column;

        uint keys = SharedBase(), values = keys + Own * pitch, queries = values + Own * pitch, gradients = queries + Swept * pitch;
        uint weights = gradients + Swept * pitch, slopes = weights + Own * Swept * 4;
        uint myKeys = keys + warp * OwnPerWarp * pitch, myValues = values + warp * OwnPerWarp * pitch;
        uint myWeights = weights + warp * OwnPerWarp * Swept * 4, mySlopes = slopes + warp * OwnPerWarp * Swept * 4;

        float[,] dKey = new float[OwnPerWarp, TLanes.Count], dValue = new float[OwnPerWarp, TLanes.Count];
        for (uint query0 = 0; query0 < length; query0 += Swept)
        {
            float[] score = new float[OwnPerWarp], slope = new float[OwnPerWarp];
            for (uint part = 0; part < pieces; part++)
            {
                Group.Barrier(); // the tiles before have been read
                if (pieces > 1 | query0 == 0)
                {
                    AttentionSimt.Fill<TElement, TLanes>(keys, pitch, Own, g.Key + rows, g.StrideQuery, firstKey, length, part * width, g.HeadSize);
                    AttentionSimt.Fill<TElement, TLanes>(values, pitch, Own, g.Value + rows, g.StrideQuery, firstKey, length, part * width, g.HeadSize);
                }
                FillQueries<TElement, TLanes>(queries, gradients, pitch, b, rows, contexts, query0, length, part * width);
                Group.Barrier();
                Products<TLanes>(score, myKeys, queries + lane * pitch);
                Products<TLanes>(slope, myValues, gradients + lane * pitch);
            }
            if (pieces > 1)
            {
                Group.Barrier();
                FillQueries<TElement, TLanes>(queries, gradients, pitch, b, rows, contexts, query0, length, piece * width);
                Group.Barrier();
            }
            uint query = query0 + lane, row = first + Within(query, length);
            ulong sums = Wide(head * b.Forward.Rows + row, 4);
            float logSum = LoadFloat(b.Forward.LogSums + sums, 0), delta = LoadFloat(b.Deltas + sums, 0);
            uint kept = AttentionMask.OfKeys(b.Forward.Dropout, row, head, key0) >> (int)(key0 & 4);
            for (int k = 0; k < OwnPerWarp; k++)
            {
                uint key = key0 + (uint)k;
                float s = score[k] * g.Scale;
                bool isInside = query < length & key < length;
                if (g.Bias != 0 & isInside) { s += LoadFloat(g.Bias + Wide(head * g.BiasWidth + AttentionSimt.BiasPlace(g, first, query, key), 4), 0); }
                float p = isInside ? Exp2(s - logSum) : 0, factor = (kept >> k & 1) != 0 ? b.Forward.Dropout.Scale : 0;
                StoreShared(myWeights + lane * 4, k * Swept * 4, p * factor);
                StoreShared(mySlopes + lane * 4, k * Swept * 4, p * Fma(slope[k], factor, -delta));
            }
            WarpBarrier();
            Accumulate<TLanes>(dValue, myWeights, gradients + lane * 4);
            Accumulate<TLanes>(dKey, mySlopes, queries + lane * 4);
        }
        Write<TElement, TLanes>(dKey, b.DKey + rows, g.StrideQuery, key0, length, piece * width + lane, g.HeadSize, b.Factor);
        Write<TElement, TLanes>(dValue, b.DValue + rows, g.StrideQuery, key0, length, piece * width + lane, g.HeadSize, 1);
    }

    private static void FillQueries<TElement, TLanes>(uint queries, uint gradients, uint pitch, AttentionBackwardArguments b, ulong rows, ulong contexts,
        uint query0, uint length, uint piece) where TElement : struct, IElement where TLanes : struct, IHeadLanes
    {
        AttentionArguments g = b.Forward.Attention;
        AttentionSimt.Fill<TElement, TLanes>(queries, pitch, Swept, g.Query + rows, g.StrideQuery, query0, length, piece, g.HeadSize);
        AttentionSimt.Fill<TElement, TLanes>(gradients, pitch, Swept, b.DContext + contexts, g.StrideContext, query0, length, piece, g.HeadSize);
    }

    /// <summary>A row of the sequence: where a tile is cut, the last is read again.</summary>
    private static uint Within(uint row, uint length) => row < length ? row : length - 1;

    /// <summary>The warp's four rows times the lane's.</summary>
    private static void Products<TLanes>(float[] sum, uint own, uint swept) where TLanes : struct, IHeadLanes
    {
        for (int d = 0; d < TLanes.Count * 8; d++)
        {
            Float4 y = LoadSharedFloat4(swept, d * 16);
            for (int i = 0; i < OwnPerWarp; i++)
            {
                Float4 x = LoadSharedFloat4(own, i * (TLanes.Count * 32 + 4) * 4 + d * 16);
                sum[i] = Fma(x.X, y.X, Fma(x.Y, y.Y, Fma(x.Z, y.Z, Fma(x.W, y.W, sum[i]))));
            }
        }
    }

    /// <summary>sum[i, c] += the weights of row i times the lane's columns of the swept rows.</summary>
    private static void Accumulate<TLanes>(float[,] sum, uint weights, uint swept) where TLanes : struct, IHeadLanes
    {
        for (int k = 0; k < Swept; k += 4)
        {
            for (int c = 0; c < TLanes.Count; c++)
            {
                int row = (TLanes.Count * 32 + 4) * 4, at = k * (TLanes.Count * 32 + 4) * 4 + c * 128;
                float v0 = LoadSharedFloat(swept, at), v1 = LoadSharedFloat(swept, at + row);
                float v2 = LoadSharedFloat(swept, at + 2 * row), v3 = LoadSharedFloat(swept, at + 3 * row);
                for (int i = 0; i < OwnPerWarp; i++)
                {
                    Float4 p = LoadSharedFloat4(weights, i * Swept * 4 + k * 4);
                    sum[i, c] = Fma(p.X, v0, Fma(p.Y, v1, Fma(p.Z, v2, Fma(p.W, v3, sum[i, c]))));
                }
            }
        }
    }

    private static void Write<TElement, TLanes>(float[,] result, ulong to, uint stride, uint row0, uint length, uint column, uint headSize, float factor)
        where TElement : struct, IElement where TLanes : struct, IHeadLanes
    {
        for (int i = 0; i < OwnPerWarp; i++)
        {
            uint row = row0 + (uint)i;
            for (int c = 0; c < TLanes.Count; c++)
            {
                uint d = column + (uint)c * 32;
                if (row < length & d < headSize) { TElement.Store(to + Wide(row, stride) + Wide(d, TElement.Bytes), result[i, c] * factor); }
            }
        }
    }
}
