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
/// Nothing is transposed: a strip of channels is broadcast from a row of a, a panel of 32 columns is a piece of a row of b. A sum runs over the rows in
/// order, in chunks that keep both operands in L2; who computes which tile changes no bit.
/// </remarks>
internal static unsafe class OuterProduct
{
    internal const int Columns = Gemm.Columns;

    // 786 KB of b: they stay in L2 while the strips of a pass over them.
    private const int ChunkRows = 512, ChunkColumns = 384;

    /// <param name="products">Of what a and b hold; of 16 bits two rows lie side by side (<see cref="PairRows"/>) and count as one.</param>
    /// <param name="a">[rows, channels], <paramref name="aStride"/> floats apart.</param>
    /// <param name="aStride">At least channels.</param>
    /// <param name="channels">Rows of c.</param>
    /// <param name="b">[rows, columns rounded up to 32], <paramref name="bStride"/> floats apart.</param>
    /// <param name="bStride">At least columns, rounded up to 32.</param>
    /// <param name="columns">Of c.</param>
    /// <param name="rows">Summed over.</param>
    /// <param name="c">[channels, columns], <paramref name="cStride"/> floats apart.</param>
    /// <param name="cStride">At least columns.</param>
    internal static void Add(ProductKernels products, float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c,
        nint cStride)
    {
        Debug.Assert(a != null && b != null && c != null && channels > 0 && columns > 0 && rows >= 0);
        Debug.Assert(aStride >= channels && bStride >= (columns + Columns - 1) / Columns * Columns && cStride >= columns);
        float* tile = stackalloc float[products.TallestOuter * Columns];
        int strips = (channels + products.TallestOuter - 1) / products.TallestOuter;
        for (int first = 0; first < rows; first += ChunkRows)
        {
            for (int block = 0; block < columns; block += ChunkColumns)
            {
                int end = Math.Min(columns, block + ChunkColumns);
                for (int strip = 0; strip < strips; strip++)
                {
                    int channel = ProductKernels.StripStart(channels, strip, strips), count = ProductKernels.StripStart(channels, strip + 1, strips) - channel;
                    for (int column = block; column < end; column += Columns)
                    {
                        var call = new OuterCall
                        {
                            A = a + first * aStride + channel,
                            AStep = aStride * sizeof(float),
                            B = b + first * bStride + column,
                            BStep = bStride * sizeof(float),
                            C = tile,
                            Rows = Math.Min(ChunkRows, rows - first),
                        };
                        products.OuterStrip(&call, count);
                        AddTile(tile, count, Math.Min(Columns, columns - column), c + channel * cStride + column, cStride);
                    }
                }
            }
        }
    }

    private static void AddTile(float* tile, int channels, int columns, float* to, nint stride)
    {
        for (int channel = 0; channel < channels; channel++, tile += Columns, to += stride)
        {
            int i = 0;
            for (; i + Vector<float>.Count <= columns; i += Vector<float>.Count) { (Vector.Load(to + i) + Vector.Load(tile + i)).Store(to + i); }
            for (; i < columns; i++) { to[i] += tile[i]; }
        }
    }

    internal const int TallestInLanes = 6;

    /// <summary>One tile in C# vectors: as many sums as <see cref="Gemm"/>.</summary>
    internal static void Strip<TLanes>(OuterCall* call, int channels) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(channels is > 0 and <= TallestInLanes);
        for (int column = 0; column < Columns; column += 2 * TLanes.Count) { Sums<TLanes>(call, channels, column); }
    }

    // Channels past the last one repeat it.
    private static void Sums<TLanes>(OuterCall* call, int channels, int column) where TLanes : struct, ILanes<TLanes>
    {
        nint c1 = Math.Min(1, channels - 1), c2 = Math.Min(2, channels - 1), c3 = Math.Min(3, channels - 1), c4 = Math.Min(4, channels - 1),
            c5 = Math.Min(5, channels - 1);
        TLanes zero = TLanes.Create(0);
        TLanes l0 = zero, l1 = zero, l2 = zero, l3 = zero, l4 = zero, l5 = zero, r0 = zero, r1 = zero, r2 = zero, r3 = zero, r4 = zero, r5 = zero;
        byte* a = (byte*)call->A, b = (byte*)(call->B + column);
        for (nint row = 0; row < call->Rows; row++, a += call->AStep, b += call->BStep)
        {
            float* from = (float*)a;
            TLanes left = TLanes.Load((float*)b), right = TLanes.Load((float*)b + TLanes.Count);
            TLanes x = TLanes.Create(from[0]);
            l0 = TLanes.MultiplyAdd(x, left, l0);
            r0 = TLanes.MultiplyAdd(x, right, r0);
            x = TLanes.Create(from[c1]);
            l1 = TLanes.MultiplyAdd(x, left, l1);
            r1 = TLanes.MultiplyAdd(x, right, r1);
            x = TLanes.Create(from[c2]);
            l2 = TLanes.MultiplyAdd(x, left, l2);
            r2 = TLanes.MultiplyAdd(x, right, r2);
            x = TLanes.Create(from[c3]);
            l3 = TLanes.MultiplyAdd(x, left, l3);
            r3 = TLanes.MultiplyAdd(x, right, r3);
            x = TLanes.Create(from[c4]);
            l4 = TLanes.MultiplyAdd(x, left, l4);
            r4 = TLanes.MultiplyAdd(x, right, r4);
            x = TLanes.Create(from[c5]);
            l5 = TLanes.MultiplyAdd(x, left, l5);
            r5 = TLanes.MultiplyAdd(x, right, r5);
        }
        Store(0, l0, r0);
        Store(1, l1, r1);
        Store(2, l2, r2);
        Store(3, l3, r3);
        Store(4, l4, r4);
        Store(5, l5, r5);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Store(int channel, TLanes l, TLanes r)
        {
            if (channel >= channels) { return; }
            l.Store(call->C + channel * Columns + column);
            r.Store(call->C + channel * Columns + column + TLanes.Count);
        }
    }
}
