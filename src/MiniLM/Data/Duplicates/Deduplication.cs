namespace MiniLM.Data.Duplicates;

/// <summary>Decides, text by text, which stay when duplicates go: a text goes if one that stayed before it is the same or similar.</summary>
/// <param name="threshold">Least similarity of near duplicates, above 0, at most 1.</param>
/// <param name="counts">Of all the texts.</param>
internal sealed class Deduplication(double threshold, ShingleCounts counts)
{
    private readonly SimilarTexts _kept = new(threshold, counts);
    private int _rows;

    /// <summary>Pairs of texts whose shingles were compared.</summary>
    internal long Compared => _kept.Compared;

    internal int Kept => _rows - Exact - Near;

    /// <summary>Removed: the same text as one that is kept.</summary>
    internal int Exact { get; private set; }

    /// <summary>Removed: similar to one that is kept.</summary>
    internal int Near { get; private set; }

    /// <summary>Whether the next text stays.</summary>
    internal bool Keep(string text)
    {
        SimilarTexts.Match? match = _kept.FindOrAdd(text, _rows++);
        if (match is null) { return true; }
        if (match.Value.IsExact) { Exact++; }
        else { Near++; }
        return false;
    }
}
