using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Mining;

/// <summary>Queries, their positives and the documents to mine in; equal texts are one, in the order of first use.</summary>
/// <remarks>All texts are held: a million passages of 60 words take about 800 MB.</remarks>
internal sealed class MiningTexts
{
    private readonly DistinctTexts _queries = new(), _documents = new();
    private readonly List<(int Query, int Document)> _pairs = [];

    private MiningTexts() { }

    internal List<string> Queries => _queries.Texts;

    internal List<string> Documents => _documents.Texts;

    /// <summary>Places of queries and their positives; at least one a query.</summary>
    internal IReadOnlyList<(int Query, int Document)> Pairs => _pairs;

    /// <summary>Reads a collection with judgements, in their order; positives have a grade of 1 or more.</summary>
    /// <param name="queries">As <see cref="TextCollection"/> reads it; queries without positives are passed over.</param>
    /// <param name="corpus">Likewise; all its documents are candidates.</param>
    /// <param name="qrels">Judgements.</param>
    /// <param name="quotes">Whether quotes quote in tables; null: in .csv, not in .tsv.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="repair">What is repaired of the texts.</param>
    /// <param name="cancellation">Looked at for every line.</param>
    /// <exception cref="DataFormatException">A file is damaged, there is no positive, or one is nowhere.</exception>
    internal static MiningTexts Read(
        string queries, string corpus, string qrels, bool? quotes = null, Func<Stream>? openStandardInput = null,
        TextRepairKind repair = TextRepairKind.None, CancellationToken cancellation = default)
    {
        (string Query, string Document)[] judged = [.. Qrels.Read(qrels, openStandardInput, cancellation).Queries.SelectMany(query =>
            query.Value.Where(grade => grade.Value > 0).Select(grade => (query.Key, grade.Key)))];
        if (judged.Length == 0) { throw new DataFormatException($"{DataFile.Name(qrels)}: has no grade above 0. Give judgements with positives."); }
        string[] ids = [.. judged.Select(pair => pair.Query).Distinct(StringComparer.Ordinal)];
        Dictionary<string, int> places = new(ids.Select((id, place) => KeyValuePair.Create(id, place)), StringComparer.Ordinal);
        string[] texts = NamedTexts.Read(
            queries, "query", ids, id => places.GetValueOrDefault(id, -1), qrels, quotes, openStandardInput, repair, cancellation);
        MiningTexts all = new();
        HashSet<string> positives = new(judged.Select(pair => pair.Document), StringComparer.Ordinal);
        Dictionary<string, int> documents = new(StringComparer.Ordinal);
        all.AddCorpus(corpus, quotes, openStandardInput, repair, cancellation, (id, place) =>
        {
            if (positives.Contains(id)) { documents.Add(id, place); }
        });
        NamedTexts.RequireAll(corpus, "document", positives.Where(id => !documents.ContainsKey(id)), qrels);
        foreach ((string query, string document) in judged) { all._pairs.Add((all._queries.Place(texts[places[query]]), documents[document])); }
        return all;
    }

    /// <summary>Reads pairs of a query and a positive; the candidates are all positives, behind the documents of a corpus.</summary>
    /// <param name="pairs">A file of rows.</param>
    /// <param name="format">Its two columns.</param>
    /// <param name="corpus">As <see cref="TextCollection"/> reads it; null: none.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="cancellation">Looked at for every row.</param>
    /// <exception cref="DataFormatException">A file is damaged, or there are no pairs.</exception>
    internal static MiningTexts ReadPairs(
        string pairs, RowFormat format, string? corpus = null, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        MiningTexts all = new();
        using RowReader rows = RowReader.Open(pairs, format, openStandardInput, cancellation);
        if (corpus is not null) { all.AddCorpus(corpus, format.Quotes, openStandardInput, format.Repair, cancellation); }
        string[] row = new string[2];
        while (rows.Read(row))
        {
            cancellation.ThrowIfCancellationRequested();
            all._pairs.Add((all._queries.Place(row[0]), all._documents.Place(row[1])));
        }
        return all._pairs.Count > 0 ? all : throw new DataFormatException($"{DataFile.Name(pairs)}: has no pairs. Give at least one.");
    }

    private void AddCorpus(
        string path, bool? quotes, Func<Stream>? openStandardInput, TextRepairKind repair, CancellationToken cancellation, Action<string, int>? added = null)
    {
        using TextCollection collection = TextCollection.Open(path, new RowFormat { Quotes = quotes, Repair = repair }, openStandardInput, cancellation);
        CollectionWindows windows = new(collection, "document");
        while (windows.Read(cancellation))
        {
            foreach (Document document in windows.Window)
            {
                int place = _documents.Place(document.Joined);
                added?.Invoke(document.Id, place);
            }
        }
    }

    private sealed class DistinctTexts
    {
        private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);

        internal List<string> Texts { get; } = [];

        internal int Place(string text)
        {
            if (_places.TryGetValue(text, out int place)) { return place; }
            _places.Add(text, Texts.Count);
            Texts.Add(text);
            return Texts.Count - 1;
        }
    }
}
