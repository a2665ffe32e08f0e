using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cpu;

/// <summary>to[c, r] = from[r, c]: weights and keys on their way into panels.</summary>
internal static unsafe class Transpose
{
    /// <param name="from">[rows, columns], <paramref name="fromStride"/> floats from row to row.</param>
    /// <param name="fromStride">At least columns.</param>
    /// <param name="rows">Any.</param>
    /// <param name="columns">Any.</param>
    /// <param name="to">[columns, rows], <paramref name="toStride"/> floats from row to row.</param>
    /// <param name="toStride">At least rows.</param>
    internal static void Forward(float* from, nint fromStride, int rows, int columns, float* to, nint toStride)
    {
        Debug.Assert(from != null && to != null && rows > 0 && columns > 0);
        Debug.Assert(fromStride >= columns && toStride >= rows);
        int wholeRows = Avx.IsSupported ? rows & ~7 : 0, wholeColumns = columns & ~7;
        for (int row = 0; row < wholeRows; row += 8)
        {
            for (int column = 0; column < wholeColumns; column += 8)
            {
                Eight(from + row * fromStride + column, fromStride, to + column * toStride + row, toStride);
            }
            Scalar(from, fromStride, row, row + 8, wholeColumns, columns, to, toStride);
        }
        Scalar(from, fromStride, wholeRows, rows, 0, columns, to, toStride);
    }

    private static void Scalar(float* from, nint fromStride, int firstRow, int endRow, int firstColumn, int endColumn, float* to, nint toStride)
    {
        for (int column = firstColumn; column < endColumn; column++)
        {
            for (int row = firstRow; row < endRow; row++) { to[column * toStride + row] = from[row * fromStride + column]; }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Eight(float* from, nint fromStride, float* to, nint toStride)
    {
        Four(Pair(0), Pair(1), Pair(2), Pair(3), to, toStride);
        from += 4;
        Four(Pair(0), Pair(1), Pair(2), Pair(3), to + 4 * toStride, toStride);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector256<float> Pair(int row) =>
            Avx.InsertVector128(Vector128.Load(from + row * fromStride).ToVector256(), Vector128.Load(from + (row + 4) * fromStride), 1);

        // Lanes hold rows 0-3 and 4-7: a 4x4 transposition in each gives four whole output rows.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Four(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, float* to, nint stride)
        {
            Vector256<float> ab0 = Avx.UnpackLow(a, b), ab1 = Avx.UnpackHigh(a, b), cd0 = Avx.UnpackLow(c, d), cd1 = Avx.UnpackHigh(c, d);
            Avx.Shuffle(ab0, cd0, 0x44).Store(to);
            Avx.Shuffle(ab0, cd0, 0xee).Store(to + stride);
            Avx.Shuffle(ab1, cd1, 0x44).Store(to + 2 * stride);
            Avx.Shuffle(ab1, cd1, 0xee).Store(to + 3 * stride);
        }
    }
}
