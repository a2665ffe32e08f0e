using System.Runtime.CompilerServices;

namespace MiniLM.Retrieval;

/// <summary>The k best of a stream of scores: a heap whose root is the worst one kept.</summary>
/// <param name="k">At least 1.</param>
internal sealed class TopDocuments(int k)
{
    private readonly SearchHit[] _heap = new SearchHit[k];
    private int _count;

    /// <summary>How many are kept.</summary>
    internal int K => k;

    /// <summary>Scores of documents first, first + 1, ...; NaN is no score, and its document is never found.</summary>
    internal void Add(int first, ReadOnlySpan<float> scores)
    {
        for (int i = 0; i < scores.Length; i++) { Add(new SearchHit(first + i, scores[i])); }
    }

    /// <summary>The same of documents behind one another, but not all.</summary>
    internal void Add(ReadOnlySpan<SearchHit> hits)
    {
        foreach (SearchHit hit in hits) { Add(hit); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(SearchHit hit)
    {
        if (_count < k)
        {
            if (!float.IsNaN(hit.Score)) { Insert(hit); }
        }
        else if (hit.Score > _heap[0].Score) { ReplaceWorst(hit); } // equal: the earlier one stays
    }

    /// <summary>Best first; among equal scores the earlier document.</summary>
    internal SearchHit[] Ordered()
    {
        SearchHit[] hits = _heap[.._count];
        Array.Sort(hits, (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Document.CompareTo(b.Document));
        return hits;
    }

    private static bool IsWorse(SearchHit a, SearchHit b) => a.Score < b.Score || (a.Score == b.Score && a.Document > b.Document);

    private void Insert(SearchHit hit)
    {
        int at = _count++;
        for (int parent; at > 0 && IsWorse(hit, _heap[parent = (at - 1) / 2]); at = parent) { _heap[at] = _heap[parent]; }
        _heap[at] = hit;
    }

    private void ReplaceWorst(SearchHit hit)
    {
        int at = 0;
        for (int child; (child = 2 * at + 1) < _count; at = child)
        {
            if (child + 1 < _count && IsWorse(_heap[child + 1], _heap[child])) { child++; }
            if (!IsWorse(_heap[child], hit)) { break; }
            _heap[at] = _heap[child];
        }
        _heap[at] = hit;
    }
}
