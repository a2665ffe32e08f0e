using System.Runtime.InteropServices;
using MiniLM.Data;
using MiniLM.Text;

namespace MiniLM.Training.Evaluators;

/// <summary>Queries, documents and which of these are relevant, tokenized.</summary>
/// <param name="Queries">One text a row.</param>
/// <param name="Documents">One text a row.</param>
/// <param name="DocumentIds">Of the documents.</param>
/// <param name="Relevant">Of each query, at least one.</param>
/// <param name="Hash">SHA-256 of all that is measured, in hexadecimal.</param>
internal sealed record RetrievalTask(TokenizedRows Queries, TokenizedRows Documents, string[] DocumentIds, IReadOnlySet<string>[] Relevant, string Hash)
    : IDisposable
{
    /// <summary>Reads the files; queries without a relevant document are left out, as sentence-transformers does.</summary>
    /// <param name="queries">id TAB text, or queries.jsonl.</param>
    /// <param name="corpus">corpus.jsonl, or id TAB text.</param>
    /// <param name="qrels">A grade above 0 is relevant.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="maxLength">Longest text in tokens.</param>
    /// <param name="prompts">Put before every query and every document; null: nothing.</param>
    /// <param name="spill">Folder for tokens that outgrow the memory.</param>
    /// <param name="cancellation">Looked at for every text.</param>
    /// <exception cref="DataFormatException">A file is damaged, or no query has a relevant document.</exception>
    internal static RetrievalTask Read(string queries, string corpus, string qrels, WordPieceTokenizer tokenizer, int maxLength,
        (string? Query, string? Document) prompts, string spill, CancellationToken cancellation)
    {
        Dictionary<string, HashSet<string>> relevant = [];
        foreach ((string query, Dictionary<string, int> grades) in Qrels.Read(qrels, cancellation: cancellation).Queries)
        {
            HashSet<string> ids = [.. grades.Where(grade => grade.Value > 0).Select(grade => grade.Key)];
            if (ids.Count > 0) { relevant.Add(query, ids); }
        }
        Sha256 hash = new();
        (TokenizedRows queryTokens, List<string> queryIds) = Tokenize(queries, "query", relevant.ContainsKey, prompts.Query);
        if (queryIds.Count == 0)
        {
            queryTokens.Dispose();
            throw new DataFormatException(
                $"{DataFile.Name(queries)}: none of its queries has a relevant document in {DataFile.Name(qrels)}. Give the judgements of these queries.");
        }
        try
        {
            (TokenizedRows documents, List<string> documentIds) = Tokenize(corpus, "document", null, prompts.Document);
            foreach (string id in queryIds.SelectMany(id => relevant[id].Order(StringComparer.Ordinal).Prepend(id))) { Append(id); }
            return new RetrievalTask(queryTokens, documents, [.. documentIds], [.. queryIds.Select(id => relevant[id])],
                hash.FinishText());
        }
        catch
        {
            queryTokens.Dispose();
            throw;
        }

        (TokenizedRows, List<string>) Tokenize(string path, string what, Func<string, bool>? isWanted, string? prompt)
        {
            using TextCollection collection = TextCollection.Open(path, cancellation: cancellation);
            using TokenizedRowsWriter writer = new(tokenizer, maxLength, TokenizedRowsWriter.PathIn(spill), cancellation: cancellation);
            CollectionWindows windows = new(collection, what, isWanted);
            List<string> ids = [];
            while (windows.Read(cancellation))
            {
                foreach (Document document in windows.Window)
                {
                    ids.Add(document.Id);
                    Append(document.Id);
                    Append(document.Joined);
                    writer.Add(document.Joined, prompt);
                    writer.EndRow();
                }
            }
            return (writer.Complete(), ids);
        }

        void Append(string text)
        {
            hash.Append(MemoryMarshal.AsBytes(text.AsSpan()));
            hash.Append([0, 0]);
        }
    }

    public void Dispose()
    {
        Queries.Dispose();
        Documents.Dispose();
    }
}
