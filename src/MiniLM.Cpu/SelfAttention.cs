using System.Diagnostics;
using MiniLM.Compute;

namespace MiniLM.Cpu;

/// <summary>softmax(q k^T / sqrt(headSize) + bias) v for one head of one sequence. Formula: <see cref="Compute.Reference.SelfAttention"/>.</summary>
/// <remarks>
/// k^T in panels of 32 keys, once; then for each strip of queries: scores = q k^T; softmax without the division; context = (scores v) / sum.
/// Only one strip of scores exists at a time. v lies in panels of 32 columns as the projection stored it: already packed for the second product.
/// Reaches 58-77 % of the fp32 roof on Zen 4; softmax is a fifth to a quarter of it.
/// </remarks>
internal static unsafe class SelfAttention
{
    // Rows of 2 KB would fall on the same cache sets.
    private const int RowPadding = 16;

    internal static int Padded(int length) => (length + Gemm.Columns - 1) / Gemm.Columns * Gemm.Columns;

    /// <summary>What one thread needs for one sequence.</summary>
    internal sealed class Scratch(int longest, int paddedHeadSize, int tallest) : IDisposable
    {
        private readonly NativeBlock _block = new((long)Padded(longest) * paddedHeadSize + (long)tallest * (Padded(longest) + RowPadding)
            + Gemm.Columns + Padded(longest));

        internal int Longest => longest;
        internal float* Keys => _block.Floats;
        internal float* Scores => Keys + (long)Padded(longest) * paddedHeadSize;
        internal float* Inverse => Scores + (long)tallest * (Padded(longest) + RowPadding);
        internal float* Bias => Inverse + Gemm.Columns;

        public void Dispose() => _block.Dispose();
    }

    /// <param name="kernels">The tier's.</param>
    /// <param name="query">[length, paddedHeadSize].</param>
    /// <param name="key">Panels [paddedHeadSize / 32] of [.., 32], <paramref name="panelStride"/> floats apart.</param>
    /// <param name="value">As key.</param>
    /// <param name="panelStride">Floats from one panel of key or value to the next.</param>
    /// <param name="length">Rows of this sequence.</param>
    /// <param name="headSize">The true one, for the scale.</param>
    /// <param name="paddedHeadSize">Rounded up to a multiple of 32; the rest is zeros.</param>
    /// <param name="bias">Added to the scores in units of sqrt(headSize), by distance of columns; or null.</param>
    /// <param name="columns">[length].</param>
    /// <param name="context">[length, paddedHeadSize], <paramref name="contextStride"/> floats from row to row.</param>
    /// <param name="contextStride">At least paddedHeadSize.</param>
    /// <param name="scratch">For sequences of at least this length.</param>
    internal static void Forward(CpuKernels kernels, float* query, float* key, float* value, nint panelStride, int length, int headSize, int paddedHeadSize,
        RelativeBias.Head bias, int* columns, float* context, nint contextStride, Scratch scratch)
    {
        Debug.Assert(query != null && key != null && value != null && columns != null && context != null);
        Debug.Assert(length > 0 && headSize > 0 && headSize <= paddedHeadSize && paddedHeadSize % Gemm.Columns == 0);
        Debug.Assert(paddedHeadSize == Gemm.Columns || panelStride >= (nint)length * Gemm.Columns);
        Debug.Assert(contextStride >= paddedHeadSize && length <= scratch.Longest);
        int padded = Padded(length), panels = paddedHeadSize / Gemm.Columns;
        nint stride = padded + RowPadding;
        float factor = 1.44269504f / MathF.Sqrt(headSize);
        PackKeys(key, panelStride, length, paddedHeadSize, scratch.Keys);
        int strips = (length + kernels.Tallest - 1) / kernels.Tallest;
        for (int strip = 0; strip < strips; strip++)
        {
            int row = CpuKernels.StripStart(length, strip, strips), rows = CpuKernels.StripStart(length, strip + 1, strips) - row;
            var scores = new GemmCall
            {
                A = query + (nint)row * paddedHeadSize,
                AStride = paddedHeadSize * sizeof(float),
                B = scratch.Keys,
                K = paddedHeadSize,
                C = scratch.Scores,
                CStride = stride * sizeof(float),
                CPanel = Gemm.Columns * sizeof(float),
                Panels = padded / Gemm.Columns,
            };
            kernels.GemmStrip(Epilogue.None, &scores, rows);
            for (int r = 0; r < rows; r++)
            {
                scratch.Inverse[r] = kernels.Softmax(scratch.Scores + r * stride, bias.Row(columns, length, row + r, scratch.Bias), length, padded, factor);
            }
            for (int panel = 0; panel < panels; panel++)
            {
                var sum = new GemmCall
                {
                    A = scratch.Scores,
                    AStride = stride * sizeof(float),
                    B = value + panel * panelStride,
                    K = length,
                    Panels = 1,
                    C = context + row * contextStride + panel * Gemm.Columns,
                    CStride = contextStride * sizeof(float),
                    RowScale = scratch.Inverse,
                };
                kernels.GemmStrip(Epilogue.ScaleRow, &sum, rows);
            }
        }
    }

    /// <summary>Keys into panels [panel of 32 keys][paddedHeadSize][32]; keys past the end are 0.</summary>
    private static void PackKeys(float* key, nint panelStride, int length, int paddedHeadSize, float* packed)
    {
        for (int first = 0; first < length; first += Gemm.Columns)
        {
            int count = Math.Min(Gemm.Columns, length - first);
            float* to = packed + (nint)first * paddedHeadSize;
            if (count < Gemm.Columns) { new Span<float>(to, Gemm.Columns * paddedHeadSize).Clear(); }
            for (int d = 0; d < paddedHeadSize; d += Gemm.Columns)
            {
                Transpose.Forward(key + d / Gemm.Columns * panelStride + (nint)first * Gemm.Columns, Gemm.Columns, count, Gemm.Columns,
                    to + (nint)d * Gemm.Columns, Gemm.Columns);
            }
        }
    }
}
