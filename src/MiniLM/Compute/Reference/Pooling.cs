using System.Numerics;
using MiniLM.Model;

namespace MiniLM.Compute.Reference;

/// <summary>One row from the rows of a sequence, as sentence-transformers pools them.</summary>
/// <remarks>rows: [length, hidden]; columns: [length], places in the padded original: weightedmean weighs 1, 2, 3
/// ... from the first one; y: [hidden].</remarks>
internal static class Pooling
{
    internal static void Forward<T>(PoolingMode mode, ReadOnlySpan<T> rows, ReadOnlySpan<int> columns, Span<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        int length = columns.Length, hidden = y.Length;
        if (mode == PoolingMode.Cls) { rows[..hidden].CopyTo(y); return; }
        if (mode == PoolingMode.LastToken) { rows[^hidden..].CopyTo(y); return; }
        y.Fill(mode == PoolingMode.Max ? T.NegativeInfinity : T.Zero);
        T weights = T.Zero;
        for (int i = 0; i < length; i++)
        {
            T weight = mode == PoolingMode.WeightedMean ? T.CreateChecked(columns[i] - columns[0] + 1) : T.One;
            weights += weight;
            for (int d = 0; d < hidden; d++)
            {
                T value = rows[i * hidden + d];
                y[d] = mode == PoolingMode.Max ? T.Max(y[d], value) : y[d] + weight * value;
            }
        }
        if (mode == PoolingMode.Max) { return; }
        T divisor = mode == PoolingMode.MeanSqrtLen ? T.Sqrt(weights) : weights;
        foreach (ref T value in y) { value /= divisor; }
    }
}
