using System.Runtime.InteropServices;

namespace MiniLM.Data.Duplicates;

/// <summary>
/// Texts among which the same one, else the first that is similar, is found: what comparing with each of them in turn finds, without doing so.
/// </summary>
/// <remarks>
/// Two texts of sizes s and l, s the smaller, that share so much that common / (s + l - common) >= t have in common at least t l shingles, and at least
/// 2 t / (1 + t) s. So in the order that both share, their first common shingle is among the first (1 - t) l + 1 of the greater text and the first
/// (1 - 2 t / (1 + t)) s + 1 of the smaller. Both prefixes of each text are indexed: at t = 0.8 a fifth and a ninth of its rarest shingles.
/// Where texts are made of a few parts none of which is rare, all are looked at in turn, by their sketches: some nanoseconds each.
/// Memory holds 8 bytes a character, of the shingles that other texts have too, about 24 a shingle of the prefixes, and 100 a text.
/// </remarks>
internal sealed class SimilarTexts
{
    private readonly double _threshold, _shareOfGreater, _shareOfSmaller, _mostDifferent;
    private readonly ShingleCounts _counts;
    private readonly ShingleIndex _greater = new(), _smaller = new();
    private readonly TextHash _hash = new();
    private readonly Dictionary<UInt128, int> _exact = [];
    private readonly List<(OrderedShingles Shingles, int Id)> _texts = [];
    private readonly List<ShingleSketch> _sketches = []; // of the texts, side by side
    private readonly List<int> _lookedAt = []; // by which search, last
    private int _searches;

    /// <param name="threshold">Least similarity of near duplicates (<see cref="OrderedShingles.Similarity"/>), above 0, at most 1.</param>
    /// <param name="counts">Of all texts that will be added or looked for.</param>
    internal SimilarTexts(double threshold, ShingleCounts counts)
    {
        (_threshold, _counts) = (threshold, counts);
        (_shareOfGreater, _shareOfSmaller, _mostDifferent) = (threshold, 2 * threshold / (1 + threshold), (1 - threshold) / (1 + threshold));
    }

    /// <summary>Pairs of texts whose shingles were compared.</summary>
    internal long Compared { get; private set; }

    /// <summary>A text that is there.</summary>
    /// <param name="Id">As it was added.</param>
    /// <param name="Similarity">1 also of two texts that differ, where their shingles are the same.</param>
    /// <param name="IsExact">Whether they are the same text (<see cref="ComparableText"/>).</param>
    internal readonly record struct Match(int Id, double Similarity, bool IsExact);

    /// <summary>The same text, else the first added that is similar; if there is neither, null, and the text is added under <paramref name="id"/>.</summary>
    internal Match? FindOrAdd(string text, int id)
    {
        string comparable = ComparableText.Of(text);
        UInt128 hash = _hash.Of(comparable);
        if (Exact(hash) is { } same) { return same; }
        OrderedShingles shingles = OrderedShingles.Of(comparable, _counts);
        if (Near(shingles) is { } near) { return near; }
        Add(hash, shingles, id);
        return null;
    }

    /// <summary>The same text, else the first added that is similar; null: there is neither.</summary>
    internal Match? Find(string text)
    {
        string comparable = ComparableText.Of(text);
        return Exact(_hash.Of(comparable)) ?? Near(OrderedShingles.Of(comparable, _counts));
    }

    /// <summary>Adds a text, similar to others or not; of the same text the first stays.</summary>
    internal void Add(string text, int id)
    {
        string comparable = ComparableText.Of(text);
        UInt128 hash = _hash.Of(comparable);
        if (!_exact.ContainsKey(hash)) { Add(hash, OrderedShingles.Of(comparable, _counts), id); }
    }

    private void Add(UInt128 hash, OrderedShingles shingles, int id)
    {
        _exact.Add(hash, id);
        _greater.Add(shingles.Prefix(_shareOfGreater), _texts.Count);
        _smaller.Add(shingles.Prefix(_shareOfSmaller), _texts.Count);
        _texts.Add((shingles, id));
        _sketches.Add(shingles.Sketch);
        _lookedAt.Add(0);
    }

    private Match? Exact(UInt128 hash) => _exact.TryGetValue(hash, out int id) ? new Match(id, 1, true) : null;

    private Match? Near(OrderedShingles shingles)
    {
        ReadOnlySpan<ulong> asGreater = shingles.Prefix(_shareOfGreater), asSmaller = shingles.Prefix(_shareOfSmaller);
        (int Text, double Similarity) first = (int.MaxValue, 0);
        if (_smaller.Count(asGreater) + _greater.Count(asSmaller) > _texts.Count) { LookAtAll(shingles, ref first); }
        else
        {
            _searches++;
            Look(shingles, asGreater, _smaller, ref first);
            Look(shingles, asSmaller, _greater, ref first);
        }
        return first.Text < int.MaxValue ? new Match(_texts[first.Text].Id, first.Similarity, false) : null;
    }

    private void LookAtAll(OrderedShingles shingles, ref (int Text, double Similarity) first)
    {
        for (int text = 0; text < _texts.Count && first.Text == int.MaxValue; text++) { Compare(shingles, text, 0, ref first); }
    }

    private void Look(OrderedShingles shingles, ReadOnlySpan<ulong> prefix, ShingleIndex index, ref (int Text, double Similarity) first)
    {
        for (int place = 0; place < prefix.Length; place++)
        {
            foreach (int text in index.Texts(prefix[place]))
            {
                if (text >= first.Text) { break; }
                if (_lookedAt[text] == _searches) { continue; }
                _lookedAt[text] = _searches;
                Compare(shingles, text, place, ref first); // a text is met first at the first shingle that it has in common
            }
        }
    }

    private void Compare(OrderedShingles shingles, int text, int firstInCommon, ref (int Text, double Similarity) first)
    {
        if (!shingles.Sketch.MayBeSimilar(CollectionsMarshal.AsSpan(_sketches)[text], _mostDifferent)) { return; }
        Compared++;
        if (shingles.Similarity(_texts[text].Shingles, _threshold, firstInCommon) is { } similarity) { first = (text, similarity); }
    }
}
