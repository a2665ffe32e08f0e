using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Ranking;

/// <summary>A run with the texts that it names.</summary>
internal sealed class RunTexts : IDisposable
{
    private readonly RunDocuments _documents;

    private RunTexts(TrecRun run, string[] queries, RunDocuments documents) => (Run, Queries, _documents) = (run, queries, documents);

    internal TrecRun Run { get; }

    /// <summary>Text per query of the run.</summary>
    internal string[] Queries { get; }

    /// <summary>Text of a document of the run.</summary>
    internal string Document(int document) => _documents.Read(document);

    /// <summary>Characters of a line's query and document together.</summary>
    internal int Length(int query, TrecRun.Line line) => Queries[query].Length + _documents.Length(line.Document);

    /// <summary>Reads the three files; each may be <c>-</c>.</summary>
    /// <param name="run">TREC run.</param>
    /// <param name="queries">Its queries, as <see cref="TextCollection"/> reads them.</param>
    /// <param name="corpus">Its documents, likewise.</param>
    /// <param name="depth">Most documents of a query, the run's best.</param>
    /// <param name="quotes">Whether quotes quote in tables; null: in .csv, not in .tsv.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="repair">What is repaired of queries and documents.</param>
    /// <param name="cancellation">Looked at for every line and text.</param>
    /// <exception cref="DataFormatException">A file is damaged, or the run names a query or document that is nowhere.</exception>
    internal static RunTexts Read(
        string run, string queries, string corpus, int depth = int.MaxValue, bool? quotes = null, Func<Stream>? openStandardInput = null,
        TextRepairKind repair = TextRepairKind.None, CancellationToken cancellation = default)
    {
        TrecRun lines = TrecRun.Read(run, openStandardInput, cancellation).Top(depth);
        string[] texts = new string[lines.Queries.Count];
        RowFormat format = new() { Quotes = quotes, Repair = repair };
        using (TextCollection collection = TextCollection.Open(queries, format, openStandardInput, cancellation))
        {
            RunCollection wanted = new("query", lines.Queries, lines.FindQuery, DataFile.Name(queries), DataFile.Name(run));
            wanted.Read(collection, (query, text, _) => texts[query] = text.Joined, cancellation);
        }
        TextCollection documents = TextCollection.Open(corpus, format, openStandardInput, cancellation); // RunDocuments closes it
        return new RunTexts(lines, texts, RunDocuments.Find(documents, lines, DataFile.Name(corpus), DataFile.Name(run), cancellation));
    }

    /// <summary>Closes the corpus.</summary>
    public void Dispose() => _documents.Dispose();
}
