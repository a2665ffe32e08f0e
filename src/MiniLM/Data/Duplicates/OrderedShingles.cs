namespace MiniLM.Data.Duplicates;

/// <summary>A text's shingles in an order that all texts share, the rarest first; those that are in one text alone are only counted.</summary>
/// <remarks>
/// A number has the shingle's count in its upper 16 bits and 48 of the shingle's own below. The order is that of prefix filtering (Chaudhuri et al. 2006;
/// Bayardo et al. 2007): texts that share much share one of their rarest shingles, and what many texts have in common is hardly ever looked up.
/// </remarks>
internal sealed class OrderedShingles
{
    /// <summary>More than products of thresholds and sizes err by: what is ruled out is ruled out for certain.</summary>
    internal const double Rounding = 1e-6;

    private readonly ulong[] _shared;

    private OrderedShingles(int size, ulong[] shared, ShingleSketch sketch) => (Size, _shared, Sketch) = (size, shared, sketch);

    /// <param name="comparable">Of <see cref="ComparableText"/>.</param>
    /// <param name="counts">Of all texts that are compared, this one included.</param>
    internal static OrderedShingles Of(string comparable, ShingleCounts counts)
    {
        ulong[] shingles = Shingles.Of(comparable);
        ulong[] shared = [.. shingles.Where(shingle => counts.Of(shingle) != 1).Select(shingle => (ulong)counts.Of(shingle) << 48 | shingle >> 16)];
        Array.Sort(shared);
        return new OrderedShingles(shingles.Length, shared, new ShingleSketch(shingles));
    }

    /// <summary>Distinct shingles.</summary>
    internal int Size { get; }

    internal ShingleSketch Sketch { get; }

    /// <summary>The first shingles, of which another text that shares so many has one at least; without those that no other text has.</summary>
    /// <param name="share">What part of this text's shingles the other one has.</param>
    internal ReadOnlySpan<ulong> Prefix(double share) =>
        _shared.AsSpan(0, Math.Clamp(_shared.Length + 1 - AtLeast(share * Size), 0, _shared.Length));

    /// <summary>Jaccard's similarity: what both have, of what either has; null where it is below the threshold.</summary>
    /// <param name="other">Another text.</param>
    /// <param name="threshold">Above 0, at most 1.</param>
    /// <param name="first">Place, among the shared ones, before which the other text has none of this one's; both count from 0.</param>
    internal double? Similarity(OrderedShingles other, double threshold, int first = 0)
    {
        ReadOnlySpan<ulong> a = _shared, b = other._shared;
        int least = AtLeast(threshold / (1 + threshold) * (Size + other.Size)), common = 0;
        for (int i = first, j = 0; i < a.Length && j < b.Length && common + Math.Min(a.Length - i, b.Length - j) >= least;)
        {
            if (a[i] == b[j]) { (common, i, j) = (common + 1, i + 1, j + 1); }
            else if (a[i] < b[j]) { i++; }
            else { j++; }
        }
        double similarity = (double)common / (Size + other.Size - common);
        return similarity >= threshold ? similarity : null;
    }

    private static int AtLeast(double shingles) => (int)Math.Ceiling(shingles - Rounding);
}
