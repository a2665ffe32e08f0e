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

    // Rows that are a few KB apart share few sets of a cache. So a panel of b is copied together, 12 KB, and a in blocks of 9 KB: both stay in L1 while a
    // block's tiles pass over the panel. All blocks, 147 KB, and the part of c that they are summed to stay in L2.
    private const int ChunkRows = 96, BlockChannels = 24, ChunkChannels = 384;

    // With fewer panels a copy of a costs more than it saves: attention's heads have one or two.
    private const int PanelsWorthACopy = 3;

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
        const int Line = 16; // stackalloc aligns to 16 bytes only: half of the vectors would lie in two lines of the cache
        float* copies = stackalloc float[ChunkRows * (Columns + ChunkChannels) + Line];
        float* panelCopy = (float*)(((nint)copies + Line * sizeof(float) - 1) & -(Line * sizeof(float))), blocks = panelCopy + ChunkRows * Columns;
        bool copiesA = columns > (PanelsWorthACopy - 1) * Columns, copiesB = bStride > Columns;
        for (int channel = 0; channel < channels; channel += ChunkChannels)
        {
            int width = Math.Min(ChunkChannels, channels - channel);
            for (int first = 0; first < rows; first += ChunkRows)
            {
                int count = Math.Min(ChunkRows, rows - first);
                float* chunk = a + first * aStride + channel;
                nint block = BlockChannels, step = aStride;
                if (copiesA)
                {
                    (block, step) = (BlockChannels * count, BlockChannels);
                    for (int i = 0; i < width; i += BlockChannels)
                    {
                        Copy<TLanes>(chunk + i, aStride, Math.Min(BlockChannels, width - i), count, blocks + i * count, step);
                    }
                    chunk = blocks;
                }
                for (int column = 0; column < columns; column += Columns)
                {
                    float* panel = b + first * bStride + column;
                    if (copiesB)
                    {
                        Copy<TLanes>(panel, bStride, Columns, count, panelCopy, Columns);
                        panel = panelCopy;
                    }
                    int wide = Math.Min(Columns, columns - column);
                    AddPanel<TLanes>(chunk, block, step, width, panel, count, c + channel * cStride + column, wide, cStride);
                }
            }
        }
    }

    private static void Copy<TLanes>(float* from, nint fromStride, int width, int rows, float* to, nint toStride) where TLanes : struct, ILanes<TLanes>
    {
        for (int row = 0; row < rows; row++, from += fromStride, to += toStride)
        {
            int i = 0;
            for (; i + TLanes.Count <= width; i += TLanes.Count) { TLanes.Load(from + i).Store(to + i); }
            for (; i < width; i++) { to[i] = from[i]; }
        }
    }

    /// <summary>A panel of c from blocks of channels, <paramref name="block"/> floats apart, with <paramref name="stride"/> floats from row to row.</summary>
    [SkipLocalsInit]
    private static void AddPanel<TLanes>(float* a, nint block, nint stride, int channels, float* panel, int rows, float* c, int columns, nint cStride)
        where TLanes : struct, ILanes<TLanes>
    {
        float* tile = stackalloc float[Gemm.Rows * Columns];
        (nint step, nint to) = (stride * sizeof(float), cStride * sizeof(float));
        for (int first = 0; first < channels; first += BlockChannels, a += block)
        {
            int count = Math.Min(BlockChannels, channels - first);
            for (int channel = 0, height; channel < count; channel += height, c += height * cStride)
            {
                height = Gemm.TileRows(count - channel);
                if (columns == Columns) { Gemm.Tile<TLanes>(a + channel, sizeof(float), step, height, panel, rows, c, to, c, to); }
                else
                {
                    Gemm.Tile<TLanes>(a + channel, sizeof(float), step, height, panel, rows, null, 0, tile, Columns * sizeof(float));
                    AddTile(tile, height, columns, c, cStride);
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
