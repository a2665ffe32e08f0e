using MiniLM.Data.Pickle;

namespace MiniLM.Data.CheckThat;

/// <summary>The papers of CheckThat! 2025, task 4b: the pickled collection as it is handed out, or JSON lines.</summary>
internal static class CheckThatPapers
{
    private static readonly byte[][] Names = [[.. "cord_uid"u8], [.. "doc_id"u8], [.. "title"u8], [.. "abstract"u8], [.. "text"u8]];

    /// <summary>Papers in the order of the file: id (cord_uid, else doc_id), title, abstract.</summary>
    /// <remarks>What is missing is empty. A paper with neither title nor abstract has its text, which is the two in one.</remarks>
    /// <exception cref="DataFormatException">A damaged file, a paper without an id, or an id that comes twice.</exception>
    internal static List<Document> Read(string path, CancellationToken cancellation = default)
    {
        DataFile.Require(path);
        return DataFile.Suffix(path) switch
        {
            ".pkl" or ".pickle" => FromFrame(DataFrame.Read(path, cancellation)),
            ".jsonl" or ".ndjson" or ".json" => FromLines(path, cancellation),
            string other => throw new DataFormatException($"{path}: the format '{other}' is not known. Use .pkl or .jsonl, plain or .gz."),
        };
    }

    private static List<Document> FromFrame(DataFrame frame)
    {
        object?[] ids = frame.Find("cord_uid") ?? frame.Find("doc_id") ?? throw new DataFormatException(
            $"{frame.Name}: has no column 'cord_uid', it has {string.Join(", ", frame.Columns.Select(column => Quoted.Text($"{column}")))}. "
            + "Give the collection.");
        object?[]? titles = frame.Find("title"), abstracts = frame.Find("abstract"), texts = frame.Find("text");
        Collector papers = new();
        for (int row = 0; row < frame.Index.Length; row++)
        {
            string Cell(object?[]? column) => column is null ? "" : frame.Text(column, row) ?? "";
            string? wrong = papers.Add(Cell(ids), Cell(titles), Cell(abstracts), Cell(texts));
            if (wrong is not null) { throw new DataFormatException($"{frame.Name}: row {row} (from 0): {wrong}"); }
        }
        return papers.All;
    }

    private static List<Document> FromLines(string path, CancellationToken cancellation)
    {
        using JsonLines lines = new(DataFile.Open(path, cancellation: cancellation), DataFile.Name(path));
        string?[] values = new string?[Names.Length];
        Collector papers = new();
        while (lines.Read(Names, values))
        {
            cancellation.ThrowIfCancellationRequested();
            string? wrong = papers.Add(values[0] ?? values[1] ?? "", values[2] ?? "", values[3] ?? "", values[4] ?? "");
            if (wrong is not null) { throw lines.Source.Wrong(wrong); }
        }
        return papers.All;
    }

    private sealed class Collector
    {
        private readonly KnownIds _known = new();

        internal List<Document> All { get; } = [];

        // What is wrong with it; null: nothing.
        internal string? Add(string id, string title, string summary, string text)
        {
            if (id.Length == 0) { return "has no cord_uid (or doc_id). Give every paper an id."; }
            if (!_known.Add(id)) { return $"the id {Quoted.Text(id)} was there before. Give every paper its own."; }
            All.Add(new Document(id, title, title.Length + summary.Length == 0 ? text : summary));
            return null;
        }
    }
}
