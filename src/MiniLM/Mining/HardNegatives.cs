using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Retrieval;

namespace MiniLM.Mining;

/// <summary>Hard negatives of queries by embeddings: documents near a query that are not among its positives.</summary>
/// <remarks>
/// Gives what <c>mine_hard_negatives</c> of sentence-transformers 6 gives. What that leaves open: of equal scores the earlier document comes first, and a
/// random sample is drawn by SplitMix64. Documents are handed over in blocks and not kept: memory holds the queries and the best candidates of each.
/// </remarks>
internal sealed class HardNegatives
{
    private readonly float[] _queries;
    private readonly int _width, _documents;
    private readonly Judge? _judge;
    private readonly SimilarityRows _rows;
    private readonly TopDocuments[] _best;
    private readonly SearchHit[][] _positives;
    private readonly int[][] _byDocument; // places of a query's positives in the order of their documents, and how many have scores
    private readonly int[] _scored;
    private int _added;

    /// <param name="options">Which negatives.</param>
    /// <param name="queries">[queries, width], rows of length 1; becomes the miner's.</param>
    /// <param name="width">Length of a row.</param>
    /// <param name="pairs">Queries with their positives, at least one a query; a pair may be there twice.</param>
    /// <param name="documents">How many <see cref="Add"/> will bring.</param>
    /// <param name="device">Computes the similarities.</param>
    /// <param name="judge">Scores again what the search found, if there is a margin or a limit; null: the similarities are the scores.</param>
    /// <param name="similarity">Of the rows; of length 1 as they are, a dot product is the cosine.</param>
    /// <exception cref="ArgumentException">The options contradict one another, or a query has no positive.</exception>
    internal HardNegatives(MiningOptions options, float[] queries, int width, IReadOnlyList<(int Query, int Document)> pairs, int documents, Device device,
        Judge? judge = null, SimilarityFunction similarity = SimilarityFunction.Cosine)
    {
        options.Check();
        (_queries, _width, _documents) = (queries, width, documents);
        _judge = options.HasLimit ? judge : null;
        _rows = new SimilarityRows(device, width, similarity);
        List<SearchHit>[] positives = [.. Enumerable.Range(0, queries.Length / width).Select(_ => new List<SearchHit>())];
        HashSet<(int Query, int Document)> known = [];
        int[] given = new int[positives.Length];
        foreach ((int query, int document) in pairs)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)document, (uint)documents, nameof(pairs));
            given[query]++; // the library's candidates grow by pairs that are repeated, too
            if (known.Add((query, document))) { positives[query].Add(new SearchHit(document, float.NaN)); }
        }
        if (Array.IndexOf(given, 0) is >= 0 and int lonely) { throw new ArgumentException($"query {lonely} has no positive", nameof(pairs)); }
        _positives = [.. positives.Select(some => some.ToArray())];
        _byDocument = Array.ConvertAll(_positives, some => Enumerable.Range(0, some.Length).OrderBy(place => some[place].Document).ToArray());
        _scored = new int[_positives.Length];
        int most = given.DefaultIfEmpty().Max();
        LastRank = options.LastRank(most, judge is not null);
        int depth = (int)Math.Min(LastRank + most, documents);
        _best = [.. given.Select(_ => new TopDocuments(depth))];
        Selection = new NegativeSelection(options, LastRank);
    }

    /// <summary>Scores documents for a query, in their order; greater is more alike.</summary>
    internal delegate void Judge(int query, ReadOnlySpan<int> documents, Span<float> scores);

    /// <summary>Ranks that are looked at.</summary>
    internal long LastRank { get; }

    /// <summary>What the rules removed so far.</summary>
    internal NegativeSelection Selection { get; }

    /// <summary>Compares the next documents with every query.</summary>
    /// <param name="documents">[any number, width], rows of length 1.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal void Add(ReadOnlySpan<float> documents, CancellationToken cancellation = default)
    {
        int before = _added;
        _added += documents.Length / _width;
        if (_added > _documents) { throw new ArgumentException($"{_added} documents, {_documents} were announced", nameof(documents)); }
        _rows.Compute(_queries, documents, (query, first, scores) =>
        {
            _best[query].Add(before + first, scores);
            foreach (int place in _byDocument[query].AsSpan(_scored[query]))
            {
                ref SearchHit positive = ref _positives[query][place];
                int document = positive.Document - before - first;
                if (document >= scores.Length) { break; }
                positive = positive with { Score = scores[document] };
                _scored[query]++;
            }
        }, cancellation);
    }

    /// <summary>Mines query by query, once.</summary>
    /// <param name="cancellation">Looked at for every query.</param>
    /// <exception cref="InvalidOperationException">Documents are missing.</exception>
    internal IEnumerable<MinedQuery> Mine(CancellationToken cancellation = default)
    {
        if (_added != _documents) { throw new InvalidOperationException($"{_added} documents of {_documents}"); }
        for (int query = 0; query < _best.Length; query++)
        {
            cancellation.ThrowIfCancellationRequested();
            SearchHit[] candidates = _best[query].Ordered(), positives = _positives[query];
            if (_judge is not null) { (candidates, positives) = Rescored(query, candidates, positives); }
            yield return new MinedQuery(query, positives, Selection.Select(candidates, positives));
        }
    }

    // All in one call, so that a judge can batch.
    private (SearchHit[] Candidates, SearchHit[] Positives) Rescored(int query, SearchHit[] candidates, SearchHit[] positives)
    {
        SearchHit[] all = [.. candidates, .. positives];
        float[] scores = new float[all.Length];
        _judge!(query, Array.ConvertAll(all, hit => hit.Document), scores);
        for (int i = 0; i < all.Length; i++) { all[i] = all[i] with { Score = scores[i] }; }
        return (all[..candidates.Length], all[candidates.Length..]);
    }
}
