using System.Diagnostics;
using System.Runtime.CompilerServices;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>One row from the rows of a sequence. Formulas: <see cref="Compute.Reference.Pooling"/>.</summary>
internal static unsafe class Pooling
{
    /// <param name="mode">Which formula.</param>
    /// <param name="rows">[length] rows of <paramref name="width"/> values, <paramref name="stride"/> floats apart.</param>
    /// <param name="stride">At least width.</param>
    /// <param name="columns">[length], places in the padded original.</param>
    /// <param name="length">At least 1.</param>
    /// <param name="y">[width].</param>
    /// <param name="width">Any.</param>
    internal static void Forward<TLanes>(PoolingMode mode, float* rows, nint stride, int* columns, int length, float* y, int width)
        where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(rows != null && columns != null && y != null && width > 0 && stride >= width && length > 0);
        if (mode is PoolingMode.Cls or PoolingMode.LastToken)
        {
            Unsafe.CopyBlockUnaligned(y, rows + (mode == PoolingMode.Cls ? 0 : length - 1) * stride, (uint)width * sizeof(float));
            return;
        }
        new Span<float>(y, width).Fill(mode == PoolingMode.Max ? float.NegativeInfinity : 0);
        float weights = 0;
        for (int i = 0; i < length; i++)
        {
            float weight = mode == PoolingMode.WeightedMean ? columns[i] - columns[0] + 1 : 1;
            weights += weight;
            float* row = rows + i * stride;
            if (mode == PoolingMode.Max) { Max(row, y, width); } else { Add<TLanes>(row, weight, y, width); }
        }
        if (mode == PoolingMode.Max) { return; }
        float divisor = mode == PoolingMode.MeanSqrtLen ? MathF.Sqrt(weights) : weights;
        for (int d = 0; d < width; d++) { y[d] /= divisor; }
    }

    private static void Add<TLanes>(float* row, float weight, float* y, int width) where TLanes : struct, ILanes<TLanes>
    {
        int whole = width - width % TLanes.Count;
        TLanes scale = TLanes.Create(weight);
        for (int d = 0; d < whole; d += TLanes.Count) { TLanes.MultiplyAdd(TLanes.Load(row + d), scale, TLanes.Load(y + d)).Store(y + d); }
        for (int d = whole; d < width; d++) { y[d] = MathF.FusedMultiplyAdd(row[d], weight, y[d]); }
    }

    // Not in lanes, whose Max loses a NaN of an earlier row.
    private static void Max(float* row, float* y, int width)
    {
        for (int d = 0; d < width; d++) { y[d] = MathF.Max(y[d], row[d]); }
    }
}
