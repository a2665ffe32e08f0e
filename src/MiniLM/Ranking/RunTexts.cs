using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Ranking;

/// <summary>A run with the texts that it names: of the corpus only those are kept.</summary>
internal sealed class RunTexts
{
    private RunTexts(TrecRun run, string[] queries, string[] documents) => (Run, Queries, Documents) = (run, queries, documents);

    internal TrecRun Run { get; }

    /// <summary>Text per query of the run.</summary>
    internal string[] Queries { get; }

    /// <summary>Text per document of the run.</summary>
    internal string[] Documents { get; }

    /// <summary>Reads the three files; each may be <c>-</c>.</summary>
    /// <param name="run">TREC run.</param>
    /// <param name="queries">Its queries, as <see cref="TextCollection"/> reads them.</param>
    /// <param name="corpus">Its documents, likewise.</param>
    /// <param name="quotes">Whether quotes quote in tables; null: in .csv, not in .tsv.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="repair">What is repaired of queries and documents.</param>
    /// <param name="cancellation">Looked at for every line and text.</param>
    /// <exception cref="DataFormatException">A file is damaged, or the run names a query or document that is nowhere.</exception>
    internal static RunTexts Read(
        string run, string queries, string corpus, bool? quotes = null, Func<Stream>? openStandardInput = null,
        TextRepairKind repair = TextRepairKind.None, CancellationToken cancellation = default)
    {
        TrecRun lines = TrecRun.Read(run, openStandardInput, cancellation);
        return new RunTexts(lines, Texts(queries, "query", lines.Queries, lines.FindQuery), Texts(corpus, "document", lines.Documents, lines.FindDocument));

        string[] Texts(string path, string what, List<string> ids, Func<string, int> find)
        {
            string?[] texts = new string?[ids.Count];
            using TextCollection collection = TextCollection.Open(path, quotes, openStandardInput, repair);
            CollectionWindows windows = new(collection, what, id => find(id) >= 0);
            while (windows.Read(cancellation))
            {
                foreach (Document document in windows.Window) { texts[find(document.Id)] = document.Joined; }
            }
            int missing = Array.IndexOf(texts, null);
            return missing < 0 ? [.. texts.Select(text => text!)] : throw new DataFormatException(
                $"{DataFile.Name(path)}: has no {what} {Quoted.Text(ids[missing])}, which {DataFile.Name(run)} names"
                + $"{(texts.Count(text => text is null) is > 1 and int count ? $" (and {count - 1} more)" : "")}. "
                + $"Give the {(what == "query" ? "queries" : "corpus")} of this run.");
        }
    }
}
