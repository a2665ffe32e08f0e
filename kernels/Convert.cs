using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Rows from one storage to another, from and to padded strides: weights as the file has them, hidden states as fp32.</summary>
/// <remarks>A thread an element, rows below each other; columns from Width to Padded become zeros. Bound: memory.
/// The grid is (rows, Padded / 256 rounded up).</remarks>
public static class Convert
{
    private const int Threads = 256;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ConvertF32ToF32(ConvertArguments g) => Run<Float32, Float32>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ConvertF32ToF16(ConvertArguments g) => Run<Float32, Float16>(g);

    [Kernel(80, Threads, TileColumns = Threads)]
    public static void ConvertF32ToBF16(ConvertArguments g) => Run<Float32, BFloat16>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ConvertF16ToF32(ConvertArguments g) => Run<Float16, Float32>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ConvertF16ToF16(ConvertArguments g) => Run<Float16, Float16>(g);

    [Kernel(80, Threads, TileColumns = Threads)]
    public static void ConvertF16ToBF16(ConvertArguments g) => Run<Float16, BFloat16>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ConvertBF16ToF32(ConvertArguments g) => Run<BFloat16, Float32>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ConvertBF16ToF16(ConvertArguments g) => Run<BFloat16, Float16>(g);

    [Kernel(80, Threads, TileColumns = Threads)]
    public static void ConvertBF16ToBF16(ConvertArguments g) => Run<BFloat16, BFloat16>(g);

    private static void Run<TFrom, TTo>(ConvertArguments g) where TFrom : struct, IElement where TTo : struct, IElement
    {
        uint column = (uint)Grid.IdxY * Threads + (uint)Group.IdxX, row = (uint)Grid.IdxX;
        if (column >= g.Padded) { return; }
        float value = 0;
        if (column < g.Width) { value = TFrom.Load(g.X + Wide(row, g.StrideX) + Wide(column, TFrom.Bytes)); }
        TTo.Store(g.Y + Wide(row, g.StrideY) + Wide(column, TTo.Bytes), value);
    }
}
