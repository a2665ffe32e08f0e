using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cpu;

/// <summary>Rows of 16-bit operands into pairs, [rows / 2][width][2]: neighbours of k side by side, where k runs over rows.</summary>
internal static unsafe class PairRows
{
    /// <param name="from">[rows, width], <paramref name="fromStride"/> values from row to row.</param>
    /// <param name="fromStride">At least width.</param>
    /// <param name="rows">Any; a last one without a neighbour is paired with zeros.</param>
    /// <param name="width">A multiple of 16.</param>
    /// <param name="to">[rows / 2 upwards] of 2 width values, <paramref name="toStride"/> values from pair to pair.</param>
    /// <param name="toStride">At least 2 width.</param>
    internal static void Forward(ushort* from, nint fromStride, int rows, int width, ushort* to, nint toStride)
    {
        Debug.Assert(from != null && to != null && rows > 0 && width > 0 && width % Vector256<ushort>.Count == 0);
        Debug.Assert(fromStride >= width && toStride >= 2 * width);
        for (int row = 0; row < rows; row += 2, from += 2 * fromStride, to += toStride)
        {
            for (int i = 0; i < width; i += Vector256<ushort>.Count)
            {
                Vector256<ushort> a = Vector256.Load(from + i), b = row + 1 < rows ? Vector256.Load(from + fromStride + i) : default;
                Vector256<ushort> low = Avx2.UnpackLow(a, b), high = Avx2.UnpackHigh(a, b); // by halves of 128 bits
                Avx2.Permute2x128(low, high, 0x20).Store(to + 2 * i);
                Avx2.Permute2x128(low, high, 0x31).Store(to + 2 * i + Vector256<ushort>.Count);
            }
        }
    }
}
