using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>dW = dy^T x on tensor cores (tier A), split over tokens: partial sums, which <see cref="SumParts"/> adds in order.</summary>
/// <remarks>
/// A block of 4 warps computes 128 outputs x 128 inputs in k steps of 32 tokens, each warp a quarter. Rows of dy and of x are k rows of both tiles as they lie
/// in memory, and ldmatrix transposes the fragments. A tile is 32 rows of 256 bytes whose 16-byte chunk c is stored at c ^ (row &amp; 7): copies and ldmatrix
/// touch all banks once. Three stages of cp.async as in <see cref="GemmMma"/>. The gradient of the bias is one more mma with a fragment of ones, in the
/// blocks of a matrix's first inputs. A lane stores two neighbours of its sums, a quad a whole sector.
/// All matrices of a layer are one launch, which fills the GPU: the grid is (tiles, parts).
/// </remarks>
public static class WeightGradientMma
{
    private const int Tile = 128, TileDepth = 32, Threads = 128, Stages = 3, RowBytes = Tile * 2, Operand = TileDepth * RowBytes, Stage = 2 * Operand;

    [Kernel(80, Threads, TileRows = Tile, TileColumns = Tile, TileDepth = TileDepth, SharedBytes = Stages * Stage)]
    public static void WeightGradientMmaF16(WeightGradientArguments g) => Run<TensorFloat16>(g);

    [Kernel(80, Threads, TileRows = Tile, TileColumns = Tile, TileDepth = TileDepth, SharedBytes = Stages * Stage)]
    public static void WeightGradientMmaBF16(WeightGradientArguments g) => Run<TensorBFloat16>(g);

    private static void Run<TElement>(WeightGradientArguments g) where TElement : struct, ITensorElement
    {
        uint thread = (uint)Group.IdxX, lane = thread & 31, part = (uint)Grid.IdxY, shared = SharedBase();
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 16), matrix = g.Matrices + Wide(Load(tile, 0), WeightGradient.Bytes);
        uint output0 = Load(tile, 4), input0 = Load(tile, 8), outputs = Load(matrix, WeightGradient.OutputsAt), inputs = Load(matrix, WeightGradient.InputsAt);
        uint strideDy = Load(matrix, WeightGradient.StrideDyAt), strideX = Load(matrix, WeightGradient.StrideXAt);
        uint first = part * g.RowsOfPart, left = g.Rows - first, rows = left < g.RowsOfPart ? left : g.RowsOfPart, steps = (rows + TileDepth - 1) >> 5;

        // This thread's 16 bytes of every eighth row; columns past the end read the first ones, and give sums that nobody stores.
        uint row = thread >> 4, output = output0 + (thread & 15) * 8, input = input0 + (thread & 15) * 8;
        uint put = shared + row * RowBytes + (((thread & 15) ^ row) << 4);
        ulong dy = LoadWide(matrix, WeightGradient.DyAt) + Wide(first, strideDy) + Wide(output < outputs ? output : output0, 2);
        ulong x = LoadWide(matrix, WeightGradient.XAt) + Wide(first, strideX) + Wide(input < inputs ? input : input0, 2);
        uint warpRow = thread >> 6 << 6, warpColumn = (thread >> 5 & 1) << 6, seven = lane & 7;
        uint[] dyLane = new uint[4], xLane = new uint[4];
        for (int i = 0; i < 4; i++)
        {
            uint chunk = (uint)i * 2;
            dyLane[i] = shared + ((lane >> 4) * 8 + seven) * RowBytes + (((warpRow >> 3) + ((chunk + (lane >> 3 & 1)) ^ seven)) << 4);
            xLane[i] = shared + Operand + ((lane >> 3 & 1) * 8 + seven) * RowBytes + (((warpColumn >> 3) + ((chunk + (lane >> 4)) ^ seven)) << 4);
        }

        uint loading = 0, reading = 0;
        for (int s = 0; s < Stages - 1; s++)
        {
            if ((uint)s < steps) { Copy(put + loading, dy, strideDy, x, strideX, row, rows); }
            CommitGroup();
            row += TileDepth;
            loading += Stage;
        }
        Float4[,] sum = new Float4[4, 8];
        Float4[] bias = new Float4[4];
        uint ones = TElement.Pack(1, 1);
        for (uint step = 0; step < steps; step++)
        {
            WaitGroup(Stages - 2);
            Group.Barrier();
            if (step + (Stages - 1) < steps) { Copy(put + loading, dy, strideDy, x, strideX, row, rows); }
            CommitGroup();
            row += TileDepth;
            for (int half = 0; half < 2; half++)
            {
                Quad[] b = new Quad[4];
                for (int j = 0; j < 4; j++) { b[j] = LoadMatricesTransposed(xLane[j] + reading, half * 16 * RowBytes); }
                for (int i = 0; i < 4; i++)
                {
                    Quad a = LoadMatricesTransposed(dyLane[i] + reading, half * 16 * RowBytes);
                    for (int j = 0; j < 4; j++)
                    {
                        sum[i, 2 * j] = TElement.Mma(a, b[j].X, b[j].Y, sum[i, 2 * j]);
                        sum[i, 2 * j + 1] = TElement.Mma(a, b[j].Z, b[j].W, sum[i, 2 * j + 1]);
                    }
                    bias[i] = TElement.MmaIf(input0 == 0, a, ones, ones, bias[i]);
                }
            }
            loading = loading == (Stages - 1) * Stage ? 0 : loading + Stage;
            reading = reading == (Stages - 1) * Stage ? 0 : reading + Stage;
        }

        uint top = output0 + warpRow + (lane >> 2), side = input0 + warpColumn + (lane & 3) * 2;
        ulong sums = LoadWide(matrix, WeightGradient.SumsAt) + Wide(part, outputs * inputs * 4), biasSums = LoadWide(matrix, WeightGradient.BiasSumsAt);
        for (int i = 0; i < 4; i++)
        {
            for (int h = 0; h < 2; h++)
            {
                uint r = top + (uint)(i * 16 + h * 8);
                if (r < outputs)
                {
                    ulong at = sums + Wide(r * inputs + side, 4);
                    for (int j = 0; j < 8; j++)
                    {
                        Float4 s = sum[i, j];
                        if (side + (uint)j * 8 < inputs) { Store(at, j * 32, h == 0 ? new Float2 { X = s.X, Y = s.Y } : new Float2 { X = s.Z, Y = s.W }); }
                    }
                    if (side == 0 & biasSums != 0) { Store(biasSums + Wide(part * outputs + r, 4), 0, h == 0 ? bias[i].X : bias[i].Z); }
                }
            }
        }
    }

    /// <summary>32 rows of both tiles; rows past the part are zeros.</summary>
    private static void Copy(uint put, ulong dy, uint strideDy, ulong x, uint strideX, uint row, uint rows)
    {
        for (int i = 0; i < 4; i++)
        {
            uint r = row + (uint)i * 8, bytes = r < rows ? 16u : 0u, from = r < rows ? r : 0;
            CopyAsync(put, i * 8 * RowBytes, dy + Wide(from, strideDy), bytes);
            CopyAsync(put, Operand + i * 8 * RowBytes, x + Wide(from, strideX), bytes);
        }
    }
}
