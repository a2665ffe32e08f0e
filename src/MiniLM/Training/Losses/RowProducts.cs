using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MiniLM.Training.Losses;

/// <summary>Matrix products of rows, by vectors of any width.</summary>
/// <remarks>A sum's order depends on the width of its rows alone: equal rows have equal products wherever they stand.</remarks>
internal static class RowProducts
{
    // Rows that one pass holds in registers: each value that is loaded meets four others.
    private const int Together = 4;

    /// <summary>c = a b^T: the scalar product of each row of a with each of b.</summary>
    /// <remarks>a: [m, width]; b: [n, width]; c: [m, n].</remarks>
    internal static void Scalar<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, int width, Span<T> c) where T : IBinaryFloatingPointIeee754<T>
    {
        int rows = a.Length / width, columns = b.Length / width;
        int column = 0;
        for (; column + Together <= columns; column += Together)
        {
            ReadOnlySpan<T> four = b.Slice(column * width, Together * width);
            for (int row = 0; row < rows; row++) { Four(a.Slice(row * width, width), four, c.Slice(row * columns + column, Together)); }
        }
        for (; column < columns; column++)
        {
            ReadOnlySpan<T> one = b.Slice(column * width, width);
            for (int row = 0; row < rows; row++) { c[row * columns + column] = Scalar(a.Slice(row * width, width), one); }
        }
    }

    /// <summary>y += g x: each row of y gets the sum of all rows of x, each times its entry in g.</summary>
    /// <remarks>g: [m, n]; x: [n, width]; y: [m, width].</remarks>
    internal static void AddProduct<T>(ReadOnlySpan<T> g, ReadOnlySpan<T> x, int width, Span<T> y) where T : IBinaryFloatingPointIeee754<T> =>
        AddProduct(g, x.Length / width, 1, x, width, y);

    /// <summary>y += g^T x.</summary>
    /// <remarks>g: [n, m]; x: [n, width]; y: [m, width].</remarks>
    internal static void AddTransposedProduct<T>(ReadOnlySpan<T> g, ReadOnlySpan<T> x, int width, Span<T> y) where T : IBinaryFloatingPointIeee754<T> =>
        AddProduct(g, 1, y.Length / width, x, width, y);

    // The entry of row r of y and row c of x is g[r * across + c * down].
    private static void AddProduct<T>(ReadOnlySpan<T> g, int across, int down, ReadOnlySpan<T> x, int width, Span<T> y)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int rows = y.Length / width, terms = x.Length / width, term = 0;
        for (; term + Together <= terms; term += Together)
        {
            ReadOnlySpan<T> four = x.Slice(term * width, Together * width);
            for (int row = 0; row < rows; row++)
            {
                int at = row * across + term * down;
                AddFour(g[at], g[at + down], g[at + 2 * down], g[at + 3 * down], four, y.Slice(row * width, width));
            }
        }
        for (; term < terms; term++)
        {
            ReadOnlySpan<T> one = x.Slice(term * width, width);
            for (int row = 0; row < rows; row++) { Add(g[row * across + term * down], one, y.Slice(row * width, width)); }
        }
    }

    private static void Four<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c) where T : IBinaryFloatingPointIeee754<T>
    {
        int width = a.Length, i = 0;
        Vector<T> sum0 = Vector<T>.Zero, sum1 = Vector<T>.Zero, sum2 = Vector<T>.Zero, sum3 = Vector<T>.Zero;
        for (; i + Vector<T>.Count <= width; i += Vector<T>.Count)
        {
            Vector<T> value = At(a, i);
            sum0 += value * At(b, i);
            sum1 += value * At(b, i + width);
            sum2 += value * At(b, i + 2 * width);
            sum3 += value * At(b, i + 3 * width);
        }
        (c[0], c[1], c[2], c[3]) = (Vector.Sum(sum0), Vector.Sum(sum1), Vector.Sum(sum2), Vector.Sum(sum3));
        for (; i < width; i++)
        {
            c[0] += a[i] * b[i];
            c[1] += a[i] * b[i + width];
            c[2] += a[i] * b[i + 2 * width];
            c[3] += a[i] * b[i + 3 * width];
        }
    }

    private static T Scalar<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : IBinaryFloatingPointIeee754<T>
    {
        int i = 0;
        Vector<T> sums = Vector<T>.Zero;
        for (; i + Vector<T>.Count <= a.Length; i += Vector<T>.Count) { sums += At(a, i) * At(b, i); }
        T sum = Vector.Sum(sums);
        for (; i < a.Length; i++) { sum += a[i] * b[i]; }
        return sum;
    }

    private static void AddFour<T>(T g0, T g1, T g2, T g3, ReadOnlySpan<T> x, Span<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        int width = y.Length, i = 0;
        for (; i + Vector<T>.Count <= width; i += Vector<T>.Count)
        {
            Vector<T> sum = At(y, i) + g0 * At(x, i) + g1 * At(x, i + width) + g2 * At(x, i + 2 * width) + g3 * At(x, i + 3 * width);
            sum.CopyTo(y[i..]);
        }
        for (; i < width; i++) { y[i] = y[i] + g0 * x[i] + g1 * x[i + width] + g2 * x[i + 2 * width] + g3 * x[i + 3 * width]; }
    }

    private static void Add<T>(T g, ReadOnlySpan<T> x, Span<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        int i = 0;
        for (; i + Vector<T>.Count <= y.Length; i += Vector<T>.Count) { (At(y, i) + g * At(x, i)).CopyTo(y[i..]); }
        for (; i < y.Length; i++) { y[i] += g * x[i]; }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> At<T>(ReadOnlySpan<T> x, int i) => Vector.LoadUnsafe(ref MemoryMarshal.GetReference(x), (nuint)i);
}
