using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>A run with the texts that it names: of the corpus only those are kept.</summary>
internal sealed class RerankInput
{
    private RerankInput(TrecRun run, string[] queries, string[] documents) => (Run, Queries, Documents) = (run, queries, documents);

    internal TrecRun Run { get; }

    /// <summary>Text per query of the run.</summary>
    internal string[] Queries { get; }

    /// <summary>Text per document of the run.</summary>
    internal string[] Documents { get; }

    /// <exception cref="DataFormatException">A file is damaged, or the run names a query or document that is nowhere.</exception>
    internal static RerankInput Read(string run, string queries, string corpus, bool? quotes, Session session)
    {
        TrecRun lines = TrecRun.Read(run, session.OpenInput);
        return new RerankInput(lines,
            Texts(queries, "query", run, lines.Queries, lines.FindQuery, quotes, session),
            Texts(corpus, "document", run, lines.Documents, lines.FindDocument, quotes, session));
    }

    private static string[] Texts(string path, string what, string run, List<string> ids, Func<string, int> find, bool? quotes, Session session)
    {
        string?[] texts = new string?[ids.Count];
        using TextCollection collection = TextCollection.Open(path, quotes, session.OpenInput);
        while (collection.Read(out string id, out string text))
        {
            session.Cancellation.ThrowIfCancellationRequested();
            int index = find(id);
            if (index < 0) { continue; }
            if (texts[index] is not null) { throw collection.Wrong($"{what} {Weights.Quoted.Text(id)} is there twice. Leave one of them."); }
            texts[index] = text;
        }
        int missing = Array.IndexOf(texts, null);
        return missing < 0 ? [.. texts.Select(text => text!)] : throw new DataFormatException(
            $"{DataFile.Name(path)}: has no {what} {Weights.Quoted.Text(ids[missing])}, which {DataFile.Name(run)} names"
            + $"{(texts.Count(text => text is null) is > 1 and int count ? $" (and {count - 1} more)" : "")}. "
            + $"Give the {(what == "query" ? "queries" : "corpus")} of this run.");
    }
}
