using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Width of a head in the tensor-core kernel.</summary>
public interface IHeadWidth
{
    /// <summary>Steps of 32 elements: 1 or 2.</summary>
    static abstract int Steps { get; }
}

/// <summary>Heads of 32.</summary>
public readonly struct Head32 : IHeadWidth { public static int Steps => 1; }

/// <summary>Heads of 64.</summary>
public readonly struct Head64 : IHeadWidth { public static int Steps => 2; }

/// <summary>Attention within each sequence on tensor cores (tier A): heads of 32 or 64, any length, no score matrix
/// (FlashAttention-2, arXiv:2307.08691).</summary>
/// <remarks>
/// A block is one (sequence, head); a warp owns 16 queries and sweeps the keys 64 at a time with an online softmax in powers of two.
/// K and V of up to ResidentKeys keys lie in shared memory, each 32 elements of a head as a swizzled tile of its own; a sequence that fits is loaded
/// once and then needs no barrier. Query fragments come straight from global memory, through a transposition within each quad. The sums of S are laid out as
/// the left operand of P V needs them, so P never leaves the registers; V is read transposed by ldmatrix.
/// Bound for heads of 32: 34 ex2 and some 300 instructions for 32 mma, so issue and MUFU, not the tensor cores (gpu.md 1).
/// The grid is (sequences, heads); shared memory is two tiles of ResidentKeys (a multiple of 64) rows.
/// </remarks>
public static class AttentionMma
{
    private const int Threads = 128, Block = 64;

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMma32F16(AttentionArguments g) => Run<TensorFloat16, Head32, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMma64F16(AttentionArguments g) => Run<TensorFloat16, Head64, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMma32BF16(AttentionArguments g) => Run<TensorBFloat16, Head32, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMma64BF16(AttentionArguments g) => Run<TensorBFloat16, Head64, Inference>(new AttentionTrainingArguments { Attention = g });

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMmaTraining32F16(AttentionTrainingArguments t) => Run<TensorFloat16, Head32, Training>(t);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMmaTraining32BF16(AttentionTrainingArguments t) => Run<TensorBFloat16, Head32, Training>(t);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMmaTraining64F16(AttentionTrainingArguments t) => Run<TensorFloat16, Head64, Training>(t);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMmaTraining64BF16(AttentionTrainingArguments t) => Run<TensorBFloat16, Head64, Training>(t);

    private static void Run<TElement, THead, TPass>(AttentionTrainingArguments t)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth where TPass : struct, IPass
    {
        AttentionArguments g = t.Attention;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, group = lane >> 2, quad = lane & 3, shared = SharedBase();
        ulong offset = g.Offsets + Wide((uint)Grid.IdxX, 4);
        uint first = Load(offset, 0), length = Load(offset, 4) - first;
        ulong column = Wide((uint)Grid.IdxY, (uint)THead.Steps * 64), origin = Wide(first, g.StrideQuery) + column;
        uint half = g.ResidentKeys * SwizzledTile.RowBytes, values = shared + half * (uint)THead.Steps; // a tile of 32 elements; where V begins
        uint[] keyAt = new uint[2], valueAt = new uint[2];
        SwizzledTile.RightLanes(keyAt, shared, lane);
        SwizzledTile.TransposedLanes(valueAt, values, lane);
        uint tiles = (length + 15) >> 4, rounds = (tiles + 3) >> 2;

        for (uint round = 0; round < rounds; round++)
        {
            uint tile = round * 4 + warp, row = tile * 16 + group;
            bool active = tile < tiles;
            uint upperNumber = 0, lowerNumber = 0, maskBlock = (uint)Grid.IdxY << 13;
            if (TPass.Trains)
            {
                upperNumber = Load(t.Dropout.Rows + Wide(first + Within(row, length), 4), 0);
                lowerNumber = Load(t.Dropout.Rows + Wide(first + Within(row + 8, length), 4), 0);
            }
            Quad[] query = new Quad[THead.Steps * 2];
            LoadRows<THead>(query, g.Query + origin, g.StrideQuery, row, length, quad);
            float[] max = new float[2], sum = new float[2], result = new float[THead.Steps * 16];
            for (int h = 0; h < 2; h++) { max[h] = float.NegativeInfinity; }

            for (uint chunk = 0; chunk < length; chunk += g.ResidentKeys)
            {
                uint count = length - chunk < g.ResidentKeys ? length - chunk : g.ResidentKeys;
                if (length > g.ResidentKeys | round == 0)
                {
                    Group.Barrier();
                    CopyRows<THead>(shared, half, g.Key + origin, g.StrideQuery, chunk, count, length);
                    CopyRows<THead>(values, half, g.Value + origin, g.StrideQuery, chunk, count, length);
                    CommitGroup();
                    WaitGroup(0);
                    Group.Barrier();
                }
                if (active)
                {
                    for (uint block = 0; block < count; block += Block)
                    {
                        Step<TElement, THead, TPass>(query, keyAt, valueAt, block * SwizzledTile.RowBytes, half, length - chunk - block, quad,
                            g.Scale, max, sum, result, t.Dropout, upperNumber, lowerNumber, maskBlock + (chunk + block >> 3));
                    }
                }
            }
            if (active)
            {
                for (int h = 0; h < 2; h++)
                {
                    uint r = row + (uint)h * 8;
                    float total = sum[h] + ShuffleXor(sum[h], 1);
                    total += ShuffleXor(total, 2);
                    if (TPass.Trains)
                    {
                        ulong at = t.LogSums + Wide((uint)Grid.IdxY * t.Rows + first + r, 4);
                        if (quad == 0 & r < length) { Store(at, 0, Fma(max[h], g.Scale, Log2(total))); }
                    }
                    ulong context = g.Context + Wide(first, g.StrideContext) + column;
                    StoreRow<TElement, THead>(result, h, Reciprocal(total), context, g.StrideContext, r, length, quad);
                }
            }
        }
    }

    /// <summary>A row of the sequence: where a tile is cut, the last is read again.</summary>
    internal static uint Within(uint row, uint length) => row < length ? row : length - 1;

    /// <summary>Rows row and row + 8 of this lane's quad as left operands: 16 bytes a lane, so that a quad reads whole sectors, and turns them into
    /// fragments.</summary>
    internal static void LoadRows<THead>(Quad[] rows, ulong matrix, uint stride, uint row, uint length, uint quad) where THead : struct, IHeadWidth
    {
        ulong upper = matrix + Wide(row, stride) + quad * 16, lower = matrix + Wide(row + 8, stride) + quad * 16;
        for (int s = 0; s < THead.Steps; s++)
        {
            uint[] top = new uint[4], bottom = new uint[4];
            QuadLanes.Words(top, LoadQuadIf(row < length, upper, s * 64));
            QuadLanes.Words(bottom, LoadQuadIf(row + 8 < length, lower, s * 64));
            QuadLanes.Transpose(top, quad);
            QuadLanes.Transpose(bottom, quad);
            rows[2 * s] = new Quad { X = top[0], Y = bottom[0], Z = top[1], W = bottom[1] };
            rows[2 * s + 1] = new Quad { X = top[2], Y = bottom[2], Z = top[3], W = bottom[3] };
        }
    }

    /// <summary>Rows chunk .. chunk + count, rounded up to 64, into swizzled tiles of 32 elements a row; rows past the sequence are zeros.</summary>
    internal static void CopyRows<THead>(uint to, uint tileBytes, ulong matrix, uint stride, uint chunk, uint count, uint length)
        where THead : struct, IHeadWidth
    {
        uint thread = (uint)Group.IdxX, first = thread >> 2, put = to + SwizzledTile.Put(thread);
        for (uint r = first; r < ((count + 63) & ~63u); r += 32)
        {
            uint bytes = chunk + r < length ? 16u : 0u;
            ulong from = matrix + Wide(bytes != 0 ? chunk + r : 0, stride) + ((thread & 3) << 4);
            for (int s = 0; s < THead.Steps; s++)
            {
                CopyAsync(put + (r - first) * SwizzledTile.RowBytes + (uint)s * tileBytes, 0, from + (ulong)(s * 64), bytes);
            }
        }
    }

    /// <summary>Row r, the upper (h = 0) or lower (1) of this lane's sums, times a factor, 16 bytes a lane.</summary>
    internal static void StoreRow<TElement, THead>(float[] result, int h, float factor, ulong matrix, uint stride, uint r, uint length, uint quad)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        ulong at = matrix + Wide(r, stride) + quad * 16;
        for (int s = 0; s < THead.Steps; s++)
        {
            uint[] words = new uint[4];
            for (int j = 0; j < 4; j++)
            {
                words[j] = TElement.Pack(result[s * 16 + j * 4 + 2 * h] * factor, result[s * 16 + j * 4 + 2 * h + 1] * factor);
            }
            QuadLanes.Transpose(words, quad);
            if (r < length) { Store(at, s * 64, new Quad { X = words[0], Y = words[1], Z = words[2], W = words[3] }); }
        }
    }

    /// <summary>64 keys: S = Q K^T, online softmax, O += P V.</summary>
    private static void Step<TElement, THead, TPass>(Quad[] query, uint[] keyAt, uint[] valueAt, uint at, uint half, uint left, uint quad, float scale,
        float[] max, float[] sum, float[] result, DropoutArguments mask, uint upperNumber, uint lowerNumber, uint maskBlock)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth where TPass : struct, IPass
    {
        float[] s = new float[32];
        Products<TElement, THead>(s, query, keyAt, at, half, 4);
        if (left < Block)
        {
            for (int j = 0; j < 8; j++)
            {
                for (int e = 0; e < 2; e++)
                {
                    bool outside = quad * 2 + (uint)(j * 8 + e) >= left;
                    float x = s[j * 4 + e], y = s[j * 4 + 2 + e];
                    s[j * 4 + e] = outside ? float.NegativeInfinity : x;
                    s[j * 4 + 2 + e] = outside ? float.NegativeInfinity : y;
                }
            }
        }
        for (int h = 0; h < 2; h++) // row group, row group + 8
        {
            float m = s[2 * h];
            for (int j = 0; j < 8; j++)
            {
                for (int e = 0; e < 2; e++) { m = Max(m, s[j * 4 + 2 * h + e]); }
            }
            m = Max(m, ShuffleXor(m, 1));
            m = Max(Max(m, ShuffleXor(m, 2)), max[h]);
            float shrink = Exp2((max[h] - m) * scale), shift = -(m * scale), total = sum[h] * shrink;
            max[h] = m;
            for (int j = 0; j < 8; j++)
            {
                for (int e = 0; e < 2; e++)
                {
                    float p = Exp2(Fma(s[j * 4 + 2 * h + e], scale, shift));
                    s[j * 4 + 2 * h + e] = p;
                    total += p;
                }
            }
            sum[h] = total;
            for (int j = 0; j < THead.Steps * 4; j++)
            {
                for (int e = 0; e < 2; e++) { result[j * 4 + 2 * h + e] = result[j * 4 + 2 * h + e] * shrink; }
            }
        }
        if (TPass.Trains)
        {
            DropKeys(s, 0, mask, upperNumber, lowerNumber, maskBlock, quad);
            DropKeys(s, 16, mask, upperNumber, lowerNumber, maskBlock + 4, quad);
        }
        Accumulate<TElement, THead>(result, s, valueAt, at, half, 4);
    }

    /// <summary>Drops of 16 rows and 32 columns, from sums[at] on.</summary>
    internal static void DropKeys(float[] sums, int at, DropoutArguments mask, uint upperNumber, uint lowerNumber, uint block, uint quad)
    {
        for (int h = 0; h < 2; h++)
        {
            uint[] numbers = new uint[4];
            QuadLanes.Draw(numbers, mask, h == 0 ? upperNumber : lowerNumber, block, quad);
            for (int q = 0; q < 4; q++)
            {
                sums[at + q * 4 + 2 * h] = sums[at + q * 4 + 2 * h] * Dropout.Factor(numbers[q] & 0xffff, mask);
                sums[at + q * 4 + 2 * h + 1] = sums[at + q * 4 + 2 * h + 1] * Dropout.Factor(numbers[q] >> 16, mask);
            }
        }
    }

    /// <summary>sums = rows times 16 * count rows of a tile.</summary>
    internal static void Products<TElement, THead>(float[] sums, Quad[] rows, uint[] tileAt, uint at, uint tileBytes, int count)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        for (int j = 0; j < count; j++)
        {
            for (int h = 0; h < THead.Steps * 2; h++)
            {
                Quad b = LoadMatrices(tileAt[h & 1] + at + (uint)(h >> 1) * tileBytes, j * 16 * SwizzledTile.RowBytes);
                Multiply<TElement>(sums, j * 8, rows[h], b.X, b.Y);
                Multiply<TElement>(sums, j * 8 + 4, rows[h], b.Z, b.W);
            }
        }
    }

    /// <summary>result += weights times 16 * count rows of a tile: sums are laid out as the left operand has them.</summary>
    internal static void Accumulate<TElement, THead>(float[] result, float[] weights, uint[] tileAt, uint at, uint tileBytes, int count)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        for (int j = 0; j < count; j++)
        {
            Quad p = new()
            {
                X = TElement.Pack(weights[j * 8], weights[j * 8 + 1]),
                Y = TElement.Pack(weights[j * 8 + 2], weights[j * 8 + 3]),
                Z = TElement.Pack(weights[j * 8 + 4], weights[j * 8 + 5]),
                W = TElement.Pack(weights[j * 8 + 6], weights[j * 8 + 7]),
            };
            for (int h = 0; h < THead.Steps * 2; h++)
            {
                Quad b = LoadMatricesTransposed(tileAt[h & 1] + at + (uint)(h >> 1) * tileBytes, j * 16 * SwizzledTile.RowBytes);
                Multiply<TElement>(result, h * 8, p, b.X, b.Y);
                Multiply<TElement>(result, h * 8 + 4, p, b.Z, b.W);
            }
        }
    }

    /// <summary>sums[at..at + 3] += a b, one 16x8 tile of a warp.</summary>
    private static void Multiply<TElement>(float[] sums, int at, Quad a, uint b0, uint b1) where TElement : struct, ITensorElement
    {
        Float4 c = TElement.Mma(a, b0, b1, new Float4 { X = sums[at], Y = sums[at + 1], Z = sums[at + 2], W = sums[at + 3] });
        sums[at] = c.X;
        sums[at + 1] = c.Y;
        sums[at + 2] = c.Z;
        sums[at + 3] = c.W;
    }
}
