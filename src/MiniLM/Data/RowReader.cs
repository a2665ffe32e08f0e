using System.Globalization;
using System.Text;
using System.Text.Unicode;
using MiniLM.Text.Repair;

namespace MiniLM.Data;

/// <summary>Some columns of a file, row by row, whatever its format.</summary>
internal abstract class RowReader : IDisposable
{
    private readonly TextRepairKind _repair;

    private protected RowReader(RowFormat format) => _repair = format.Repair;

    /// <summary>Line of the row last read, from 1.</summary>
    internal abstract long Line { get; }

    /// <summary>Bytes of the text, uncompressed, up to the next row: a row's own bytes lie between two of them.</summary>
    internal abstract long Position { get; }

    /// <summary>See <see cref="DataFile.ShareRead"/>.</summary>
    internal abstract double? ShareRead { get; }

    /// <summary>The next row's columns, repaired.</summary>
    /// <param name="values">As many as columns were asked for.</param>
    /// <exception cref="DataFormatException">The row is damaged or lacks a column.</exception>
    internal bool Read(Span<string> values)
    {
        if (!ReadRow(values)) { return false; }
        foreach (ref string value in values) { value = TextRepair.Apply(value, _repair); }
        return true;
    }

    private static string[] Columns(RowFormat format, string otherwise) =>
        format.Columns.Length > 0 || format.HasNoColumns ? format.Columns : [otherwise];

    /// <summary>The next row's columns as they are written.</summary>
    protected abstract bool ReadRow(Span<string> values);

    /// <summary>The error of the row last read.</summary>
    internal abstract DataFormatException Wrong(string what);

    /// <summary>A label: a finite number, or true or false as 1 or 0; null where it is neither.</summary>
    internal static double? Label(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value
            : text is "true" or "True" ? 1 : text is "false" or "False" ? 0 : null;

    public abstract void Dispose();

    /// <summary>Opens .jsonl, .tsv, .csv or .txt, plain or .gz.</summary>
    /// <exception cref="DataFormatException">There is no such file, its format is unknown, or it has no such column.</exception>
    internal static RowReader Open(string path, RowFormat format, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        string name = DataFile.Name(path);
        string kind = format.Format ?? DataFile.Suffix(path).TrimStart('.');
        DataFile.Require(path);
        if (kind is not ("" or "jsonl" or "ndjson" or "json" or "tsv" or "csv" or "txt") || (kind.Length == 0 && path != DataFile.StandardInput))
        {
            throw new DataFormatException($"{name}: the format '{kind}' is not known. Use .jsonl, .tsv, .csv or .txt"
                + (format.Options.Contains("--format") ? ", or say --format." : "."));
        }
        PeekedStream stream = new(DataFile.Open(path, openStandardInput, cancellation), name);
        try
        {
            bool isTable = format.Columns.Length > 0 || format.Delimiter is not null;
            if (kind.Length == 0) { kind = stream.Start != TextStart.Other ? "jsonl" : isTable ? "tsv" : "txt"; }
            return kind switch
            {
                "tsv" or "csv" => new TableRows(new Table(stream, name, format.Delimiter ?? (kind == "tsv" ? '\t' : ','), format.Quotes ?? kind == "csv"),
                    format),
                "txt" => new TextRows(new LineReader(stream, name), format),
                _ => new JsonRows(new JsonLines(stream, name), format),
            };
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The number that stands for a column of a table without a header.</summary>
    internal static int ColumnNumber(string name, string column) =>
        int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw new DataFormatException(
            $"{name}: without a header columns are numbers from 0, not '{column}'. Give numbers, or leave --no-header out.");

    private static string ColumnOptions(RowFormat format) =>
        string.Join(", ", format.Options.Where(option => option.StartsWith("--column", StringComparison.Ordinal)));

    private sealed class JsonRows(JsonLines lines, RowFormat format) : RowReader(format)
    {
        private readonly string[] _columns = Columns(format, "text");
        private readonly string _remedy = ColumnOptions(format) is { Length: > 0 } options
            ? $"Name the column that holds the text ({options}), or correct the line." : "Correct the line.";
        private readonly byte[][] _names = [.. Columns(format, "text").Select(Encoding.UTF8.GetBytes)];
        private readonly int _listsFrom = format.ListsFrom;

        internal override long Line => lines.Source.Line;

        internal override long Position => lines.Source.Position;

        internal override double? ShareRead => lines.Source.ShareRead;

        protected override bool ReadRow(Span<string> values)
        {
            if (!lines.Read(_names, values!, _listsFrom)) { return false; }
            for (int i = 0; i < _names.Length; i++)
            {
                if (values[i] is null)
                {
                    throw lines.Source.Wrong($"has no '{_columns[i]}', or it is null. {_remedy}");
                }
            }
            return true;
        }

        internal override DataFormatException Wrong(string what) => lines.Source.Wrong(what);

        public override void Dispose() => lines.Dispose();
    }

    private sealed class TextRows : RowReader
    {
        private readonly LineReader _lines;

        internal TextRows(LineReader lines, RowFormat format) : base(format)
        {
            _lines = lines;
            if (format.Delimiter is not null || format.Columns.Length > 1 || (format.Columns.Length == 1 && format.Columns[0] is not ("text" or "0")))
            {
                string other = format.Delimiter?.ToString() ?? string.Join(',', format.Columns);
                throw new DataFormatException($"{lines.Name}: lines of text have one column, 'text'. For '{other}' "
                    + (format.Options.Contains("--format") ? "say --format tsv, csv or jsonl." : "give a .tsv, .csv or .jsonl file."));
            }
        }

        internal override long Line => _lines.Number;

        internal override long Position => _lines.Position;

        internal override double? ShareRead => _lines.ShareRead;

        protected override bool ReadRow(Span<string> values)
        {
            if (!_lines.Read(out ReadOnlySpan<byte> line)) { return false; }
            if (!Utf8.IsValid(line)) { throw _lines.Wrong("not UTF-8. Save the file as UTF-8."); }
            if (values.Length > 0) { values[0] = Encoding.UTF8.GetString(line); }
            return true;
        }

        internal override DataFormatException Wrong(string what) => _lines.Wrong(what);

        public override void Dispose() => _lines.Dispose();
    }

    private sealed class TableRows : RowReader
    {
        private readonly Table _table;
        private readonly RowFormat _format;
        private readonly int[] _indices;
        private readonly int _width = int.MaxValue; // of the header
        private readonly string _remedy;

        internal TableRows(Table table, RowFormat format) : base(format)
        {
            (_table, _format) = (table, format);
            _remedy = "Correct the row"
                + (format.Options.Contains("--quotes") ? ", or say how it is to be read (--format tsv|csv, --quotes on|off)." : ".");
            if (!format.HasHeader)
            {
                _indices = [.. Columns(format, "0").Select(column => ColumnNumber(table.Name, column))];
                return;
            }
            string[] header = table.Read() ? [.. Enumerable.Range(0, table.Count).Select(table.Field)] : [];
            if (header.Length == 1 && format.Columns.Length == 0 && !format.HasNoColumns) { RefuseOtherDelimiter(header[0]); }
            _width = header.Length;
            string[] columns = Columns(format, header.Length == 1 ? header[0] : "text");
            _indices = [.. columns.Select(column => Find(header, column))];
        }

        internal override long Line => _table.Line;

        internal override long Position => _table.Position;

        internal override double? ShareRead => _table.ShareRead;

        protected override bool ReadRow(Span<string> values)
        {
            if (!_table.Read()) { return false; }
            if (_indices.Length > 0) { _table.RequireWidth(_width, _remedy); } // a row that is only passed on loses nothing
            for (int i = 0; i < _indices.Length; i++)
            {
                if (_indices[i] >= _table.Count)
                {
                    throw _table.Wrong($"has {_table.Count} field(s), no field {_indices[i]} (counted from 0). {_remedy}");
                }
                values[i] = _table.Field(_indices[i]);
            }
            return true;
        }

        private void RefuseOtherDelimiter(string header)
        {
            if (Table.OtherDelimiter(header) is not { } delimiter) { return; }
            throw new DataFormatException($"{_table.Name}:1: has one column, {Quoted.Text(header)}. If it is several"
                + (_format.Options.Contains("--delimiter") ? $", say --delimiter '{delimiter}'" : ", separate them as the file's suffix says")
                + (_format.Options.Contains("--column") ? "; if it is one, name it (--column)." : "."));
        }

        private int Find(string[] header, string column)
        {
            if (header.Length == 0) { throw new DataFormatException($"{_table.Name}: is empty. Give a table with a header."); }
            int index = Array.IndexOf(header, column);
            return index >= 0 ? index : throw new DataFormatException(
                $"{_table.Name}:1: has no column '{column}', it has {string.Join(", ", header.Select(Quoted.Text))}. "
                + (Table.OtherDelimiter(header, _format) ?? (ColumnOptions(_format) is not { Length: > 0 } options ? "Give the table such a column."
                    : $"Name one of them ({options}){(_format.Options.Contains("--no-header") ? ", or say --no-header and number them from 0." : ".")}")));
        }

        internal override DataFormatException Wrong(string what) => _table.Wrong(what);

        public override void Dispose() => _table.Dispose();
    }
}
