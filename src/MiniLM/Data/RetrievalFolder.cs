using System.Globalization;
using System.Text;

namespace MiniLM.Data;

/// <summary>Writes a retrieval task, as FOLDER.partial until it is complete: corpus.jsonl, queries.tsv (id TAB text), qrels.tsv (BEIR's table).</summary>
internal sealed class RetrievalFolder : IDisposable
{
    private const string CorpusFile = "corpus.jsonl", QueriesFile = "queries.tsv", QrelsFile = "qrels.tsv";

    private readonly string _folder;
    private readonly bool _overwrite;
    private readonly PartialFolder _partial;
    private readonly CancellationToken _cancellation;

    /// <exception cref="IOException">The folder exists and is not to be overwritten, or cannot be made.</exception>
    internal RetrievalFolder(string folder, bool overwrite, CancellationToken cancellation = default)
    {
        (_folder, _overwrite, _cancellation) = (Path.GetFullPath(folder), overwrite, cancellation);
        CheckTarget();
        _partial = new PartialFolder(_folder);
    }

    internal void WriteCorpus(IEnumerable<Document> documents) => Write(CorpusFile, stream =>
    {
        foreach (Document document in documents) { DocumentLine.Write(stream, document with { Id = Checked(document.Id) }); }
    });

    /// <summary>A line a query: tabs and line breaks in its text become a blank, since readers of such files know no quotes.</summary>
    internal void WriteQueries(IEnumerable<(string Id, string Text)> queries) =>
        WriteLines(QueriesFile, queries.Select(query => $"{Checked(query.Id)}\t{OneLine(query.Text)}"));

    internal void WriteQrels(IEnumerable<(string Query, string Document, int Grade)> judgements) => WriteLines(QrelsFile,
        judgements.Select(judged => string.Create(CultureInfo.InvariantCulture, $"{judged.Query}\t{judged.Document}\t{judged.Grade}")).Prepend(Qrels.Header));

    /// <summary>Gives the folder its name.</summary>
    internal void Complete()
    {
        CheckTarget();
        _partial.Complete();
    }

    /// <summary>The text with each run of tabs and line breaks as one blank.</summary>
    internal static string OneLine(string text) => string.Join(' ', text.Split(['\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));

    private void WriteLines(string name, IEnumerable<string> lines) => Write(name, stream =>
    {
        foreach (string line in lines)
        {
            stream.Write(Encoding.UTF8.GetBytes(line));
            stream.WriteByte((byte)'\n');
        }
    });

    private void Write(string name, Action<Stream> content) =>
        PartialFile.WriteWhole(Path.Combine(_partial.Path, name), content, overwrite: false, _cancellation);

    private static string Checked(string id) => !id.AsSpan().ContainsAny(" \t\r\n\v\f") ? id
        : throw new DataFormatException($"the id {Quoted.Text(id)} has white space, which separates the fields of a run. Give the text another.");

    private void CheckTarget() =>
        FolderTarget.Check(_folder, _overwrite, file => file is CorpusFile or QueriesFile or QrelsFile, "corpus, queries and qrels");

    /// <summary>Removes what is not complete.</summary>
    public void Dispose() => _partial.Dispose();
}
