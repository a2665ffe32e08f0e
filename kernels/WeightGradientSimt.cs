using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>dW = dy^T x without tensor cores (tier G), split over tokens: partial sums, which <see cref="SumParts"/> adds in order.</summary>
/// <remarks>
/// A block of 128 threads computes 128 outputs x 64 inputs by the loop of <see cref="GemmSimt"/>, whose k is the token here: a token's row of dy and of x is
/// already a k row of the tiles, so nothing is transposed and all shared accesses are conflict-free. Each thread also sums the values of dy that it
/// loads; the blocks of a matrix's first inputs write these sums, the gradient of the bias.
/// All matrices of a layer are one launch: the grid is (tiles, parts). Bound: the FP32 pipe.
/// </remarks>
public static class WeightGradientSimt
{
    private const int TileDepth = GemmSimt.TileDepth, PitchA = GemmSimt.PitchA, PitchB = GemmSimt.PitchB;

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = TileDepth, SharedBytes = GemmSimt.Shared)]
    public static void WeightGradientSimtF32(WeightGradientArguments g) => Run<Float32>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = TileDepth, SharedBytes = GemmSimt.Shared)]
    public static void WeightGradientSimtF16(WeightGradientArguments g) => Run<Float16>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = TileDepth, SharedBytes = GemmSimt.Shared)]
    public static void WeightGradientSimtBF16(WeightGradientArguments g) => Run<BFloat16>(g);

    private static void Run<TElement>(WeightGradientArguments g) where TElement : struct, IElement
    {
        uint thread = (uint)Group.IdxX, part = (uint)Grid.IdxY, shared = SharedBase();
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 16), matrix = g.Matrices + Wide(Load(tile, 0), WeightGradient.Bytes);
        uint output0 = Load(tile, 4), input0 = Load(tile, 8), outputs = Load(matrix, WeightGradient.OutputsAt), inputs = Load(matrix, WeightGradient.InputsAt);
        uint strideDy = Load(matrix, WeightGradient.StrideDyAt), strideX = Load(matrix, WeightGradient.StrideXAt);
        uint first = part * g.RowsOfPart, left = g.Rows - first, rows = left < g.RowsOfPart ? left : g.RowsOfPart;

        // This thread's four channels of dy in every fourth row, and its four of x in every eighth.
        uint output = output0 + (thread & 31) * 4, dyRow = thread >> 5, input = input0 + (thread & 15) * 4, xRow = thread >> 4;
        ulong dy = LoadWide(matrix, WeightGradient.DyAt) + Wide(first + dyRow, strideDy) + Wide(output, TElement.Bytes);
        ulong x = LoadWide(matrix, WeightGradient.XAt) + Wide(first + xRow, strideX) + Wide(input, TElement.Bytes);
        ulong fourRows = Wide(4, strideDy), eightRows = Wide(8, strideX);
        uint dyRows = output < outputs ? rows : 0, xRows = input < inputs ? rows : 0;
        uint putA = shared + dyRow * (PitchA * 16) + (thread & 31) * 16, putB = shared + GemmSimt.StartB + xRow * (PitchB * 16) + (thread & 15) * 16;
        Float4[] aNext = new Float4[4], bNext = new Float4[2];
        Float4 bias = new();
        float[,] sum = new float[8, 8];

        uint buffer = 0, steps = (rows + TileDepth - 1) >> 4;
        for (uint step = 0; step <= steps; step++)
        {
            if (step < steps)
            {
                for (int i = 0; i < 4; i++)
                {
                    aNext[i] = TElement.Load4If(dyRow + (uint)i * 4 < dyRows, dy, 0);
                    dy += fourRows;
                }
                for (int i = 0; i < 2; i++)
                {
                    bNext[i] = TElement.Load4If(xRow + (uint)i * 8 < xRows, x, 0);
                    x += eightRows;
                }
                dyRow += TileDepth;
                xRow += TileDepth;
            }
            if (step > 0)
            {
                GemmSimt.MultiplyStep(sum, shared + buffer + (thread >> 3) * 16, shared + GemmSimt.StartB + buffer + (thread & 7) * 16);
                buffer = GemmSimt.Buffer - buffer;
            }
            if (step < steps)
            {
                for (int i = 0; i < 4; i++)
                {
                    StoreShared(putA + buffer, i * 4 * PitchA * 16, aNext[i]);
                    bias = new Float4 { X = bias.X + aNext[i].X, Y = bias.Y + aNext[i].Y, Z = bias.Z + aNext[i].Z, W = bias.W + aNext[i].W };
                }
                for (int i = 0; i < 2; i++) { StoreShared(putB + buffer, i * 8 * PitchB * 16, bNext[i]); }
                Group.Barrier();
            }
        }

        ulong sums = LoadWide(matrix, WeightGradient.SumsAt) + Wide(part, outputs * inputs * 4);
        for (int h = 0; h < 2; h++)
        {
            uint column = input0 + (thread & 7) * 4 + (uint)h * 32;
            for (int i = 0; i < 8; i++)
            {
                uint row = output0 + (thread >> 3) * 4 + (uint)((i & 3) + (i >> 2) * 64);
                ulong at = sums + Wide(row * inputs + column, 4);
                if (row < outputs & column < inputs)
                {
                    if ((inputs & 3) == 0)
                    {
                        Store(at, 0, new Float4 { X = sum[i, h * 4], Y = sum[i, h * 4 + 1], Z = sum[i, h * 4 + 2], W = sum[i, h * 4 + 3] });
                    }
                    else
                    {
                        for (int j = 0; j < 4; j++)
                        {
                            if (column + (uint)j < inputs) { Store(at, j * 4, sum[i, h * 4 + j]); }
                        }
                    }
                }
            }
        }

        ulong biasSums = LoadWide(matrix, WeightGradient.BiasSumsAt);
        if (biasSums != 0 & input0 == 0)
        {
            Group.Barrier();
            StoreShared(shared + thread * 16, 0, bias);
            Group.Barrier();
            uint at = shared + thread * 4;
            float total = LoadSharedFloat(at, 0) + LoadSharedFloat(at, 512) + (LoadSharedFloat(at, 1024) + LoadSharedFloat(at, 1536));
            if (output0 + thread < outputs) { Store(biasSums + Wide(part * outputs + output0 + thread, 4), 0, total); }
        }
    }
}
