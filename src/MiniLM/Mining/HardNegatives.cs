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
    private const int Together = 64; // positives that are scored together

    private readonly float[] _queries;
    private readonly int _width, _documents;
    private readonly Judge? _judge;
    private readonly Device _device;
    private readonly SimilarityFunction _similarity;
    private readonly TopDocuments[] _best;
    private readonly SearchHit[][] _positives;
    private readonly (int Query, int Place)[] _byDocument; // positives in the order of their documents, and how many have scores
    private int _added, _scored;

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
        (_queries, _width, _documents, _device, _similarity) = (queries, width, documents, device, similarity);
        _judge = options.HasLimit ? judge : null;
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
        _byDocument = [.. _positives.SelectMany((some, query) => some.Select((_, place) => (query, place)))];
        Array.Sort(_byDocument, (a, b) => _positives[a.Query][a.Place].Document.CompareTo(_positives[b.Query][b.Place].Document));
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
    internal void Add(ReadOnlyMemory<float> documents, CancellationToken cancellation = default)
    {
        int before = _added;
        _added += documents.Length / _width;
        if (_added > _documents) { throw new ArgumentException($"{_added} documents, {_documents} were announced", nameof(documents)); }
        using (DocumentSearch search = _device.Hold(DocumentRows.Of(documents, _width, first: before)))
        {
            search.Search(_queries, _similarity, _best, cancellation);
        }
        int end = _scored;
        while (end < _byDocument.Length && Positive(end).Document < _added) { end++; }
        while (_scored < end) { ScorePositives(Math.Min(Together, end - _scored), before, documents.Span, cancellation); }
    }

    private ref SearchHit Positive(int place) => ref _positives[_byDocument[place].Query][_byDocument[place].Place];

    // Of all pairs of some queries and documents the diagonal: a pair's bits do not depend on the others, and a device takes no single pairs.
    private void ScorePositives(int count, int before, ReadOnlySpan<float> documents, CancellationToken cancellation)
    {
        float[] queries = new float[count * _width], positives = new float[count * _width], scores = new float[count * count];
        for (int i = 0; i < count; i++)
        {
            _queries.AsSpan(_byDocument[_scored + i].Query * _width, _width).CopyTo(queries.AsSpan(i * _width));
            documents.Slice((Positive(_scored + i).Document - before) * _width, _width).CopyTo(positives.AsSpan(i * _width));
        }
        _device.Compare(_similarity, queries, positives, _width, scores, cancellation);
        for (int i = 0; i < count; i++, _scored++)
        {
            ref SearchHit positive = ref Positive(_scored);
            positive = positive with { Score = scores[i * count + i] };
        }
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
