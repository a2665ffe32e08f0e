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
    public static void AttentionMma32F16(AttentionArguments g) => Run<TensorFloat16, Head32>(g);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMma64F16(AttentionArguments g) => Run<TensorFloat16, Head64>(g);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 64)]
    public static void AttentionMma32BF16(AttentionArguments g) => Run<TensorBFloat16, Head32>(g);

    [Kernel(80, Threads, SharedBytesPerUnit = 2 * 128)]
    public static void AttentionMma64BF16(AttentionArguments g) => Run<TensorBFloat16, Head64>(g);

    private static void Run<TElement, THead>(AttentionArguments g) where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, group = lane >> 2, quad = lane & 3, shared = SharedBase();
        ulong offset = g.Offsets + Wide((uint)Grid.IdxX, 4);
        uint first = Load(offset, 0), length = Load(offset, 4) - first;
        ulong column = Wide((uint)Grid.IdxY, (uint)THead.Steps * 64), origin = Wide(first, g.StrideQuery) + column;
        uint half = g.ResidentKeys * SwizzledTile.RowBytes, values = shared + half * (uint)THead.Steps; // a tile of 32 elements; where V begins
        uint swizzle = (lane >> 1) & 3, high = lane >> 4, third = (lane >> 3) & 1, seven = lane & 7;
        uint[] keyAt = new uint[2], valueAt = new uint[2]; // ldmatrix: keys as they lie, values transposed
        for (int h = 0; h < 2; h++)
        {
            keyAt[h] = shared + (high * 8 + seven) * SwizzledTile.RowBytes + (((third | (uint)h * 2) ^ swizzle) << 4);
            valueAt[h] = values + (third * 8 + seven) * SwizzledTile.RowBytes + (((high | (uint)h * 2) ^ swizzle) << 4);
        }
        uint loadRow = thread >> 2, loadTo = SwizzledTile.Put(thread);
        uint tiles = (length + 15) >> 4, rounds = (tiles + 3) >> 2;

        for (uint round = 0; round < rounds; round++)
        {
            uint tile = round * 4 + warp, row = tile * 16 + group;
            bool active = tile < tiles;
            // A lane reads 16 bytes of its two rows, so that a quad reads whole sectors, and the quad turns them into fragments.
            ulong upper = g.Query + origin + Wide(row, g.StrideQuery) + quad * 16, lower = g.Query + origin + Wide(row + 8, g.StrideQuery) + quad * 16;
            Quad[] query = new Quad[THead.Steps * 2];
            for (int s = 0; s < THead.Steps; s++)
            {
                uint[] top = new uint[4], bottom = new uint[4];
                Words(top, LoadQuadIf(row < length, upper, s * 64));
                Words(bottom, LoadQuadIf(row + 8 < length, lower, s * 64));
                TransposeInQuad(top, quad);
                TransposeInQuad(bottom, quad);
                query[2 * s] = new Quad { X = top[0], Y = bottom[0], Z = top[1], W = bottom[1] };
                query[2 * s + 1] = new Quad { X = top[2], Y = bottom[2], Z = top[3], W = bottom[3] };
            }
            float[] max = new float[2], sum = new float[2], result = new float[THead.Steps * 16];
            for (int h = 0; h < 2; h++) { max[h] = float.NegativeInfinity; }

            for (uint chunk = 0; chunk < length; chunk += g.ResidentKeys)
            {
                uint count = length - chunk < g.ResidentKeys ? length - chunk : g.ResidentKeys;
                if (length > g.ResidentKeys | round == 0)
                {
                    Group.Barrier();
                    for (uint r = loadRow; r < ((count + 63) & ~63u); r += 32)
                    {
                        uint bytes = chunk + r < length ? 16u : 0u;
                        ulong from = origin + Wide(bytes != 0 ? chunk + r : 0, g.StrideQuery) + ((thread & 3) << 4);
                        uint to = loadTo + (r - loadRow) * SwizzledTile.RowBytes;
                        for (int s = 0; s < THead.Steps; s++)
                        {
                            CopyAsync(shared + to + (uint)s * half, 0, g.Key + from + (ulong)(s * 64), bytes);
                            CopyAsync(values + to + (uint)s * half, 0, g.Value + from + (ulong)(s * 64), bytes);
                        }
                    }
                    CommitGroup();
                    WaitGroup(0);
                    Group.Barrier();
                }
                if (active)
                {
                    for (uint block = 0; block < count; block += Block)
                    {
                        Step<TElement, THead>(query, keyAt, valueAt, block * SwizzledTile.RowBytes, half, length - chunk - block, quad,
                            g.Scale, max, sum, result);
                    }
                }
            }
            if (active)
            {
                for (int h = 0; h < 2; h++)
                {
                    uint r = row + (uint)h * 8;
                    float total = sum[h] + ShuffleXor(sum[h], 1), inverse = Reciprocal(total + ShuffleXor(total, 2));
                    ulong at = g.Context + Wide(first + r, g.StrideContext) + column + quad * 16;
                    for (int s = 0; s < THead.Steps; s++)
                    {
                        uint[] words = new uint[4];
                        for (int j = 0; j < 4; j++)
                        {
                            words[j] = TElement.Pack(result[s * 16 + j * 4 + 2 * h] * inverse, result[s * 16 + j * 4 + 2 * h + 1] * inverse);
                        }
                        TransposeInQuad(words, quad);
                        if (r < length) { Store(at, s * 64, new Quad { X = words[0], Y = words[1], Z = words[2], W = words[3] }); }
                    }
                }
            }
        }
    }

    private static void Words(uint[] to, Quad from)
    {
        to[0] = from.X;
        to[1] = from.Y;
        to[2] = from.Z;
        to[3] = from.W;
    }

    /// <summary>Word i of lane q of a quad becomes word q of lane i: fragments, 4 bytes a lane every 16, to and from 16 bytes a lane.</summary>
    private static void TransposeInQuad(uint[] words, uint quad)
    {
        bool odd = (quad & 1) != 0, high = (quad & 2) != 0;
        for (int i = 0; i < 4; i += 2)
        {
            uint a = words[i], b = words[i + 1], other = ShuffleXor(odd ? a : b, 1);
            words[i] = odd ? other : a;
            words[i + 1] = odd ? b : other;
        }
        for (int i = 0; i < 2; i++)
        {
            uint a = words[i], b = words[i + 2], other = ShuffleXor(high ? a : b, 2);
            words[i] = high ? other : a;
            words[i + 2] = high ? b : other;
        }
    }

    /// <summary>64 keys: S = Q K^T, online softmax, O += P V.</summary>
    private static void Step<TElement, THead>(Quad[] query, uint[] keyAt, uint[] valueAt, uint at, uint half, uint left, uint quad, float scale, float[] max,
        float[] sum, float[] result)
        where TElement : struct, ITensorElement where THead : struct, IHeadWidth
    {
        float[] s = new float[32];
        for (int j = 0; j < 4; j++)
        {
            for (int h = 0; h < THead.Steps * 2; h++)
            {
                Quad key = LoadMatrices(keyAt[h & 1] + at + (uint)(h >> 1) * half, j * 16 * SwizzledTile.RowBytes);
                Multiply<TElement>(s, j * 8, query[h], key.X, key.Y);
                Multiply<TElement>(s, j * 8 + 4, query[h], key.Z, key.W);
            }
        }
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
        for (int j = 0; j < 4; j++)
        {
            Quad p = new()
            {
                X = TElement.Pack(s[j * 8], s[j * 8 + 1]),
                Y = TElement.Pack(s[j * 8 + 2], s[j * 8 + 3]),
                Z = TElement.Pack(s[j * 8 + 4], s[j * 8 + 5]),
                W = TElement.Pack(s[j * 8 + 6], s[j * 8 + 7]),
            };
            for (int h = 0; h < THead.Steps * 2; h++)
            {
                Quad value = LoadMatricesTransposed(valueAt[h & 1] + at + (uint)(h >> 1) * half, j * 16 * SwizzledTile.RowBytes);
                Multiply<TElement>(result, h * 8, p, value.X, value.Y);
                Multiply<TElement>(result, h * 8 + 4, p, value.Z, value.W);
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
