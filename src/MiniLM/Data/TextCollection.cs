using System.Text;
using MiniLM.Text.Repair;

namespace MiniLM.Data;

/// <summary>Texts with ids, streaming: JSON objects, or a table by the names of its header, by columns that are asked for, or id, tab, text.</summary>
internal sealed class TextCollection : IDisposable
{
    // What BEIR, Pyserini and others call the parts; of several that are there the first.
    private static readonly string[] IdNames = ["_id", "id", "docid", "qid"], TextNames = ["text", "contents", "query"];
    private static readonly string[] AllNames = [.. IdNames, "title", .. TextNames];
    private static readonly byte[][] JsonNames = [.. AllNames.Select(Encoding.UTF8.GetBytes)];

    private readonly JsonLines? _json;
    private readonly Table? _table;
    private readonly RowFormat _format;
    private readonly byte[][] _names = JsonNames; // of objects
    private readonly string?[] _values;
    private readonly int[] _columns = []; // of id, title (below 0: none) and text
    private int _width = int.MaxValue; // of the header
    private bool _hasRow; // the first row was read, and is no header
    private bool _isPlain; // a row is id and text, and nothing else

    private TextCollection(JsonLines? json, Table? table, RowFormat format, bool hasNames)
    {
        (_json, _table, _format) = (json, table, format);
        if (format.Columns.Length > 0) { _names = [.. format.Columns.Select(Encoding.UTF8.GetBytes)]; }
        _values = new string?[_names.Length];
        if (table is not null) { _columns = format.Columns.Length > 0 ? Asked(table) : Found(table, hasNames); }
    }

    /// <summary>Opens a file of objects or a table, plain or .gz.</summary>
    /// <remarks>
    /// A .csv, and a table with a delimiter of its own, has a header; .tsv and .txt have one where its first line names an id and a text. Without one
    /// there are two fields, id and text. Standard input is JSON when it starts with a brace or an array.
    /// </remarks>
    /// <param name="path">The file or <c>-</c>.</param>
    /// <param name="format">Columns are id and text, or id, title and text; null: all by the file.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="cancellation">Ends what waits for a pipe.</param>
    /// <exception cref="DataFormatException">There is no such file, its format is unknown, or it has no such columns.</exception>
    internal static TextCollection Open(
        string path, RowFormat? format = null, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        format ??= new RowFormat();
        string name = DataFile.Name(path), kind = format.Format ?? DataFile.Suffix(path).TrimStart('.');
        DataFile.Require(path);
        if (kind is not ("" or "jsonl" or "ndjson" or "json" or "tsv" or "txt" or "csv") || (kind.Length == 0 && path != DataFile.StandardInput))
        {
            throw new DataFormatException($"{name}: the format '{kind}' is not known. "
                + "Use .jsonl (_id, title, text), .csv (the same names) or .tsv (id, tab, text).");
        }
        PeekedStream stream = new(DataFile.Open(path, openStandardInput, cancellation), name);
        try
        {
            if (kind.Length == 0) { kind = stream.Start == TextStart.Other ? "tsv" : "jsonl"; }
            return kind is "jsonl" or "ndjson" or "json"
                ? new TextCollection(new JsonLines(stream, name), null, format, hasNames: true)
                : new TextCollection(null, new Table(stream, name, format.Delimiter ?? (kind == "csv" ? ',' : '\t'), format.Quotes ?? kind == "csv"), format,
                    hasNames: format.HasHeader && (kind == "csv" || format.Delimiter is not null));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    // Columns by the names or numbers that were given.
    private int[] Asked(Table table)
    {
        string[] header = _format.HasHeader && table.Read() ? Fields(table) : [];
        if (header.Length > 0) { _width = header.Length; }
        int[] columns = [.. _format.Columns.Select(column => _format.HasHeader ? Find(table, header, column) : RowReader.ColumnNumber(table.Name, column))];
        return columns.Length == 2 ? [columns[0], -1, columns[1]] : columns;
    }

    private static int Find(Table table, string[] header, string column) => Array.IndexOf(header, column) is >= 0 and int index ? index
        : throw new DataFormatException($"{table.Name}:1: has no column {Quoted.Text(column)}, it has {Shown(header)}. Name others (--columns).");

    private int[] Found(Table table, bool hasNames)
    {
        if (!table.Read()) { return [0, -1, 1]; }
        string[] first = Fields(table);
        int id = FirstOf(first, IdNames), title = Array.IndexOf(first, "title"), text = FirstOf(first, TextNames);
        if (_format.HasHeader && id >= 0 && text >= 0)
        {
            _width = first.Length;
            return [id, title, text];
        }
        if (hasNames)
        {
            string remedy = Table.OtherDelimiter(first, _format)
                ?? $"Give it a header with one of {string.Join(", ", IdNames)} and one of {string.Join(", ", TextNames)}{OrColumns}.";
            throw new DataFormatException($"{table.Name}:1: has the columns {Shown(first)}, which do not say where id and text are. {remedy}");
        }
        (_hasRow, _isPlain) = (true, true);
        if (first.Length > 2) { throw WrongCount(first.Length); }
        if (Table.OtherDelimiter(first, _format) is { } other) { throw _table!.Wrong($"has no tab: a line is id, tab, text. {other}"); }
        return [0, -1, 1];
    }

    private DataFormatException WrongCount(int fields) => _table!.Wrong($"has {fields} fields; without names a line is id, tab, text. "
        + $"Give the table a header with the names id and text{OrColumns}.");

    private string OrColumns => !_format.Options.Contains("--columns") ? ""
        : ", or say which columns they are (--columns id,text; of a table without a header --no-header --columns 0,1)";

    private static string[] Fields(Table table) => [.. Enumerable.Range(0, table.Count).Select(table.Field)];

    private static string Shown(string[] header) => header.Length == 0 ? "none" : string.Join(", ", header.Select(Quoted.Text));

    private static int FirstOf(string[] header, string[] names)
    {
        foreach (string name in names)
        {
            if (Array.IndexOf(header, name) is >= 0 and int index) { return index; }
        }
        return -1;
    }

    /// <summary>The next document; its id is not empty.</summary>
    /// <remarks>Title and text are what is written, repaired, but for the text of a JSON object without a title: it loses white space at
    /// both ends, as BEIR's readers have it.</remarks>
    internal bool Read(out Document document)
    {
        document = default;
        if (!(_table is not null ? ReadRow(out document) : ReadObject(out document))) { return false; }
        return document.Id.Length > 0 ? true : throw Wrong("the id is empty. Give every text an id.");
    }

    private bool ReadRow(out Document document)
    {
        document = default;
        if (!_hasRow && !_table!.Read()) { return false; }
        _hasRow = false;
        int last = Math.Max(_columns[0], Math.Max(_columns[1], _columns[2]));
        if (_table!.Count <= last)
        {
            throw Wrong(_isPlain ? "has no tab: a line is id, tab, text. Correct the line."
                : $"has {_table.Count} field(s), no field {last} (counted from 0). Correct the row.");
        }
        if (_isPlain && _table.Count > 2) { throw WrongCount(_table.Count); }
        _table.RequireWidth(_width, "Correct the row.");
        string title = _columns[1] < 0 ? "" : TextRepair.Apply(_table.Field(_columns[1]), _format.Repair);
        document = new Document(_table.Field(_columns[0]), title, TextRepair.Apply(_table.Field(_columns[2]), _format.Repair));
        return true;
    }

    private bool ReadObject(out Document document)
    {
        document = default;
        if (!_json!.Read(_names, _values)) { return false; }
        bool isAsked = _format.Columns.Length > 0;
        string text = (isAsked ? _values[^1] : First(IdNames.Length + 1, TextNames.Length)) ?? throw Lacks(isAsked ? _format.Columns[^1] : "text");
        string id = (isAsked ? _values[0] : First(0, IdNames.Length)) ?? throw Lacks(isAsked ? _format.Columns[0] : "_id");
        string? title = !isAsked ? _values[IdNames.Length] : _values.Length == 3 ? _values[1] : null;
        (title, text) = (TextRepair.Apply(title ?? "", _format.Repair), TextRepair.Apply(text, _format.Repair));
        document = string.IsNullOrWhiteSpace(title) ? new Document(id, "", text.Trim()) : new Document(id, title, text);
        return true;
    }

    private DataFormatException Lacks(string name) => Wrong($"has no '{name}', or it is null. A line is {{\"_id\": ..., \"text\": ...}}{OrColumns}.");

    private string? First(int from, int count)
    {
        for (int i = from; i < from + count; i++)
        {
            if (_values[i] is { } value) { return value; }
        }
        return null;
    }

    /// <summary>Where the document last read begins in the file.</summary>
    internal long Start => _json?.Source.Start ?? _table!.Start;

    /// <summary>See <see cref="DataFile.ShareRead"/>.</summary>
    internal double? ShareRead => _json is not null ? _json.Source.ShareRead : _table!.ShareRead;

    /// <summary>Whether <see cref="Seek"/> can go back: a plain file, no pipe.</summary>
    internal bool CanSeek => _json?.Source.CanSeek ?? _table!.CanSeek;

    /// <summary>Makes a document that was read before the next one.</summary>
    /// <param name="start">Its <see cref="Start"/>.</param>
    internal void Seek(long start)
    {
        _hasRow = false;
        _json?.Source.Seek(start);
        _table?.Seek(start);
    }

    /// <summary>The error of the document last read.</summary>
    internal DataFormatException Wrong(string what) => _json?.Source.Wrong(what) ?? _table!.Wrong(what);

    public void Dispose()
    {
        _json?.Dispose();
        _table?.Dispose();
    }
}
