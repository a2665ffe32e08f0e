namespace MiniLM.Data.Duplicates;

/// <summary>Texts among which the same or a similar one is found: candidates by <see cref="MinHash"/>, then their similarity itself.</summary>
internal sealed class SimilarTexts
{
    private readonly double _threshold;
    private readonly MinHash _hash;
    private readonly Dictionary<ulong, List<int>>[] _buckets;
    private readonly Dictionary<string, int> _exact = new(StringComparer.Ordinal);
    private readonly List<(string Text, int Id)> _texts = [];

    /// <param name="threshold">Least similarity of near duplicates (<see cref="Shingles.Jaccard"/>), above 0, at most 1.</param>
    internal SimilarTexts(double threshold)
    {
        (_threshold, _hash) = (threshold, new MinHash(threshold));
        _buckets = [.. Enumerable.Range(0, _hash.Bands).Select(_ => new Dictionary<ulong, List<int>>())];
    }

    /// <summary>A text that is there.</summary>
    /// <param name="Id">As it was added.</param>
    /// <param name="Similarity">1 also of two texts that differ, where their shingles are the same.</param>
    /// <param name="IsExact">Whether they are the same text (<see cref="ComparableText"/>).</param>
    internal readonly record struct Match(int Id, double Similarity, bool IsExact);

    /// <summary>The same text, else the first added that is similar; if there is neither, null, and the text is added under <paramref name="id"/>.</summary>
    internal Match? FindOrAdd(string text, int id)
    {
        string comparable = ComparableText.Of(text);
        if (Exact(comparable) is { } same) { return same; }
        ulong[] shingles = Shingles.Of(comparable), bands = Bands(shingles);
        if (Near(shingles, bands) is { } near) { return near; }
        Add(comparable, bands, id);
        return null;
    }

    /// <summary>The same text, else the first added that is similar; null: there is neither.</summary>
    internal Match? Find(string text)
    {
        string comparable = ComparableText.Of(text);
        if (Exact(comparable) is { } same) { return same; }
        ulong[] shingles = Shingles.Of(comparable);
        return Near(shingles, Bands(shingles));
    }

    /// <summary>Adds a text, similar to others or not; of the same text the first stays.</summary>
    internal void Add(string text, int id)
    {
        string comparable = ComparableText.Of(text);
        if (!_exact.ContainsKey(comparable)) { Add(comparable, Bands(Shingles.Of(comparable)), id); }
    }

    private void Add(string comparable, ulong[] bands, int id)
    {
        _exact.Add(comparable, id);
        for (int band = 0; band < bands.Length; band++)
        {
            if (!_buckets[band].TryGetValue(bands[band], out List<int>? bucket)) { _buckets[band].Add(bands[band], bucket = []); }
            bucket.Add(_texts.Count);
        }
        _texts.Add((comparable, id));
    }

    private Match? Exact(string comparable) => _exact.TryGetValue(comparable, out int id) ? new Match(id, 1, true) : null;

    private Match? Near(ulong[] shingles, ulong[] bands)
    {
        SortedSet<int> candidates = [];
        for (int band = 0; band < bands.Length; band++)
        {
            if (_buckets[band].TryGetValue(bands[band], out List<int>? bucket)) { candidates.UnionWith(bucket); }
        }
        foreach (int candidate in candidates)
        {
            double similarity = Shingles.Jaccard(shingles, Shingles.Of(_texts[candidate].Text));
            if (similarity >= _threshold) { return new Match(_texts[candidate].Id, similarity, false); }
        }
        return null;
    }

    private ulong[] Bands(ulong[] shingles)
    {
        ulong[] bands = new ulong[_hash.Bands];
        _hash.Write(shingles, bands);
        return bands;
    }
}
