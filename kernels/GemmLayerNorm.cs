using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>How many columns of the row a warp of the fused kernel holds.</summary>
public interface IRowWidth
{
    /// <summary>Columns of the whole row: 128, 256 or 384.</summary>
    static abstract int Columns { get; }
}

/// <summary>Rows of 128.</summary>
public readonly struct Width128 : IRowWidth { public static int Columns => 128; }

/// <summary>Rows of 256.</summary>
public readonly struct Width256 : IRowWidth { public static int Columns => 256; }

/// <summary>Rows of 384.</summary>
public readonly struct Width384 : IRowWidth { public static int Columns => 384; }

/// <summary>C = LayerNorm(A B^T + bias + residual) on tensor cores (tier A); in training with dropout before the residual, and what was normalised is
/// kept.</summary>
/// <remarks>
/// A block of 8 warps (2 x 4) computes 64 whole rows, so that a row's mean and variance stay in the block: quad shuffles, then an exchange of
/// [64][4] partial sums in shared memory. Two passes in registers, mean and then variance of the centred values, like the reference.
/// It saves the trip of the sum through memory and two launches a layer; 64 rows because 32 would be bound by L2 (gpu.md 1).
/// Three stages of cp.async, swizzled tiles, and the result through shared memory as in <see cref="GemmMma"/>.
/// The grid is (1, rows / 64 rounded up). Needs more than 48 KB of shared memory for 384 columns.
/// </remarks>
public static class GemmLayerNorm
{
    private const int TileRows = 64, TileDepth = 32, Threads = 256, Stages = 3, OperandA = TileRows * SwizzledTile.RowBytes;

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 128, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 128) * SwizzledTile.RowBytes)]
    public static void GemmLayerNorm128F16(GemmArguments g) => Run<TensorFloat16, Width128, Inference>(new GemmLayerNormTrainingArguments { Gemm = g });

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 256, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 256) * SwizzledTile.RowBytes)]
    public static void GemmLayerNorm256F16(GemmArguments g) => Run<TensorFloat16, Width256, Inference>(new GemmLayerNormTrainingArguments { Gemm = g });

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 384, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 384) * SwizzledTile.RowBytes)]
    public static void GemmLayerNorm384F16(GemmArguments g) => Run<TensorFloat16, Width384, Inference>(new GemmLayerNormTrainingArguments { Gemm = g });

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 128, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 128) * SwizzledTile.RowBytes)]
    public static void GemmLayerNorm128BF16(GemmArguments g) => Run<TensorBFloat16, Width128, Inference>(new GemmLayerNormTrainingArguments { Gemm = g });

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 256, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 256) * SwizzledTile.RowBytes)]
    public static void GemmLayerNorm256BF16(GemmArguments g) => Run<TensorBFloat16, Width256, Inference>(new GemmLayerNormTrainingArguments { Gemm = g });

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 384, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 384) * SwizzledTile.RowBytes)]
    public static void GemmLayerNorm384BF16(GemmArguments g) => Run<TensorBFloat16, Width384, Inference>(new GemmLayerNormTrainingArguments { Gemm = g });

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 128, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 128) * SwizzledTile.RowBytes)]
    public static void GemmLayerNormTraining128F16(GemmLayerNormTrainingArguments t) => Run<TensorFloat16, Width128, Training>(t);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 128, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 128) * SwizzledTile.RowBytes)]
    public static void GemmLayerNormTraining128BF16(GemmLayerNormTrainingArguments t) => Run<TensorBFloat16, Width128, Training>(t);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 256, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 256) * SwizzledTile.RowBytes)]
    public static void GemmLayerNormTraining256F16(GemmLayerNormTrainingArguments t) => Run<TensorFloat16, Width256, Training>(t);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 256, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 256) * SwizzledTile.RowBytes)]
    public static void GemmLayerNormTraining256BF16(GemmLayerNormTrainingArguments t) => Run<TensorBFloat16, Width256, Training>(t);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 384, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 384) * SwizzledTile.RowBytes)]
    public static void GemmLayerNormTraining384F16(GemmLayerNormTrainingArguments t) => Run<TensorFloat16, Width384, Training>(t);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = 384, TileDepth = TileDepth, SharedBytes = Stages * (TileRows + 384) * SwizzledTile.RowBytes)]
    public static void GemmLayerNormTraining384BF16(GemmLayerNormTrainingArguments t) => Run<TensorBFloat16, Width384, Training>(t);

    private static void Run<TElement, TWidth, TPass>(GemmLayerNormTrainingArguments t)
        where TElement : struct, ITensorElement where TWidth : struct, IRowWidth where TPass : struct, IPass
    {
        GemmArguments g = t.Gemm;
        uint stage = (uint)(OperandA + TWidth.Columns * SwizzledTile.RowBytes), rowBytes = (uint)TWidth.Columns * 2, exchange = TileRows * rowBytes;
        uint thread = (uint)Group.IdxX, lane = thread & 31, warp = thread >> 5, warpRow = warp >> 2 << 5, warpColumn = (warp & 3) * (uint)(TWidth.Columns >> 2);
        uint row0 = (uint)Grid.IdxY * TileRows, shared = SharedBase(), row = thread >> 2, put = shared + SwizzledTile.Put(thread);
        uint aBytes = row0 + row < g.Rows ? 16u : 0u;
        ulong aRow = g.A + Wide(aBytes != 0 ? row0 + row : 0, g.StrideA) + ((thread & 3) << 4);
        ulong[] bRow = new ulong[TWidth.Columns >> 6];
        for (int i = 0; i < TWidth.Columns >> 6; i++) { bRow[i] = g.B + Wide(row + (uint)i * 64, g.StrideB) + ((thread & 3) << 4); }
        uint[] aLane = new uint[2], bLane = new uint[2];
        SwizzledTile.LeftLanes(aLane, shared + warpRow * SwizzledTile.RowBytes, lane);
        SwizzledTile.RightLanes(bLane, shared + OperandA + warpColumn * SwizzledTile.RowBytes, lane);

        uint loading = 0, reading = 0;
        for (int s = 0; s < Stages - 1; s++)
        {
            if ((uint)s < g.Steps) { Copy<TWidth>(put + loading, ref aRow, aBytes, bRow); }
            CommitGroup();
            loading += stage;
        }
        Float4[,] sum = new Float4[2, TWidth.Columns >> 5];
        for (uint step = 0; step < g.Steps; step++)
        {
            WaitGroup(Stages - 2);
            Group.Barrier();
            if (step + (Stages - 1) < g.Steps) { Copy<TWidth>(put + loading, ref aRow, aBytes, bRow); }
            CommitGroup();
            TensorTile.MultiplyStep<TElement>(sum, aLane, bLane, reading, 2, TWidth.Columns >> 6);
            loading = loading == 2 * stage ? 0 : loading + stage;
            reading = reading == 2 * stage ? 0 : reading + stage;
        }
        Group.Barrier(); // the last step has waited for every copy: the groups behind it are empty

        // This thread has rows top, + 8, + 16, + 24 and columns left, left + 1, left + 8, ...
        uint group = lane >> 2, quad = lane & 3, top = warpRow + group, left = warpColumn + quad * 2;
        float[,] value = new float[4, TWidth.Columns >> 4];
        for (int i = 0; i < 2; i++)
        {
            for (int h = 0; h < 2; h++)
            {
                uint r = row0 + top + (uint)(i * 16 + h * 8);
                ulong at = g.Residual + Wide(r, g.StrideC) + left * 2;
                uint[] numbers = new uint[TWidth.Columns >> 5];
                if (TPass.Trains) { Draw<TWidth>(numbers, t.Dropout, r < g.Rows ? r : row0, warpColumn >> 3, quad); }
                for (int j = 0; j < TWidth.Columns >> 5; j++)
                {
                    Float2 bias = LoadFloat2(g.Bias + Wide(left, 4), j * 32), old = TElement.Unpack(LoadIf(r < g.Rows, at, j * 16));
                    Float4 s = sum[i, j];
                    float x = h == 0 ? s.X : s.Z, y = h == 0 ? s.Y : s.W;
                    x += bias.X;
                    y += bias.Y;
                    if (TPass.Trains)
                    {
                        x *= Dropout.Factor(numbers[j] & 0xffff, t.Dropout);
                        y *= Dropout.Factor(numbers[j] >> 16, t.Dropout);
                    }
                    value[i * 2 + h, j * 2] = x + old.X;
                    value[i * 2 + h, j * 2 + 1] = y + old.Y;
                }
            }
        }
        uint tile = shared + top * rowBytes + quad * 4;
        if (TPass.Trains)
        {
            for (int j = 0; j < TWidth.Columns >> 5; j++)
            {
                uint at = tile + (((warpColumn >> 3) + (uint)j ^ group) << 4);
                for (int i = 0; i < 4; i++) { StoreShared(at + (uint)i * 8 * rowBytes, 0, TElement.Pack(value[i, j * 2], value[i, j * 2 + 1])); }
            }
            Group.Barrier();
            StoreRows<TWidth>(t.Sum, g, row0, shared);
        }
        float inverse = Divide(1, ToFloat((uint)TWidth.Columns));
        float[] mean = new float[4], rstd = new float[4];
        for (int i = 0; i < 4; i++)
        {
            float total = 0;
            for (int j = 0; j < TWidth.Columns >> 4; j++) { total += value[i, j]; }
            mean[i] = total;
        }
        RowSums(mean, shared + exchange, top, warp, quad);
        for (int i = 0; i < 4; i++)
        {
            float average = mean[i] * inverse, squares = 0;
            mean[i] = average;
            for (int j = 0; j < TWidth.Columns >> 4; j++)
            {
                float centred = value[i, j] - average;
                value[i, j] = centred;
                squares = Fma(centred, centred, squares);
            }
            rstd[i] = squares;
        }
        Group.Barrier();
        RowSums(rstd, shared + exchange, top, warp, quad);
        for (int i = 0; i < 4; i++) { rstd[i] = Divide(1, SquareRoot(Fma(rstd[i], inverse, g.Epsilon))); }
        for (int j = 0; j < TWidth.Columns >> 5; j++)
        {
            Float2 gamma = LoadFloat2(g.Gamma + Wide(left, 4), j * 32), beta = LoadFloat2(g.Beta + Wide(left, 4), j * 32);
            uint at = tile + (((warpColumn >> 3) + (uint)j ^ group) << 4);
            for (int i = 0; i < 4; i++)
            {
                StoreShared(at + (uint)i * 8 * rowBytes, 0,
                    TElement.Pack(Fma(value[i, j * 2] * rstd[i], gamma.X, beta.X), Fma(value[i, j * 2 + 1] * rstd[i], gamma.Y, beta.Y)));
            }
        }
        if (TPass.Trains)
        {
            for (int i = 0; i < 4; i++)
            {
                uint r = row0 + top + (uint)i * 8;
                if ((warp & 3) == 0 & quad == 0 & r < g.Rows) { Store(t.Statistics + Wide(r, 8), 0, new Float2 { X = mean[i], Y = rstd[i] }); }
            }
        }
        Group.Barrier();
        StoreRows<TWidth>(g.C, g, row0, shared);
    }

    /// <summary>The tile in shared memory to rows of C's stride.</summary>
    private static void StoreRows<TWidth>(ulong to, GemmArguments g, uint row0, uint shared) where TWidth : struct, IRowWidth
    {
        for (uint e = (uint)Group.IdxX; e < TileRows * 16; e += Threads)
        {
            uint r = e >> 4, chunk = e & 15;
            for (int k = 0; k < TWidth.Columns >> 7; k++)
            {
                uint q = chunk + (uint)k * 16;
                Quad c = LoadSharedQuad(shared + r * ((uint)TWidth.Columns * 2) + ((q ^ (r & 7)) << 4), 0);
                if (row0 + r < g.Rows) { Store(to + Wide(row0 + r, g.StrideC) + (q << 4), 0, c); }
            }
        }
    }

    /// <summary>Dropout's numbers of this lane's columns of a row.</summary>
    private static void Draw<TWidth>(uint[] numbers, DropoutArguments g, uint row, uint block, uint quad) where TWidth : struct, IRowWidth
    {
        uint number = Load(g.Rows + Wide(row, 4), 0);
        for (int k = 0; k < TWidth.Columns >> 7; k++)
        {
            uint[] four = new uint[4];
            QuadLanes.Draw(four, g, number, block + (uint)k * 4, quad);
            for (int q = 0; q < 4; q++) { numbers[k * 4 + q] = four[q]; }
        }
    }

    private static void Copy<TWidth>(uint put, ref ulong aRow, uint aBytes, ulong[] bRow) where TWidth : struct, IRowWidth
    {
        CopyAsync(put, 0, aRow, aBytes);
        aRow += TileDepth * 2;
        for (int i = 0; i < TWidth.Columns >> 6; i++)
        {
            CopyAsync(put, OperandA + i * 64 * SwizzledTile.RowBytes, bRow[i], 16);
            bRow[i] += TileDepth * 2;
        }
    }

    /// <summary>Sums over a row: the quad's lanes, then the four warps that share the row, always in this order.</summary>
    private static void RowSums(float[] part, uint exchange, uint top, uint warp, uint quad)
    {
        for (int i = 0; i < 4; i++)
        {
            part[i] += ShuffleXor(part[i], 1);
            part[i] += ShuffleXor(part[i], 2);
        }
        uint at = exchange + top * 16 + (warp & 3) * 4;
        for (int i = 0; i < 4; i++)
        {
            if (quad == 0) { StoreShared(at, i * 128, part[i]); }
        }
        Group.Barrier();
        for (int i = 0; i < 4; i++)
        {
            Float4 all = LoadSharedFloat4(exchange + top * 16, i * 128);
            part[i] = all.X + all.Y + (all.Z + all.W);
        }
    }
}
