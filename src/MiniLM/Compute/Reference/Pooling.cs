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

    /// <summary>dRows += what each row gave to y times dy; of a maximum the first row that holds it gave all.</summary>
    internal static void Backward<T>(PoolingMode mode, ReadOnlySpan<T> rows, ReadOnlySpan<int> columns, ReadOnlySpan<T> dy, Span<T> dRows)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int length = columns.Length, hidden = dy.Length;
        T weights = T.Zero;
        for (int i = 0; i < length; i++) { weights += Weight(columns, i); }
        for (int d = 0; d < hidden; d++)
        {
            int only = mode switch
            {
                PoolingMode.Cls => 0,
                PoolingMode.LastToken => length - 1,
                PoolingMode.Max => Greatest(rows, d),
                _ => -1,
            };
            if (only >= 0)
            {
                dRows[only * hidden + d] += dy[d];
                continue;
            }
            T divisor = mode == PoolingMode.MeanSqrtLen ? T.Sqrt(weights) : weights;
            for (int i = 0; i < length; i++) { dRows[i * hidden + d] += Weight(columns, i) * dy[d] / divisor; }
        }

        T Weight(ReadOnlySpan<int> places, int row) => mode == PoolingMode.WeightedMean ? T.CreateChecked(places[row] - places[0] + 1) : T.One;

        int Greatest(ReadOnlySpan<T> values, int column)
        {
            int best = 0;
            for (int i = 1; i < length; i++)
            {
                if (values[i * hidden + column] > values[best * hidden + column]) { best = i; }
            }
            return best;
        }
    }
}
