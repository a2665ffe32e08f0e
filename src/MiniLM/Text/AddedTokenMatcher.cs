namespace MiniLM.Text;

/// <summary>A stretch of text: an added token, or (null) text between two of them.</summary>
internal readonly record struct TextPart(AddedToken? Token, int Start, int End);

/// <summary>
/// Finds added tokens leftmost first, longest first, in UTF-16 (raw text) or UTF-8 (normalized text). A match that single_word refuses is
/// skipped and the search goes on behind it, as in Hugging Face's library.
/// </summary>
/// <typeparam name="TUnit">char or byte.</typeparam>
internal sealed class AddedTokenMatcher<TUnit>
    where TUnit : unmanaged, IEquatable<TUnit>
{
    private readonly (TUnit[] Pattern, AddedToken Token)[] _patterns;
    private readonly TUnit[] _firstUnits;
    private readonly ReadCodePoint _readAt;
    private readonly ReadCodePoint _readBefore;

    /// <param name="patterns">Contents; empty ones are ignored. Of equal ones the first counts.</param>
    /// <param name="readAt">Reads the code point at an index.</param>
    /// <param name="readBefore">Reads the code point that ends before an index.</param>
    internal AddedTokenMatcher(IEnumerable<(TUnit[] Pattern, AddedToken Token)> patterns, ReadCodePoint readAt, ReadCodePoint readBefore)
    {
        // A stable sort by length, so that the first hit at a place is the longest.
        _patterns = [.. patterns.Where(entry => entry.Pattern.Length > 0).OrderByDescending(entry => entry.Pattern.Length)];
        _firstUnits = [.. _patterns.Select(entry => entry.Pattern[0]).Distinct()];
        _readAt = readAt;
        _readBefore = readBefore;
    }

    internal delegate int ReadCodePoint(ReadOnlySpan<TUnit> text, int index, out int length);

    internal bool IsEmpty => _patterns.Length == 0;

    /// <summary>The longest token at <paramref name="start"/>, flags not considered.</summary>
    internal AddedToken? MatchAt(ReadOnlySpan<TUnit> text, int start, out int length)
    {
        foreach ((TUnit[] pattern, AddedToken token) in _patterns)
        {
            if (text[start..].StartsWith(pattern))
            {
                length = pattern.Length;
                return token;
            }
        }
        length = 0;
        return null;
    }

    /// <summary>Appends the parts of text[start..end] in order; indices are those of <paramref name="text"/>.</summary>
    internal void Split(ReadOnlySpan<TUnit> text, List<TextPart> parts)
    {
        int partStart = 0;
        int search = 0;
        while (search < text.Length)
        {
            int candidate = text[search..].IndexOfAny(_firstUnits);
            if (candidate < 0) { break; }
            int start = search + candidate;
            AddedToken? token = MatchAt(text, start, out int length);
            if (token is null)
            {
                search = start + 1;
                continue;
            }
            int end = start + length;
            search = end;
            if (token.SingleWord && (IsWordBefore(text, start) || IsWordAt(text, end))) { continue; }
            if (token.LeftStrip)
            {
                while (start > 0 && Is(_readBefore(text, start, out int width), CodePointFlags.WhiteSpace)) { start -= width; }
                // Spaces that the token before has taken are not taken twice.
                start = Math.Max(start, partStart);
            }
            if (token.RightStrip)
            {
                while (end < text.Length && Is(_readAt(text, end, out int width), CodePointFlags.WhiteSpace)) { end += width; }
            }
            if (partStart < start) { parts.Add(new TextPart(null, partStart, start)); }
            parts.Add(new TextPart(token, start, end));
            partStart = end;
        }
        if (partStart < text.Length) { parts.Add(new TextPart(null, partStart, text.Length)); }
    }

    private static bool Is(int codePoint, CodePointFlags flag) => (UnicodeTables.Flags(codePoint) & flag) != 0;

    private bool IsWordBefore(ReadOnlySpan<TUnit> text, int index) => index > 0 && Is(_readBefore(text, index, out _), CodePointFlags.RegexWord);

    private bool IsWordAt(ReadOnlySpan<TUnit> text, int index) => index < text.Length && Is(_readAt(text, index, out _), CodePointFlags.RegexWord);
}
