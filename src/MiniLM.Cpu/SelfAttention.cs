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
    internal sealed class Scratch(int longest, int paddedHeadSize, ProductKernels products) : IDisposable
    {
        private readonly NativeBlock _block = new(2L * Padded(longest) * paddedHeadSize + 2L * products.Tallest * (Padded(longest) + RowPadding)
            + Padded(products.Tallest) + Padded(longest));

        internal int Longest => longest;
        internal long Bytes => _block.Bytes;
        internal float* Keys => _block.Floats;
        internal float* Values => Keys + (long)Padded(longest) * paddedHeadSize;
        internal float* Scores => Values + (long)Padded(longest) * paddedHeadSize;
        internal float* Probabilities => products.IsExact ? Scores : Scores + (long)products.Tallest * (Padded(longest) + RowPadding);
        internal float* Inverse => Scores + 2L * products.Tallest * (Padded(longest) + RowPadding);
        internal float* Bias => Inverse + Padded(products.Tallest);

        public void Dispose() => _block.Dispose();
    }

    /// <param name="kernels">The tier's.</param>
    /// <param name="query">[length, paddedHeadSize] operands.</param>
    /// <param name="key">Panels [paddedHeadSize / 32] of [.., 32] operands, <paramref name="panelStride"/> of them apart.</param>
    /// <param name="value">As key.</param>
    /// <param name="panelStride">Operands from one panel of key or value to the next.</param>
    /// <param name="length">Rows of this sequence.</param>
    /// <param name="headSize">The true one, for the scale.</param>
    /// <param name="paddedHeadSize">Rounded up to a multiple of 32; the rest is zeros.</param>
    /// <param name="bias">Added to the scores in units of sqrt(headSize), by distance of columns; or null.</param>
    /// <param name="columns">[length].</param>
    /// <param name="context">[length, paddedHeadSize] operands, <paramref name="contextStride"/> of them from row to row.</param>
    /// <param name="contextStride">At least paddedHeadSize.</param>
    /// <param name="scratch">For sequences of at least this length.</param>
    /// <param name="mask">Drops probabilities.</param>
    /// <param name="firstRow">Of the sequence in the mask.</param>
    /// <param name="head">In the mask.</param>
    internal static void Forward(CpuKernels kernels, void* query, void* key, void* value, nint panelStride, int length, int headSize, int paddedHeadSize,
        RelativeBias.Head bias, int* columns, void* context, nint contextStride, Scratch scratch, DropoutMask mask = default, int firstRow = 0, int head = 0)
    {
        ProductKernels products = kernels.Products;
        int size = products.Size, group = products.Group;
        Debug.Assert(query != null && key != null && value != null && columns != null && context != null);
        Debug.Assert(length > 0 && headSize > 0 && headSize <= paddedHeadSize && paddedHeadSize % Gemm.Columns == 0);
        Debug.Assert(paddedHeadSize == Gemm.Columns || panelStride >= (nint)length * Gemm.Columns);
        Debug.Assert(contextStride >= paddedHeadSize && length <= scratch.Longest);
        int padded = Padded(length), panels = paddedHeadSize / Gemm.Columns;
        nint stride = padded + RowPadding;
        float factor = 1.44269504f / MathF.Sqrt(headSize);
        PackKeys(products, key, panelStride, length, paddedHeadSize, scratch.Keys);
        nint valueStride = panelStride;
        if (group > 1)
        {
            value = PackValues(value, panelStride, length, panels, scratch.Values);
            valueStride = (length + 1) / 2 * 2 * Gemm.Columns;
        }
        int strips = (length + products.Tallest - 1) / products.Tallest;
        for (int strip = 0; strip < strips; strip++)
        {
            int row = ProductKernels.StripStart(length, strip, strips), rows = ProductKernels.StripStart(length, strip + 1, strips) - row;
            var scores = new GemmCall
            {
                A = (byte*)query + (nint)row * paddedHeadSize * size,
                AStride = paddedHeadSize * size,
                B = scratch.Keys,
                K = paddedHeadSize / group,
                C = scratch.Scores,
                CStride = stride * sizeof(float),
                CPanel = Gemm.Columns * sizeof(float),
                Panels = padded / Gemm.Columns,
            };
            products.GemmStrip(Epilogue.None, Store.Float32, &scores, rows);
            for (int r = 0; r < rows; r++)
            {
                float* p = scratch.Scores + r * stride;
                scratch.Inverse[r] = kernels.Softmax(p, bias.Row(columns, length, row + r, scratch.Bias), length, padded, factor);
                DropoutRows.Apply(mask, firstRow + row + r, MaskColumn(head), p, length);
                products.Convert(p, (byte*)scratch.Probabilities + r * stride * size, padded);
            }
            for (int panel = 0; panel < panels; panel++)
            {
                var sum = new GemmCall
                {
                    A = scratch.Probabilities,
                    AStride = stride * size,
                    B = (byte*)value + panel * valueStride * size,
                    K = (length + group - 1) / group,
                    Panels = 1,
                    C = (byte*)context + (row * contextStride + panel * Gemm.Columns) * size,
                    CStride = contextStride * size,
                    RowScale = scratch.Inverse,
                };
                products.GemmStrip(Epilogue.ScaleRow, Store.Operand, &sum, rows);
            }
        }
    }

    private static int MaskColumn(int head) => Compute.Reference.SelfAttention.MaskColumn(head, 0);

    /// <summary>What one thread needs to go back through one sequence.</summary>
    internal sealed class BackwardScratch(int longest, int paddedHeadSize, ProductKernels products) : IDisposable
    {
        private readonly NativeBlock _block = new(
            5L * Padded(longest) * paddedHeadSize + (products.IsExact ? 2L : 6L) * longest * (Padded(longest) + RowPadding) + Padded(longest)
            + DropoutRows.Words(longest));

        internal int Longest => longest;
        internal long Bytes => _block.Bytes;
        internal float* Bias => _block.Floats;

        /// <summary>Packed for products, as <see cref="Scratch.Keys"/>; transposed, then in pairs.</summary>
        internal float* Keys => Bias + Padded(longest);
        internal float* Values => Keys + HeadFloats;
        internal float* KeyPairs => Values + HeadFloats;
        internal float* QueryPairs => KeyPairs + HeadFloats;
        internal float* ContextPairs => QueryPairs + HeadFloats;
        internal float* Probabilities => ContextPairs + HeadFloats;
        internal float* Scores => Probabilities + ScoreFloats;

        /// <summary>Both as operands, and in pairs of rows.</summary>
        internal float* ProbabilityOperands => products.IsExact ? Probabilities : Scores + ScoreFloats;
        internal float* ScoreOperands => products.IsExact ? Scores : ProbabilityOperands + ScoreFloats;
        internal float* ProbabilityPairs => ScoreOperands + ScoreFloats;
        internal float* ScorePairs => ProbabilityPairs + ScoreFloats;

        /// <summary>What dropout keeps of a row of probabilities.</summary>
        internal int* Kept => (int*)(products.IsExact ? Scores : ScorePairs) + ScoreFloats;

        private long HeadFloats => (long)Padded(longest) * paddedHeadSize;

        private long ScoreFloats => (long)longest * (Padded(longest) + RowPadding);

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
    /// <param name="dContext">[length, paddedHeadSize] operands, <paramref name="stride"/> of them from row to row.</param>
    /// <param name="stride">At least paddedHeadSize.</param>
    /// <param name="dQuery">
    /// [length, paddedHeadSize] floats, overwritten, as dKey and dValue; all three <paramref name="dStride"/> of them from row to row.
    /// </param>
    /// <param name="dKey">Likewise.</param>
    /// <param name="dValue">Likewise.</param>
    /// <param name="dStride">At least paddedHeadSize.</param>
    /// <param name="scratch">
    /// For sequences of at least this length; its scores hold ds / sqrt(headSize) afterwards, [length] rows of <see cref="ScoreStride"/>.
    /// </param>
    internal static void Backward(CpuKernels kernels, void* query, void* key, void* value, nint panelStride, int length, int headSize, int paddedHeadSize,
        RelativeBias.Head bias, int* columns, DropoutMask mask, int firstRow, int head, void* dContext, nint stride, float* dQuery, float* dKey, float* dValue,
        nint dStride, BackwardScratch scratch)
    {
        Debug.Assert(length > 0 && length <= scratch.Longest && paddedHeadSize % Gemm.Columns == 0 && dStride >= paddedHeadSize && stride >= paddedHeadSize);
        ProductKernels products = kernels.Products;
        int size = products.Size, group = products.Group;
        int padded = Padded(length), panels = paddedHeadSize / Gemm.Columns, pairs = (length + group - 1) / group;
        nint scoreStride = ScoreStride(length);
        int* kept = scratch.Kept;
        float root = MathF.Sqrt(headSize), factor = 1.44269504f / root;
        PackKeys(products, key, panelStride, length, paddedHeadSize, scratch.Keys);
        PackKeys(products, value, panelStride, length, paddedHeadSize, scratch.Values);
        nint keyStride = panelStride;
        if (group > 1)
        {
            key = PackValues(key, panelStride, length, panels, scratch.KeyPairs);
            keyStride = pairs * group * Gemm.Columns;
        }
        int strips = (length + products.Tallest - 1) / products.Tallest;
        for (int strip = 0; strip < strips; strip++)
        {
            int row = ProductKernels.StripStart(length, strip, strips), rows = ProductKernels.StripStart(length, strip + 1, strips) - row;
            float* p = scratch.Probabilities + row * scoreStride, ds = scratch.Scores + row * scoreStride;
            byte* pOperands = (byte*)scratch.ProbabilityOperands + row * scoreStride * size;
            byte* dsOperands = (byte*)scratch.ScoreOperands + row * scoreStride * size;
            Multiply((byte*)query + (nint)row * paddedHeadSize * size, paddedHeadSize, scratch.Keys, p);
            Multiply((byte*)dContext + row * stride * size, stride, scratch.Values, ds);
            for (int r = 0; r < rows; r++)
            {
                float* pr = p + r * scoreStride, dr = ds + r * scoreStride;
                float inverse = kernels.Softmax(pr, bias.Row(columns, length, row + r, scratch.Bias), length, padded, factor);
                new Span<float>(pr + length, padded - length).Clear();
                if (!mask.IsOff)
                {
                    DropoutRows.Draw(mask, firstRow + row + r, MaskColumn(head), length, kept);
                    DropoutRows.Apply(kept, mask.Scale, dr, length);
                }
                kernels.SoftmaxBackward(pr, inverse, dr, padded, 1 / root);
                if (!mask.IsOff) { DropoutRows.Apply(kept, mask.Scale, pr, length); }
                products.Convert(pr, pOperands + r * scoreStride * size, padded);
                products.Convert(dr, dsOperands + r * scoreStride * size, padded);
            }
            for (int panel = 0; panel < panels; panel++)
            {
                var product = new GemmCall
                {
                    A = dsOperands,
                    AStride = scoreStride * size,
                    B = (byte*)key + panel * keyStride * size,
                    K = pairs,
                    Panels = 1,
                    C = dQuery + row * dStride + panel * Gemm.Columns,
                    CStride = dStride * sizeof(float),
                };
                products.GemmStrip(Epilogue.None, Store.Float32, &product, rows);
            }

            void Multiply(void* a, nint aStride, float* b, float* c)
            {
                var product = new GemmCall
                {
                    A = a,
                    AStride = aStride * size,
                    B = b,
                    K = paddedHeadSize / group,
                    C = c,
                    CStride = scoreStride * sizeof(float),
                    CPanel = Gemm.Columns * sizeof(float),
                    Panels = padded / Gemm.Columns,
                };
                products.GemmStrip(Epilogue.None, Store.Float32, &product, rows);
            }
        }
        for (int row = 0; row < length; row++)
        {
            new Span<float>(dKey + row * dStride, paddedHeadSize).Clear();
            new Span<float>(dValue + row * dStride, paddedHeadSize).Clear();
        }
        float* scores = Pairs(scratch.ScoreOperands, scoreStride, padded, scratch.ScorePairs, scoreStride);
        float* probabilities = Pairs(scratch.ProbabilityOperands, scoreStride, padded, scratch.ProbabilityPairs, scoreStride);
        float* queries = Pairs(query, paddedHeadSize, paddedHeadSize, scratch.QueryPairs, paddedHeadSize);
        float* contexts = Pairs(dContext, stride, paddedHeadSize, scratch.ContextPairs, paddedHeadSize);
        nint contextStride = group > 1 ? paddedHeadSize : stride;
        products.AddOuter(scores, scoreStride, length, queries, paddedHeadSize, paddedHeadSize, pairs, dKey, dStride);
        products.AddOuter(probabilities, scoreStride, length, contexts, contextStride, paddedHeadSize, pairs, dValue, dStride);

        // Where an outer product over the rows finds them: operands of 16 bits in pairs.
        float* Pairs(void* from, nint fromStride, int width, float* to, nint toStride)
        {
            if (group == 1) { return (float*)from; }
            PairRows.Forward((ushort*)from, fromStride, length, width, (ushort*)to, 2 * toStride);
            return to;
        }
    }

    /// <summary>Floats from one row of scores to the next.</summary>
    internal static nint ScoreStride(int length) => Padded(length) + RowPadding;

    /// <summary>Keys into panels [panel of 32 keys][paddedHeadSize][32] in groups; keys past the end are 0.</summary>
    private static void PackKeys(ProductKernels products, void* key, nint panelStride, int length, int paddedHeadSize, float* packed)
    {
        int words = Gemm.Columns / products.Group; // of 32 bits, in a row of a panel
        for (int first = 0; first < length; first += Gemm.Columns)
        {
            int count = Math.Min(Gemm.Columns, length - first);
            float* to = packed + (nint)first * paddedHeadSize / products.Group;
            if (count < Gemm.Columns) { new Span<float>(to, words * paddedHeadSize).Clear(); }
            for (int panel = 0; panel < paddedHeadSize / Gemm.Columns; panel++)
            {
                float* from = (float*)((byte*)key + (panel * panelStride + (nint)first * Gemm.Columns) * products.Size);
                Transpose.Forward(from, words, count, words, to + panel * words * Gemm.Columns, Gemm.Columns);
            }
        }
    }

    /// <summary>Values of 16 bits into panels of pairs, one behind the other.</summary>
    private static void* PackValues(void* value, nint panelStride, int length, int panels, float* packed)
    {
        for (int panel = 0; panel < panels; panel++)
        {
            PairRows.Forward((ushort*)value + panel * panelStride, Gemm.Columns, length, Gemm.Columns,
                (ushort*)packed + (nint)panel * ((length + 1) / 2 * 2) * Gemm.Columns, 2 * Gemm.Columns);
        }
        return packed;
    }
}
