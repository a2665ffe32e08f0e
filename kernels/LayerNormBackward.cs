using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>What a LayerNorm passes back, and the sums for gamma and beta.</summary>
/// <remarks>
/// A block is 32 rows, a warp every fourth of them; a lane takes 4 consecutive elements every 128. Sums over the block's rows for gamma and beta stand in
/// shared memory, a copy a warp (each lane adds to places of its own: no barrier), and the four copies are added in the warps' order; <see cref="SumParts"/>
/// adds the blocks. The second pass over a row finds it in the first-level cache. Bound: memory.
/// The grid is (rows / 32 rounded up, 1); shared memory is 4 warps * 2 * 4 bytes * Padded.
/// </remarks>
public static class LayerNormBackward
{
    private const int Threads = 128, Warps = Threads / 32, Rows = 32;

    [Kernel(60, Threads, TileRows = Rows, SharedBytesPerUnit = Warps * 8)]
    public static void LayerNormBackwardF32(LayerNormBackwardArguments g) => Run<Float32>(g);

    [Kernel(60, Threads, TileRows = Rows, SharedBytesPerUnit = Warps * 8)]
    public static void LayerNormBackwardF16(LayerNormBackwardArguments g) => Run<Float16>(g);

    [Kernel(80, Threads, TileRows = Rows, SharedBytesPerUnit = Warps * 8)]
    public static void LayerNormBackwardBF16(LayerNormBackwardArguments g) => Run<BFloat16>(g);

    private static void Run<TElement>(LayerNormBackwardArguments g) where TElement : struct, IElement
    {
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, row0 = (uint)Grid.IdxX * Rows;
        uint shared = SharedBase(), both = g.Padded * 8, gammas = shared + warp * both, betas = gammas + g.Padded * 4;
        for (uint d = lane * 4; d < g.Padded; d += 128)
        {
            StoreShared(gammas + d * 4, 0, new Float4());
            StoreShared(betas + d * 4, 0, new Float4());
        }
        float count = ToFloat(g.Width);
        for (uint row = row0 + warp; row < row0 + Rows & row < g.Rows; row += Warps)
        {
            uint number = Load(g.Above.Rows + Wide(row, 4), 0);
            ulong line = Wide(row, g.Stride);
            Float2 statistics = LoadFloat2(g.Statistics + Wide(row, 8), 0);
            float sum = 0, projection = 0;
            for (uint d = lane * 4; d < g.Padded; d += 128)
            {
                ulong at = line + Wide(d, TElement.Bytes);
                Float4 dy = Dropout.Drop(TElement.Load4If(true, g.Dy + at, 0), g.Above, number, d);
                Float4 n = Centred(TElement.Load4If(true, g.X + at, 0), statistics), gamma = LoadFloat4(g.Gamma + Wide(d, 4), 0);
                Float4 gammaSum = LoadSharedFloat4(gammas + d * 4, 0), betaSum = LoadSharedFloat4(betas + d * 4, 0);
                StoreShared(gammas + d * 4, 0, new Float4
                {
                    X = Fma(dy.X, n.X, gammaSum.X),
                    Y = Fma(dy.Y, n.Y, gammaSum.Y),
                    Z = Fma(dy.Z, n.Z, gammaSum.Z),
                    W = Fma(dy.W, n.W, gammaSum.W),
                });
                StoreShared(betas + d * 4, 0,
                    new Float4 { X = betaSum.X + dy.X, Y = betaSum.Y + dy.Y, Z = betaSum.Z + dy.Z, W = betaSum.W + dy.W });
                float a = dy.X * gamma.X, b = dy.Y * gamma.Y, c = dy.Z * gamma.Z, e = dy.W * gamma.W; // 0 past the width, as gamma
                sum += a + b + (c + e);
                projection = Fma(a, n.X, Fma(b, n.Y, Fma(c, n.Z, Fma(e, n.W, projection))));
            }
            float mean = Divide(WarpReduction.Sum(sum), count), slope = Divide(WarpReduction.Sum(projection), count);
            for (uint d = lane * 4; d < g.Padded; d += 128)
            {
                ulong at = line + Wide(d, TElement.Bytes);
                Float4 dy = Dropout.Drop(TElement.Load4If(true, g.Dy + at, 0), g.Above, number, d);
                Float4 n = Centred(TElement.Load4If(true, g.X + at, 0), statistics), gamma = LoadFloat4(g.Gamma + Wide(d, 4), 0);
                Float4 dx = new()
                {
                    X = EmbeddingLayerNorm.Within(d, g.Width, statistics.Y * (Fma(dy.X, gamma.X, -mean) - n.X * slope)),
                    Y = EmbeddingLayerNorm.Within(d + 1, g.Width, statistics.Y * (Fma(dy.Y, gamma.Y, -mean) - n.Y * slope)),
                    Z = EmbeddingLayerNorm.Within(d + 2, g.Width, statistics.Y * (Fma(dy.Z, gamma.Z, -mean) - n.Z * slope)),
                    W = EmbeddingLayerNorm.Within(d + 3, g.Width, statistics.Y * (Fma(dy.W, gamma.W, -mean) - n.W * slope)),
                };
                TElement.Store4(g.Dx + at, dx);
                if (g.Dropped != 0) { TElement.Store4(g.Dropped + at, Dropout.Drop(dx, g.Below, number, d)); }
            }
        }
        Group.Barrier();
        ulong sums = g.Sums + Wide((uint)Grid.IdxX, both);
        for (uint i = thread * 4; i < g.Padded * 2; i += Threads * 4)
        {
            Float4 a = LoadSharedFloat4(shared + i * 4, 0), b = LoadSharedFloat4(shared + both + i * 4, 0),
                c = LoadSharedFloat4(shared + both * 2 + i * 4, 0), d = LoadSharedFloat4(shared + both * 3 + i * 4, 0);
            Store(sums + Wide(i, 4), 0,
                new Float4 { X = a.X + b.X + (c.X + d.X), Y = a.Y + b.Y + (c.Y + d.Y), Z = a.Z + b.Z + (c.Z + d.Z), W = a.W + b.W + (c.W + d.W) });
        }
    }

    private static Float4 Centred(Float4 x, Float2 statistics) => new()
    {
        X = (x.X - statistics.X) * statistics.Y,
        Y = (x.Y - statistics.X) * statistics.Y,
        Z = (x.Z - statistics.X) * statistics.Y,
        W = (x.W - statistics.X) * statistics.Y,
    };
}
