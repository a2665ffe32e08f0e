using System.Text;
using MiniLM.Text.Repair;

namespace MiniLM.Data;

/// <summary>Texts with ids, streaming: BEIR's corpus.jsonl and queries.jsonl, or id TAB text.</summary>
internal sealed class TextCollection : IDisposable
{
    private static readonly byte[][] Names = [Encoding.UTF8.GetBytes("_id"), Encoding.UTF8.GetBytes("title"), Encoding.UTF8.GetBytes("text")];

    private readonly JsonLines? _json;
    private readonly Table? _table;
    private readonly TextRepairKind _repair;

    private TextCollection(JsonLines? json, Table? table, TextRepairKind repair) => (_json, _table, _repair) = (json, table, repair);

    /// <summary>Opens .jsonl (<c>_id</c>, <c>title</c>, <c>text</c>) or .tsv (id TAB text, no header), plain or .gz.</summary>
    /// <remarks>Standard input is JSON lines when it starts with a brace.</remarks>
    /// <param name="path">The file or <c>-</c>.</param>
    /// <param name="quotes">Whether quotes quote in a table; null: in .csv, not in .tsv.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="repair">What is repaired of titles and texts.</param>
    /// <param name="cancellation">Ends what waits for a pipe.</param>
    /// <exception cref="DataFormatException">There is no such file, or its format is unknown.</exception>
    internal static TextCollection Open(
        string path, bool? quotes = null, Func<Stream>? openStandardInput = null, TextRepairKind repair = TextRepairKind.None,
        CancellationToken cancellation = default)
    {
        string name = DataFile.Name(path), suffix = DataFile.Suffix(path);
        DataFile.Require(path);
        if (suffix is not (".jsonl" or ".ndjson" or ".json" or ".tsv" or ".txt" or ".csv") && path != DataFile.StandardInput)
        {
            throw new DataFormatException($"{name}: the format '{suffix}' is not known. Use .jsonl (_id, title, text) or .tsv (id, tab, text).");
        }
        Stream stream = DataFile.Open(path, openStandardInput, cancellation);
        if (path == DataFile.StandardInput)
        {
            PeekedStream peeked = new(stream);
            (stream, suffix) = (peeked, peeked.StartsWithBrace ? ".jsonl" : ".tsv");
        }
        return suffix is ".jsonl" or ".ndjson" or ".json" ? new TextCollection(new JsonLines(new LineReader(stream, name)), null, repair)
            : new TextCollection(null, new Table(stream, name, suffix == ".csv" ? ',' : '\t', quotes ?? suffix == ".csv"), repair);
    }

    /// <summary>The next document; its id is not empty.</summary>
    /// <remarks>Title and text are what is written, repaired, but for the text of a JSON line without a title: it loses white space at
    /// both ends, as BEIR's readers have it.</remarks>
    internal bool Read(out Document document)
    {
        document = default;
        if (_table is not null)
        {
            if (!_table.Read()) { return false; }
            if (_table.Count < 2) { throw Wrong("has no tab: a line is id, tab, text. Correct the line."); }
            document = new Document(_table.Field(0), "", TextRepair.Apply(_table.Field(1), _repair));
        }
        else
        {
            string?[] values = new string?[3];
            if (!_json!.Read(Names, values)) { return false; }
            string text = values[2] ?? throw Wrong("has no 'text', or it is null. A line is {\"_id\": ..., \"text\": ...}.");
            string id = values[0] ?? throw Wrong("has no '_id', or it is null. A line is {\"_id\": ..., \"text\": ...}.");
            (string title, text) = (TextRepair.Apply(values[1] ?? "", _repair), TextRepair.Apply(text, _repair));
            document = string.IsNullOrWhiteSpace(title) ? new Document(id, "", text.Trim()) : new Document(id, title, text);
        }
        return document.Id.Length > 0 ? true : throw Wrong("the id is empty. Give every text an id.");
    }

    /// <summary>Where the document last read begins in the file.</summary>
    internal long Start => _json?.Lines.Start ?? _table!.Start;

    /// <summary>Whether <see cref="Seek"/> can go back: a plain file, no pipe.</summary>
    internal bool CanSeek => _json?.Lines.CanSeek ?? _table!.CanSeek;

    /// <summary>Makes a document that was read before the next one.</summary>
    /// <param name="start">Its <see cref="Start"/>.</param>
    internal void Seek(long start)
    {
        _json?.Lines.Seek(start);
        _table?.Seek(start);
    }

    /// <summary>The error of the line last read.</summary>
    internal DataFormatException Wrong(string what) => _json?.Lines.Wrong(what) ?? _table!.Wrong(what);

    public void Dispose()
    {
        _json?.Dispose();
        _table?.Dispose();
    }
}
