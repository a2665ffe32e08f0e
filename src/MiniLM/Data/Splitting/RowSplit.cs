using System.IO.Compression;
using MiniLM.Data.Duplicates;

namespace MiniLM.Data.Splitting;

/// <summary>Cuts a file of rows into parts: rows stay byte for byte, a table's header goes to every part, a part keeps the order of the file.</summary>
/// <remarks>That order costs nothing: rows are copied as the file streams by, and whoever trains shuffles every epoch anyway.</remarks>
internal sealed class RowSplit
{
    private readonly string _path;
    private readonly List<(long Start, long End)> _rows = [];
    private readonly List<int> _values = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<int> _counts = [];
    private int[] _parts = [];

    /// <summary>Reads where the rows are, and their values.</summary>
    /// <param name="path">The file, which is read once more for each part.</param>
    /// <param name="format">With the column of the values, or without columns.</param>
    /// <param name="cancellation">Looked at for every row.</param>
    /// <exception cref="DataFormatException">A row is damaged or lacks the column.</exception>
    internal RowSplit(string path, RowFormat format, CancellationToken cancellation = default)
    {
        _path = path;
        using RowReader reader = RowReader.Open(path, format, cancellation: cancellation);
        string[] value = format.HasNoColumns ? [] : [""];
        for (long start = reader.Position; reader.Read(value); start = reader.Position)
        {
            cancellation.ThrowIfCancellationRequested();
            _rows.Add((start, reader.Position));
            _values.Add(Number(value.Length == 0 ? "" : value[0]));
        }
    }

    /// <summary>The values in the order in which they come, and in how many rows each is.</summary>
    internal IEnumerable<(string Value, int Rows)> Values => _numbers.Select(value => (value.Key, _counts[value.Value]));

    private int Number(string value)
    {
        if (!_numbers.TryGetValue(value, out int number)) { _numbers.Add(value, number = _counts.Count); }
        if (number == _counts.Count) { _counts.Add(0); }
        _counts[number]++;
        return number;
    }

    /// <summary>Says which rows are of which part.</summary>
    /// <param name="sizes">Of the parts.</param>
    /// <param name="column">Of the values, for messages; null: there is none.</param>
    /// <param name="seed">Of what is drawn.</param>
    /// <exception cref="DataFormatException">There are too few rows, or too few of a value.</exception>
    internal void Deal(IReadOnlyList<int> sizes, string? column, ulong seed)
    {
        long asked = sizes.Sum(size => (long)size);
        if (asked > _rows.Count) { throw new DataFormatException($"{_path}: has {_rows.Count} row(s), --sizes asks for {asked}. Give smaller sizes."); }
        if (column is not null) { CheckValues(sizes, column); }
        _parts = StratifiedParts.Deal(_values, sizes, seed);
    }

    private void CheckValues(IReadOnlyList<int> sizes, string column)
    {
        foreach ((string value, int rows) in Values.Where(value => value.Rows < sizes.Count).Take(1))
        {
            throw new DataFormatException($"{_path}: {Quoted.Text(value)} of column {Quoted.Text(column)} is in {rows} row(s), fewer than the {sizes.Count} "
                + "parts. Add rows of it, leave it out, or split without --stratify.");
        }
        if (sizes.Min() < _counts.Count)
        {
            throw new DataFormatException($"{_path}: column {Quoted.Text(column)} has {_counts.Count} values, more than a part of {sizes.Min()} row(s) holds. "
                + "Give greater sizes, or split without --stratify.");
        }
    }

    /// <summary>Copies a part's rows; the file's name says whether it is compressed.</summary>
    internal void Write(int part, string path, CancellationToken cancellation = default) => PartialFile.WriteWhole(path, stream =>
    {
        List<(long Start, long End)> others = [.. _rows.Where((_, row) => _parts[row] != part)];
        if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            RemainingRows.Copy(_path, others, stream, cancellation);
            return;
        }
        using GZipStream compressed = new(stream, CompressionLevel.Optimal, leaveOpen: true);
        RemainingRows.Copy(_path, others, compressed, cancellation);
    }, overwrite: false, cancellation);
}
