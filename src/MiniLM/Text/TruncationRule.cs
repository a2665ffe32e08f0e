namespace MiniLM.Text;

/// <summary>How many tokens of each side are kept; the rules of Hugging Face's fast tokenizers, which differ from the original BERT code at odd
/// lengths.</summary>
internal static class TruncationRule
{
    internal const string TooShort = "Truncation error: Sequence to truncate too short to respect the provided max_length";
    internal const string NoSecond = "Truncation error: Second sequence not provided";

    /// <param name="first">Tokens of the first text.</param>
    /// <param name="second">Tokens of the second text; null = there is none.</param>
    /// <param name="room">Tokens that fit beside the special tokens; negative = nothing is cut (the original wraps around).</param>
    /// <param name="strategy">Which side is cut.</param>
    internal static (int First, int Second) Apply(int first, int? second, int room, Truncation strategy)
    {
        int other = second ?? 0;
        if (strategy == Truncation.None || room < 0) { return (first, other); }
        if (room == 0) { return (0, 0); }
        long excess = (long)first + other - room;
        if (excess <= 0) { return (first, other); }
        return strategy switch
        {
            Truncation.LongestFirst => second is null ? (room, 0) : CutLongest(first, other, room),
            Truncation.OnlyFirst => (Cut(first, excess), other),
            Truncation.OnlySecond => second is null ? throw new TokenizerException(NoSecond) : (first, Cut(other, excess)),
            _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "not a truncation strategy"),
        };
    }

    private static (int First, int Second) CutLongest(int first, int second, int room)
    {
        int shorter = Math.Min(first, second);
        if (shorter <= room / 2) { return first > second ? (room - shorter, shorter) : (shorter, room - shorter); }
        // Both are cut; the odd token goes to the side that was longer, at equal lengths to the second.
        int less = room / 2;
        return first > second ? (room - less, less) : (less, room - less);
    }

    private static int Cut(int count, long excess) => count > excess ? (int)(count - excess) : throw new TokenizerException(TooShort);
}
