using System.Globalization;

namespace MiniLM.Data;

/// <summary>A number a row by its index from 0: the scores that <c>similarity</c> and <c>rerank --pairs</c> write, or labels.</summary>
internal static class IndexedNumbers
{
    private readonly record struct Row(long Index, double Value, long Line);

    /// <summary>The numbers in the order of their indices, which are 0, 1, ... in any order, each once.</summary>
    /// <param name="path">JSON lines, or a table with a header.</param>
    /// <param name="column">Beside <c>index</c>.</param>
    /// <param name="isLabel">Only 0 and 1 are taken.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="cancellation">Looked at once a row.</param>
    /// <exception cref="DataFormatException">A number is none or not finite, an index is missing or there twice, or there are no rows.</exception>
    internal static double[] Read(
        string path, string column, bool isLabel = false, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        List<Row> rows = [];
        RowFormat format = new() { Columns = ["index", column], ListsFrom = isLabel ? 1 : int.MaxValue };
        using RowReader reader = RowReader.Open(path, format, openStandardInput, cancellation);
        string[] values = new string[2];
        while (reader.Read(values))
        {
            cancellation.ThrowIfCancellationRequested();
            rows.Add(new Row(Index(reader, values[0]), Number(reader, column, values[1], isLabel), reader.Line));
        }
        if (rows.Count == 0) { throw new DataFormatException($"{DataFile.Name(path)}: has no rows. A row has 'index' and '{column}'."); }
        rows.Sort((a, b) => a.Index != b.Index ? a.Index.CompareTo(b.Index) : a.Line.CompareTo(b.Line));
        for (int i = 0; i < rows.Count; i++)
        {
            if (rows[i].Index < i) { throw new DataFormatException($"{DataFile.Name(path)}:{rows[i].Line}: index {i - 1} is there twice. Leave one of them."); }
            if (rows[i].Index > i)
            {
                throw new DataFormatException($"{DataFile.Name(path)}: has index {rows[i].Index} (line {rows[i].Line}), but no index {i}. Count rows from 0.");
            }
        }
        return [.. rows.Select(row => row.Value)];
    }

    private static long Index(RowReader reader, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? index
            : throw reader.Wrong($"the index {Quoted.Text(text)} is not a whole number from 0 up. Write the row's number.");

    private static double Number(RowReader reader, string column, string text, bool isLabel)
    {
        if (isLabel)
        {
            return RowReader.Label(text) is { } label and (0 or 1) ? label
                : throw reader.Wrong($"the {column} {Quoted.Text(text)} is not 0 or 1. Write 1 for a positive row.");
        }
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value
            : throw reader.Wrong($"the {column} {Quoted.Text(text)} is not a finite number. Write a decimal number.");
    }
}
