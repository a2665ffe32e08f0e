using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>AdamW on fp32 parameters (Training/AdamW.cs in MiniLM has the formula and its order), which writes the copies that kernels read: in their
/// storage, and transposed for the way back, so that no product needs another layout.</summary>
/// <remarks>
/// A block is a tile of 32x32 of one tensor: rows of 128 bytes in, four values a thread, one row of a warp at a time; the transposed copy goes through shared
/// memory, whose rows of 33 keep both ways free of conflicts. Nothing moves where the step is not taken.
/// The grid is (tiles, 1). Bound: memory, 28 bytes a parameter and those of its copies.
/// </remarks>
public static class AdamW
{
    private const int Threads = 256, Tile = 32, Pitch = (Tile + 1) * 4, Shared = Tile * Pitch;

    [Kernel(60, Threads, SharedBytes = Shared)]
    public static void AdamWF32(AdamWArguments g) => Update<Float32>(g);

    [Kernel(60, Threads, SharedBytes = Shared)]
    public static void WeightCopiesF32(AdamWArguments g) => Copy<Float32>(g);

    [Kernel(60, Threads, SharedBytes = Shared)]
    public static void AdamWF16(AdamWArguments g) => Update<Float16>(g);

    [Kernel(60, Threads, SharedBytes = Shared)]
    public static void WeightCopiesF16(AdamWArguments g) => Copy<Float16>(g);

    [Kernel(80, Threads, SharedBytes = Shared)]
    public static void AdamWBF16(AdamWArguments g) => Update<BFloat16>(g);

    [Kernel(80, Threads, SharedBytes = Shared)]
    public static void WeightCopiesBF16(AdamWArguments g) => Copy<BFloat16>(g);

    private static void Update<TElement>(AdamWArguments g) where TElement : struct, IElement
    {
        if (Load(g.Factor, StepFactor.IsTakenAt) == 0) { return; }
        float factor = LoadFloat(g.Factor, StepFactor.FactorAt);
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 16), tensor = g.Tensors + Wide(Load(tile, 0), TrainedTensor.Bytes);
        uint offset = Load(tensor, TrainedTensor.OffsetAt), rows = Load(tensor, TrainedTensor.RowsAt), columns = Load(tensor, TrainedTensor.ColumnsAt);
        float keep = (Load(tensor, TrainedTensor.FlagsAt) & TrainedTensor.Decays) != 0 ? g.Keep : 1;
        uint row = Load(tile, 4) + ((uint)Group.IdxX >> 5), column = Load(tile, 8) + ((uint)Group.IdxX & 31);
        float[] values = new float[4];
        for (int i = 0; i < 4; i++)
        {
            uint r = row + (uint)i * 8;
            if (r < rows & column < columns)
            {
                ulong at = Wide(offset + r * columns + column, 4);
                float gradient = LoadFloat(g.Gradients + at, 0) * factor, first = LoadFloat(g.First + at, 0), second = LoadFloat(g.Second + at, 0);
                first += (gradient - first) * g.OneMinusBeta1;
                second = g.Beta2 * second + g.OneMinusBeta2 * gradient * gradient;
                values[i] = LoadFloat(g.Values + at, 0) * keep - Divide(g.Rate * first, Divide(SquareRoot(second), g.RootOfCorrection) + g.Epsilon);
                Store(g.First + at, 0, first);
                Store(g.Second + at, 0, second);
                Store(g.Values + at, 0, values[i]);
            }
        }
        WriteCopies<TElement>(values, tile, tensor, rows, columns);
    }

    private static void Copy<TElement>(AdamWArguments g) where TElement : struct, IElement
    {
        ulong tile = g.Tiles + Wide((uint)Grid.IdxX, 16), tensor = g.Tensors + Wide(Load(tile, 0), TrainedTensor.Bytes);
        uint offset = Load(tensor, TrainedTensor.OffsetAt), rows = Load(tensor, TrainedTensor.RowsAt), columns = Load(tensor, TrainedTensor.ColumnsAt);
        uint row = Load(tile, 4) + ((uint)Group.IdxX >> 5), column = Load(tile, 8) + ((uint)Group.IdxX & 31);
        float[] values = new float[4];
        for (int i = 0; i < 4; i++)
        {
            uint r = row + (uint)i * 8;
            if (r < rows & column < columns) { values[i] = LoadFloat(g.Values + Wide(offset + r * columns + column, 4), 0); }
        }
        WriteCopies<TElement>(values, tile, tensor, rows, columns);
    }

    private static void WriteCopies<TElement>(float[] values, ulong tile, ulong tensor, uint rows, uint columns) where TElement : struct, IElement
    {
        ulong copy = LoadWide(tensor, TrainedTensor.CopyAt), transposed = LoadWide(tensor, TrainedTensor.TransposedAt);
        uint strideCopy = Load(tensor, TrainedTensor.StrideCopyAt), strideTransposed = Load(tensor, TrainedTensor.StrideTransposedAt);
        bool isWide = (Load(tensor, TrainedTensor.FlagsAt) & TrainedTensor.IsWide) != 0;
        uint row0 = Load(tile, 4), column0 = Load(tile, 8), high = (uint)Group.IdxX >> 5, low = (uint)Group.IdxX & 31, shared = SharedBase();
        for (int i = 0; i < 4; i++)
        {
            uint row = row0 + high + (uint)i * 8, column = column0 + low;
            if (copy != 0 & row < rows & column < columns) { Write<TElement>(copy + Wide(row, strideCopy), column, values[i], isWide); }
            StoreShared(shared + high * Pitch + low * 4, i * 8 * Pitch, values[i]);
        }
        if (transposed != 0)
        {
            Group.Barrier();
            for (int i = 0; i < 4; i++)
            {
                uint column = column0 + high + (uint)i * 8, row = row0 + low;
                float value = LoadSharedFloat(shared + low * Pitch + high * 4, i * 32);
                if (row < rows & column < columns) { Write<TElement>(transposed + Wide(column, strideTransposed), row, value, isWide); }
            }
        }
    }

    private static void Write<TElement>(ulong row, uint column, float value, bool isWide) where TElement : struct, IElement
    {
        if (isWide & TElement.Bytes != 4) { Store(row + Wide(column, 4), 0, value); }
        else { TElement.Store(row + Wide(column, TElement.Bytes), value); }
    }
}
