using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MiniLM.Cpu;

/// <summary>All that one call of an outer-product strip reads. Steps and strides in bytes. Machine code reads it by <see cref="OuterField"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OuterCall
{
    /// <summary>Neighbouring channels of the first row.</summary>
    internal float* A; // 32 bits each: a float, or two operands of two rows

    /// <summary>From row to row of A.</summary>
    internal nint AStep;

    /// <summary>32 columns of the first row.</summary>
    internal float* B;

    /// <summary>From row to row of B.</summary>
    internal nint BStep;

    /// <summary>[channels, 32], overwritten.</summary>
    internal float* C;
    internal nint Rows;
}

/// <summary>Places of the fields of <see cref="OuterCall"/>.</summary>
internal enum OuterField
{
    A, AStep, B, BStep, C, Rows,
}

/// <summary>The gradient of a weight: c[channel, column] += sum over rows of a[row, channel] b[row, column], with a = dy and b = x as they lie.</summary>
/// <remarks>
/// Nothing is transposed: channels are broadcast from a row of a, a panel of 32 columns is a piece of a row of b. A sum runs over the rows in order, in
/// chunks that keep b in a cache; who computes which tile changes no bit.
/// </remarks>
internal static unsafe class OuterProduct
{
    internal const int Columns = Gemm.Columns;

    // A panel of b is 24 KB: copied together, since rows that are a few KB apart share few sets of a cache, it stays in L1 while all channels pass over it.
    private const int ChunkRows = 192;

    /// <summary>What <see cref="ProductKernels.AddOuter"/> asks of its parameters, in every tier.</summary>
    [Conditional("DEBUG")]
    internal static void Check(float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c, nint cStride)
    {
        Debug.Assert(a != null && b != null && c != null && channels > 0 && columns > 0 && rows >= 0);
        Debug.Assert(aStride >= channels && bStride >= (columns + Columns - 1) / Columns * Columns && cStride >= columns);
    }

    /// <summary>In C# vectors. Parameters: <see cref="ProductKernels.AddOuter"/>.</summary>
    [SkipLocalsInit]
    internal static void Add<TLanes>(float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c, nint cStride)
        where TLanes : struct, ILanes<TLanes>
    {
        Check(a, aStride, channels, b, bStride, columns, rows, c, cStride);
        float* tile = stackalloc float[Gemm.Rows * Columns], copy = stackalloc float[ChunkRows * Columns];
        for (int first = 0; first < rows; first += ChunkRows)
        {
            int count = Math.Min(ChunkRows, rows - first);
            for (int column = 0; column < columns; column += Columns)
            {
                float* panel = b + first * bStride + column;
                if (bStride > Columns)
                {
                    for (int row = 0; row < count; row++) { Unsafe.CopyBlockUnaligned(copy + row * Columns, panel + row * bStride, Columns * sizeof(float)); }
                    panel = copy;
                }
                for (int channel = 0, height; channel < channels; channel += height)
                {
                    height = Gemm.TileRows(channels - channel);
                    Gemm.Tile<TLanes>(a + first * aStride + channel, sizeof(float), aStride * sizeof(float), height, panel, count, null, 0, tile,
                        Columns * sizeof(float));
                    AddTile(tile, height, Math.Min(Columns, columns - column), c + channel * cStride + column, cStride);
                }
            }
        }
    }

    /// <summary>Some channels of a panel's sums, [channels, 32], to those columns of c that there are.</summary>
    internal static void AddTile(float* tile, int channels, int columns, float* to, nint stride)
    {
        for (int channel = 0; channel < channels; channel++, tile += Columns, to += stride)
        {
            int i = 0;
            for (; i + Vector<float>.Count <= columns; i += Vector<float>.Count) { (Vector.Load(to + i) + Vector.Load(tile + i)).Store(to + i); }
            for (; i < columns; i++) { to[i] += tile[i]; }
        }
    }
}
