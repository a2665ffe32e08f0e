using System.Numerics;
using System.Runtime.Intrinsics;

namespace MiniLM.Evaluation.Statistics;

/// <summary>A number of each of some measures, which are computed with all at once.</summary>
/// <param name="Values">Zeros where there are fewer measures.</param>
internal readonly record struct MeasureRow(Vector512<double> Values) : IAdditionOperators<MeasureRow, MeasureRow, MeasureRow>
{
    /// <summary>Measures of a row.</summary>
    internal static int Width => Vector512<double>.Count;

    public static MeasureRow operator +(MeasureRow left, MeasureRow right) => new(left.Values + right.Values);

    /// <summary>Rows of all measures, a block of measures at a time, each with its first measure.</summary>
    /// <param name="columns">One a measure; of one length.</param>
    internal static IEnumerable<(int First, MeasureRow[] Rows)> Blocks(double[][] columns)
    {
        for (int first = 0; first < columns.Length; first += Width)
        {
            MeasureRow[] rows = new MeasureRow[columns[first].Length];
            for (int column = first; column < Math.Min(columns.Length, first + Width); column++)
            {
                for (int row = 0; row < rows.Length; row++) { rows[row] = new MeasureRow(rows[row].Values.WithElement(column - first, columns[column][row])); }
            }
            yield return (first, rows);
        }
    }
}
