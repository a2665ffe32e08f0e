namespace MiniLM.Data.Duplicates;

/// <summary>Decides, text by text, which stay when duplicates go: the first of each stays, and is what later ones are compared with.</summary>
/// <param name="threshold">Least similarity of near duplicates, above 0, at most 1.</param>
internal sealed class Deduplication(double threshold)
{
    private readonly SimilarTexts _kept = new(threshold);
    private int _rows;

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
