using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Training;

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
    /// <param name="mask">Drops probabilities.</param>
    /// <param name="firstRow">Of the sequence in the mask.</param>
    /// <param name="head">In the mask.</param>
    internal static void Forward(CpuKernels kernels, float* query, float* key, float* value, nint panelStride, int length, int headSize, int paddedHeadSize,
        RelativeBias.Head bias, int* columns, float* context, nint contextStride, Scratch scratch, DropoutMask mask = default, int firstRow = 0, int head = 0)
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
                DropoutRows.Apply(mask, firstRow + row + r, MaskColumn(head), scratch.Scores + r * stride, length);
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

    private static int MaskColumn(int head) => Compute.Reference.SelfAttention.MaskColumn(head, 0);

    /// <summary>What one thread needs to go back through one sequence.</summary>
    internal sealed class BackwardScratch(int longest, int paddedHeadSize) : IDisposable
    {
        private readonly NativeBlock _block = new(2L * Padded(longest) * paddedHeadSize + 2L * longest * (Padded(longest) + RowPadding) + Padded(longest));

        internal int Longest => longest;
        internal float* Keys => _block.Floats;
        internal float* Values => Keys + (long)Padded(longest) * paddedHeadSize;
        internal float* Probabilities => Values + (long)Padded(longest) * paddedHeadSize;
        internal float* Scores => Probabilities + (long)longest * (Padded(longest) + RowPadding);
        internal float* Bias => Scores + (long)longest * (Padded(longest) + RowPadding);

        public void Dispose() => _block.Dispose();
    }

    /// <summary>The gradients of q, k and v of one head of one sequence. Formula: <see cref="Compute.Reference.SelfAttention"/>.</summary>
    /// <remarks>
    /// Probabilities are computed again, strip by strip, all of them kept; then dq = ds k, and dk = ds^T q and dv = P^T dc as outer products over the queries.
    /// </remarks>
    /// <param name="kernels">The tier's.</param>
    /// <param name="query">As for <see cref="Forward"/>, as all up to columns.</param>
    /// <param name="key">Likewise.</param>
    /// <param name="value">Likewise.</param>
    /// <param name="panelStride">Likewise.</param>
    /// <param name="length">Likewise.</param>
    /// <param name="headSize">Likewise.</param>
    /// <param name="paddedHeadSize">Likewise.</param>
    /// <param name="bias">Likewise.</param>
    /// <param name="columns">Likewise.</param>
    /// <param name="mask">Likewise.</param>
    /// <param name="firstRow">Likewise.</param>
    /// <param name="head">Likewise.</param>
    /// <param name="dContext">[length, paddedHeadSize], <paramref name="stride"/> floats from row to row.</param>
    /// <param name="dQuery">[length, paddedHeadSize], overwritten, as dKey and dValue; all three <paramref name="dStride"/> floats from row to row.</param>
    /// <param name="dKey">Likewise.</param>
    /// <param name="dValue">Likewise.</param>
    /// <param name="stride">At least paddedHeadSize.</param>
    /// <param name="dStride">At least paddedHeadSize.</param>
    /// <param name="scratch">
    /// For sequences of at least this length; its scores hold ds / sqrt(headSize) afterwards, [length] rows of <see cref="ScoreStride"/>.
    /// </param>
    internal static void Backward(CpuKernels kernels, float* query, float* key, float* value, nint panelStride, int length, int headSize, int paddedHeadSize,
        RelativeBias.Head bias, int* columns, DropoutMask mask, int firstRow, int head, float* dContext, nint stride, float* dQuery, float* dKey, float* dValue,
        nint dStride, BackwardScratch scratch)
    {
        Debug.Assert(length > 0 && length <= scratch.Longest && paddedHeadSize % Gemm.Columns == 0 && dStride >= paddedHeadSize && stride >= paddedHeadSize);
        int padded = Padded(length), panels = paddedHeadSize / Gemm.Columns;
        nint scoreStride = ScoreStride(length);
        float root = MathF.Sqrt(headSize), factor = 1.44269504f / root;
        PackKeys(key, panelStride, length, paddedHeadSize, scratch.Keys);
        PackKeys(value, panelStride, length, paddedHeadSize, scratch.Values);
        int strips = (length + kernels.Tallest - 1) / kernels.Tallest;
        for (int strip = 0; strip < strips; strip++)
        {
            int row = CpuKernels.StripStart(length, strip, strips), rows = CpuKernels.StripStart(length, strip + 1, strips) - row;
            float* p = scratch.Probabilities + row * scoreStride, ds = scratch.Scores + row * scoreStride;
            Multiply(query + (nint)row * paddedHeadSize, paddedHeadSize, scratch.Keys, p);
            Multiply(dContext + row * stride, stride, scratch.Values, ds);
            for (int r = 0; r < rows; r++)
            {
                float* pr = p + r * scoreStride, dr = ds + r * scoreStride;
                float inverse = kernels.Softmax(pr, bias.Row(columns, length, row + r, scratch.Bias), length, padded, factor);
                for (int i = 0; i < length; i++) { pr[i] *= inverse; }
                new Span<float>(pr + length, padded - length).Clear();
                DropoutRows.Apply(mask, firstRow + row + r, MaskColumn(head), dr, length);
                kernels.SoftmaxBackward(pr, dr, padded, 1 / root);
                DropoutRows.Apply(mask, firstRow + row + r, MaskColumn(head), pr, length);
            }
            for (int panel = 0; panel < panels; panel++)
            {
                var product = new GemmCall
                {
                    A = ds,
                    AStride = scoreStride * sizeof(float),
                    B = key + panel * panelStride,
                    K = length,
                    Panels = 1,
                    C = dQuery + row * dStride + panel * Gemm.Columns,
                    CStride = dStride * sizeof(float),
                };
                kernels.GemmStrip(Epilogue.None, &product, rows);
            }

            void Multiply(float* a, nint aStride, float* b, float* c)
            {
                var product = new GemmCall
                {
                    A = a,
                    AStride = aStride * sizeof(float),
                    B = b,
                    K = paddedHeadSize,
                    C = c,
                    CStride = scoreStride * sizeof(float),
                    CPanel = Gemm.Columns * sizeof(float),
                    Panels = padded / Gemm.Columns,
                };
                kernels.GemmStrip(Epilogue.None, &product, rows);
            }
        }
        for (int row = 0; row < length; row++)
        {
            new Span<float>(dKey + row * dStride, paddedHeadSize).Clear();
            new Span<float>(dValue + row * dStride, paddedHeadSize).Clear();
        }
        OuterProduct.Add(kernels, scratch.Scores, scoreStride, length, query, paddedHeadSize, paddedHeadSize, length, dKey, dStride);
        OuterProduct.Add(kernels, scratch.Probabilities, scoreStride, length, dContext, stride, paddedHeadSize, length, dValue, dStride);
    }

    /// <summary>Floats from one row of scores to the next.</summary>
    internal static nint ScoreStride(int length) => Padded(length) + RowPadding;

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
