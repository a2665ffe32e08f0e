using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The gradients of attention's q, k and v on tensor cores (tier A): heads of 32 or 64, any length, no score matrix, no atomics.</summary>
/// <remarks>
/// Two passes (FlashAttention-2, arXiv:2307.08691). For dq a warp owns 16 queries and sweeps the keys 32 at a time: S = Q K^T and dP = dC V^T,
/// p = 2^(S - log sum), ds = p (dP - delta), dQ += ds K. For dk and dv a warp owns 16 keys and sweeps the queries: S^T = K Q^T and dP^T = V dC^T, so that p and
/// ds are laid out as left operands again, dV += P^T dC, dK += ds^T Q. What is swept lies in shared memory as keys and values do in
/// <see cref="AttentionMma"/>, read as it lies and transposed.
/// Dropout: for dq as on the way forward; for dk and dv a call has 8 keys of one query, so each lane makes two for the eight that share its queries,
/// and hands out its bits by shuffles.
/// 7 products instead of 5, and nothing leaves a warp. The grid is (sequences, heads); shared memory is two tiles of ResidentKeys rows.
/// </remarks>
public static class AttentionMmaBackward
{
    private const int Threads = 128, Block = 32;

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMmaQueryGradient32F16(AttentionBackwardArguments b) => Query<TensorFloat16, Head32>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMmaQueryGradient32BF16(AttentionBackwardArguments b) => Query<TensorBFloat16, Head32>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMmaQueryGradient64F16(AttentionBackwardArguments b) => Query<TensorFloat16, Head64>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMmaQueryGradient64BF16(AttentionBackwardArguments b) => Query<TensorBFloat16, Head64>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMmaKeyValueGradient32F16(AttentionBackwardArguments b) => KeyValue<TensorFloat16, Head32>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMmaKeyValueGradient32BF16(AttentionBackwardArguments b) => KeyValue<TensorBFloat16, Head32>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMmaKeyValueGradient64F16(AttentionBackwardArguments b) => KeyValue<TensorFloat16, Head64>(b);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMmaKeyValueGradient64BF16(AttentionBackwardArguments b) => KeyValue<TensorBFloat16, Head64>(b);

    private static void Query<TElement, THead>(AttentionBackwardArguments b) where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        AttentionArguments g = b.Forward.Attention;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, group = lane >> 2, quad = lane & 3, shared = SharedBase();
        ulong offset = g.Offsets + Wide((uint)Grid.IdxX, 4);
        uint head = (uint)Grid.IdxY, first = Load(offset, 0), length = Load(offset, 4) - first, tiles = (length + 15) >> 4, rounds = (tiles + 3) >> 2;
        ulong column = Wide(head, (uint)THead.Steps * 64), origin = Wide(first, g.StrideQuery) + column, contexts = Wide(first, g.StrideContext) + column;
        uint half = g.ResidentKeys * SwizzledTile.RowBytes, values = shared + half * (uint)THead.Steps;
        uint[] keyAt = new uint[2], valueAt = new uint[2], keyAcross = new uint[2];
        SwizzledTile.RightLanes(keyAt, shared, lane);
        SwizzledTile.RightLanes(valueAt, values, lane);
        SwizzledTile.TransposedLanes(keyAcross, shared, lane);

        for (uint round = 0; round < rounds; round++)
        {
            uint tile = round * 4 + warp, row = tile * 16 + group;
            bool active = tile < tiles;
            Quad[] query = new Quad[THead.Steps * 2], gradient = new Quad[THead.Steps * 2];
            AttentionMma.LoadRows<THead>(query, g.Query + origin, g.StrideQuery, row, length, quad);
            AttentionMma.LoadRows<THead>(gradient, b.DContext + contexts, g.StrideContext, row, length, quad);
            float[] logSum = new float[2], delta = new float[2], result = new float[THead.Steps * 16];
            uint[] number = new uint[2];
            for (int h = 0; h < 2; h++)
            {
                uint r = row + (uint)h * 8, inside = AttentionMma.Within(r, length);
                ulong sums = Wide(head * b.Forward.Rows + first + inside, 4);
                ulong context = contexts + Wide(inside, g.StrideContext);
                delta[h] = Delta<TElement, THead>(g.Context + context, b.DContext + context, quad);
                logSum[h] = LoadFloat(b.Forward.LogSums + sums, 0);
                number[h] = Load(b.Forward.Dropout.Rows + Wide(first + inside, 4), 0);
                if (r < length & quad == 0) { Store(b.Deltas + sums, 0, delta[h]); }
            }
            for (uint chunk = 0; chunk < length; chunk += g.ResidentKeys)
            {
                uint count = length - chunk < g.ResidentKeys ? length - chunk : g.ResidentKeys;
                if (length > g.ResidentKeys | round == 0)
                {
                    Group.Barrier();
                    AttentionMma.CopyRows<THead>(shared, half, g.Key + origin, g.StrideQuery, chunk, count, length);
                    AttentionMma.CopyRows<THead>(values, half, g.Value + origin, g.StrideQuery, chunk, count, length);
                    CommitGroup();
                    WaitGroup(0);
                    Group.Barrier();
                }
                if (active)
                {
                    for (uint block = 0; block < count; block += Block)
                    {
                        float[] s = new float[16], d = new float[16];
                        uint at = block * SwizzledTile.RowBytes, left = length - chunk - block;
                        AttentionMma.Products<TElement, THead>(s, query, keyAt, at, half, 2);
                        AttentionMma.Products<TElement, THead>(d, gradient, valueAt, at, half, 2);
                        AttentionMma.DropKeys(d, 0, b.Forward.Dropout, number[0], number[1], (head << 13) + (chunk + block >> 3), quad);
                        for (int j = 0; j < 4; j++)
                        {
                            for (int e = 0; e < 4; e++)
                            {
                                float p = Exp2(Fma(s[j * 4 + e], g.Scale, -logSum[e >> 1]));
                                s[j * 4 + e] = quad * 2 + (uint)(j * 8 + (e & 1)) < left ? p * (d[j * 4 + e] - delta[e >> 1]) : 0;
                            }
                        }
                        AttentionMma.Accumulate<TElement, THead>(result, s, keyAcross, at, half, 2);
                    }
                }
            }
            if (active)
            {
                for (int h = 0; h < 2; h++)
                {
                    AttentionMma.StoreRow<TElement, THead>(result, h, b.Factor, b.DQuery + origin, g.StrideQuery, row + (uint)h * 8, length, quad);
                }
            }
        }
    }

    /// <summary>The sum of a row of dC times C, of the head: each lane 16 bytes every 64, then the quad.</summary>
    private static float Delta<TElement, THead>(ulong context, ulong gradient, uint quad)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        float sum = 0;
        for (int s = 0; s < THead.Steps; s++)
        {
            uint[] x = new uint[4], y = new uint[4];
            QuadLanes.Words(x, LoadQuad(context + quad * 16, s * 64));
            QuadLanes.Words(y, LoadQuad(gradient + quad * 16, s * 64));
            for (int i = 0; i < 4; i++)
            {
                Float2 c = TElement.Unpack(x[i]), d = TElement.Unpack(y[i]);
                sum = Fma(c.X, d.X, Fma(c.Y, d.Y, sum));
            }
        }
        sum += ShuffleXor(sum, 1);
        return sum + ShuffleXor(sum, 2);
    }

    private static void KeyValue<TElement, THead>(AttentionBackwardArguments b) where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        AttentionArguments g = b.Forward.Attention;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, group = lane >> 2, quad = lane & 3, shared = SharedBase();
        ulong offset = g.Offsets + Wide((uint)Grid.IdxX, 4);
        uint head = (uint)Grid.IdxY, first = Load(offset, 0), length = Load(offset, 4) - first, tiles = (length + 15) >> 4, rounds = (tiles + 3) >> 2;
        ulong column = Wide(head, (uint)THead.Steps * 64), origin = Wide(first, g.StrideQuery) + column, contexts = Wide(first, g.StrideContext) + column;
        uint half = g.ResidentKeys * SwizzledTile.RowBytes, gradients = shared + half * (uint)THead.Steps;
        uint[] queryAt = new uint[2], gradientAt = new uint[2], queryAcross = new uint[2], gradientAcross = new uint[2];
        SwizzledTile.RightLanes(queryAt, shared, lane);
        SwizzledTile.RightLanes(gradientAt, gradients, lane);
        SwizzledTile.TransposedLanes(queryAcross, shared, lane);
        SwizzledTile.TransposedLanes(gradientAcross, gradients, lane);

        for (uint round = 0; round < rounds; round++)
        {
            uint tile = round * 4 + warp, row = tile * 16 + group;
            bool active = tile < tiles;
            Quad[] key = new Quad[THead.Steps * 2], value = new Quad[THead.Steps * 2];
            AttentionMma.LoadRows<THead>(key, g.Key + origin, g.StrideQuery, row, length, quad);
            AttentionMma.LoadRows<THead>(value, g.Value + origin, g.StrideQuery, row, length, quad);
            float[] dKey = new float[THead.Steps * 16], dValue = new float[THead.Steps * 16];
            for (uint chunk = 0; chunk < length; chunk += g.ResidentKeys)
            {
                uint count = length - chunk < g.ResidentKeys ? length - chunk : g.ResidentKeys;
                if (length > g.ResidentKeys | round == 0)
                {
                    Group.Barrier();
                    AttentionMma.CopyRows<THead>(shared, half, g.Query + origin, g.StrideQuery, chunk, count, length);
                    AttentionMma.CopyRows<THead>(gradients, half, b.DContext + contexts, g.StrideContext, chunk, count, length);
                    CommitGroup();
                    WaitGroup(0);
                    Group.Barrier();
                }
                if (active)
                {
                    for (uint block = 0; block < count; block += Block)
                    {
                        float[] s = new float[16], d = new float[16];
                        uint at = block * SwizzledTile.RowBytes, query0 = chunk + block;
                        AttentionMma.Products<TElement, THead>(s, key, queryAt, at, half, 2);
                        AttentionMma.Products<TElement, THead>(d, value, gradientAt, at, half, 2);
                        uint kept = Bits(b.Forward.Dropout, first, AttentionMma.Within(query0 + (group >> 1) * 8 + quad * 2 + (group & 1), length),
                            (head << 13) + tile * 2);
                        for (int j = 0; j < 4; j++)
                        {
                            for (int e = 0; e < 2; e++)
                            {
                                uint query = query0 + quad * 2 + (uint)(j * 8 + e);
                                ulong sums = Wide(head * b.Forward.Rows + first + AttentionMma.Within(query, length), 4);
                                float logSum = query < length ? LoadFloat(b.Forward.LogSums + sums, 0) : float.PositiveInfinity; // p = 0
                                float delta = LoadFloat(b.Deltas + sums, 0);
                                uint bits = Shuffle(kept, (uint)(j * 2 + e) * 4 + quad) >> (int)group;
                                for (int h = 0; h < 2; h++)
                                {
                                    int i = j * 4 + 2 * h + e;
                                    float p = Exp2(Fma(s[i], g.Scale, -logSum)), factor = (bits >> (h * 8) & 1) != 0 ? b.Forward.Dropout.Scale : 0;
                                    s[i] = p * factor;
                                    d[i] = p * Fma(d[i], factor, -delta);
                                }
                            }
                        }
                        AttentionMma.Accumulate<TElement, THead>(dValue, s, gradientAcross, at, half, 2);
                        AttentionMma.Accumulate<TElement, THead>(dKey, d, queryAcross, at, half, 2);
                    }
                }
            }
            if (active)
            {
                for (int h = 0; h < 2; h++)
                {
                    uint r = row + (uint)h * 8;
                    AttentionMma.StoreRow<TElement, THead>(dKey, h, b.Factor, b.DKey + origin, g.StrideQuery, r, length, quad);
                    AttentionMma.StoreRow<TElement, THead>(dValue, h, 1, b.DValue + origin, g.StrideQuery, r, length, quad);
                }
            }
        }
    }

    /// <summary>Which of 16 keys from 8 block on a query keeps, one bit each.</summary>
    private static uint Bits(DropoutArguments g, uint first, uint query, uint block)
    {
        uint bits = 0xffff;
        if (g.Threshold != 0)
        {
            uint number = Load(g.Rows + Wide(first + query, 4), 0);
            bits = Dropout.Bits(g, number, block) | Dropout.Bits(g, number, block + 1) << 8;
        }
        return bits;
    }
}
