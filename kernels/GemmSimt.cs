using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>C = activation(A B^T + bias) + residual without tensor cores (tier G): every size, fp32 sums whatever the storage.</summary>
/// <remarks>
/// A block of 128 threads computes 128x64 in k steps of 16; a thread holds 8x8 sums: rows 4 ty .. + 3 and 64 further, columns 4 tx .. + 3
/// and 32 further, so that a warp's reads of both tiles are whole 128-byte lines or broadcasts.
/// A k step lies in shared memory depth-major, a k row of A in 33 and of B in 17 float4: the 4 more floats spread the transposing stores over
/// the banks (2-way at worst, reads conflict-free). Two buffers: the next step waits in registers while this one is computed, one barrier a step.
/// Bound: 64 FMA for 4 shared loads of 16 bytes a thread, so the FP32 pipe.
/// The k loop is in <see cref="Run"/>; the grid is (columns / 64, rows / 128 rounded up).
/// </remarks>
public static class GemmSimt
{
    internal const int TileRows = 128, TileColumns = 64, TileDepth = 16, Threads = 128;
    internal const int PitchA = TileRows / 4 + 1, PitchB = TileColumns / 4 + 1; // of a k row, in float4
    internal const int StartB = TileDepth * PitchA * 16, Buffer = StartB + TileDepth * PitchB * 16, Shared = 2 * Buffer;

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtF32(GemmArguments g) => Run<Float32, Identity>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtGeluF32(GemmArguments g) => Run<Float32, Gelu>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtGeluTanhF32(GemmArguments g) => Run<Float32, GeluTanh>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtReluF32(GemmArguments g) => Run<Float32, Relu>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtTanhF32(GemmArguments g) => Run<Float32, Tanh>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtF16(GemmArguments g) => Run<Float16, Identity>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtGeluF16(GemmArguments g) => Run<Float16, Gelu>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtGeluTanhF16(GemmArguments g) => Run<Float16, GeluTanh>(g);

    [Kernel(60, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtReluF16(GemmArguments g) => Run<Float16, Relu>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtBF16(GemmArguments g) => Run<BFloat16, Identity>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtGeluBF16(GemmArguments g) => Run<BFloat16, Gelu>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtGeluTanhBF16(GemmArguments g) => Run<BFloat16, GeluTanh>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmSimtReluBF16(GemmArguments g) => Run<BFloat16, Relu>(g);

    private static void Run<TElement, TActivation>(GemmArguments g)
        where TElement : struct, IElement where TActivation : struct, IActivation
    {
        float[,] sum = new float[8, 8];
        Multiply<TElement>(g, sum);
        for (int h = 0; h < 2; h++)
        {
            uint column = Column(h);
            Float4 bias = LoadFloat4(g.Bias + Wide(column, 4), 0);
            for (int i = 0; i < 8; i++)
            {
                uint r = Row(i);
                ulong at = Wide(r, g.StrideC) + Wide(column, TElement.Bytes);
                Float4 residual = TElement.Load4If(r < g.Rows & g.Residual != 0, g.Residual + at, 0);
                Float4 c = new()
                {
                    X = TActivation.Apply(sum[i, h * 4] + bias.X) + residual.X,
                    Y = TActivation.Apply(sum[i, h * 4 + 1] + bias.Y) + residual.Y,
                    Z = TActivation.Apply(sum[i, h * 4 + 2] + bias.Z) + residual.Z,
                    W = TActivation.Apply(sum[i, h * 4 + 3] + bias.W) + residual.W,
                };
                if (r < g.Rows) { TElement.Store4(g.C + at, c); }
            }
        }
    }

    /// <summary>The row of C of a thread's sums [i, ...].</summary>
    internal static uint Row(int i) => (uint)Grid.IdxY * TileRows + ((uint)Group.IdxX >> 3) * 4 + (uint)((i & 3) + (i >> 2) * 64);

    /// <summary>The first of four columns of C of a thread's sums [..., 4 h ..].</summary>
    internal static uint Column(int h) => (uint)Grid.IdxX * TileColumns + ((uint)Group.IdxX & 7) * 4 + (uint)h * 32;

    /// <summary>A B^T of the block's tile, a thread's 8x8 of it.</summary>
    internal static void Multiply<TElement>(GemmArguments g, float[,] sum) where TElement : struct, IElement
    {
        uint thread = (uint)Group.IdxX, tx = thread & 7, ty = thread >> 3;
        uint row0 = (uint)Grid.IdxY * TileRows, column0 = (uint)Grid.IdxX * TileColumns, row = thread >> 2, chunk = thread & 3;
        uint shared = SharedBase();
        ulong[] aRow = new ulong[4], bRow = new ulong[2];
        Float4[] aNext = new Float4[4], bNext = new Float4[2];
        for (int i = 0; i < 4; i++) { aRow[i] = g.A + Wide(row0 + row + (uint)i * 32, g.StrideA) + Wide(chunk * 4, TElement.Bytes); }
        for (int i = 0; i < 2; i++) { bRow[i] = g.B + Wide(column0 + row + (uint)i * 32, g.StrideB) + Wide(chunk * 4, TElement.Bytes); }
        uint putA = shared + row * 4 + chunk * (4 * PitchA * 16), putB = shared + StartB + row * 4 + chunk * (4 * PitchB * 16);
        Fetch<TElement>(aNext, aRow, bNext, bRow, row0 + row, g.Rows);
        Spread(putA, aNext, putB, bNext);

        uint buffer = 0;
        for (uint step = 1; step <= g.Steps; step++)
        {
            Group.Barrier();
            if (step < g.Steps) { Fetch<TElement>(aNext, aRow, bNext, bRow, row0 + row, g.Rows); }
            MultiplyStep(sum, shared + buffer + ty * 16, shared + StartB + buffer + tx * 16);
            buffer = Buffer - buffer;
            if (step < g.Steps) { Spread(putA + buffer, aNext, putB + buffer, bNext); }
        }
    }

    /// <summary>One k step in shared memory, from where this thread's rows and columns begin.</summary>
    internal static void MultiplyStep(float[,] sum, uint aAt, uint bAt)
    {
        for (int k = 0; k < TileDepth; k++)
        {
            float[] x = new float[8], y = new float[8];
            for (int h = 0; h < 2; h++)
            {
                Place(x, h * 4, LoadSharedFloat4(aAt, k * PitchA * 16 + h * 256));
                Place(y, h * 4, LoadSharedFloat4(bAt, k * PitchB * 16 + h * 128));
            }
            for (int i = 0; i < 8; i++)
            {
                for (int j = 0; j < 8; j++) { sum[i, j] = Fma(x[i], y[j], sum[i, j]); }
            }
        }
    }

    private static void Place(float[] to, int at, Float4 v)
    {
        to[at] = v.X;
        to[at + 1] = v.Y;
        to[at + 2] = v.Z;
        to[at + 3] = v.W;
    }

    /// <summary>Global memory to registers: 4 elements of 4 rows of A and 2 of B; rows past the end are zeros.</summary>
    private static void Fetch<TElement>(Float4[] a, ulong[] aRow, Float4[] b, ulong[] bRow, uint row, uint rows) where TElement : struct, IElement
    {
        for (int i = 0; i < 4; i++)
        {
            a[i] = TElement.Load4If(row + (uint)i * 32 < rows, aRow[i], 0);
            aRow[i] += TileDepth * TElement.Bytes;
        }
        for (int i = 0; i < 2; i++)
        {
            b[i] = TElement.Load4If(true, bRow[i], 0);
            bRow[i] += TileDepth * TElement.Bytes;
        }
    }

    /// <summary>Registers to shared memory: four consecutive k of a row go to four k rows of the tile.</summary>
    private static void Spread(uint toA, Float4[] a, uint toB, Float4[] b)
    {
        for (int i = 0; i < 4; i++)
        {
            StoreShared(toA, i * 128, a[i].X);
            StoreShared(toA, i * 128 + PitchA * 16, a[i].Y);
            StoreShared(toA, i * 128 + PitchA * 32, a[i].Z);
            StoreShared(toA, i * 128 + PitchA * 48, a[i].W);
        }
        for (int i = 0; i < 2; i++)
        {
            StoreShared(toB, i * 128, b[i].X);
            StoreShared(toB, i * 128 + PitchB * 16, b[i].Y);
            StoreShared(toB, i * 128 + PitchB * 32, b[i].Z);
            StoreShared(toB, i * 128 + PitchB * 48, b[i].W);
        }
    }
}
