using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MiniLM.Text;

/// <summary>Replace of a regular expression: every match by the same characters, which all stand where its last one stood.</summary>
/// <remarks>The reference's expressions are Oniguruma's: ^ and $ are those of lines, and more are word characters. They are matched in a time linear in the
/// text, whatever they are; what they cannot say so, or say otherwise than .NET's, is refused. A character beyond U+FFFF would be two here: another has its
/// place, for each of the expression's own one that means nothing else, for the others one of the same category.</remarks>
internal sealed class PatternStep : NormalizerStep
{
    internal const string Expected = @"an expression without lookaround, back-references, nested classes, (?m), {,n}, \W in a class, and ranges of "
        + "characters beyond U+FFFF";

    // What \w matches there and not here: circled letters among them, and six numbers where it stands alone.
    private const string Word = @"\w\p{Mc}\p{Me}\p{Nl}\u24b6-\u24e9", Alone = "\u00b2\u00b3\u00b9\u00bc\u00bd\u00be";

    private const char FirstOwn = '\ufdd0', LastOwn = '\ufdef'; // no characters

    private readonly Regex _pattern;
    private readonly List<int> _own;
    private readonly bool _hasBounds;
    private readonly int[] _content;

    private PatternStep(Regex pattern, List<int> own, int[] content)
    {
        (_pattern, _own, _content) = (pattern, own, content);
        _hasBounds = pattern.ToString().Contains(@"\b", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Null: it is none, or is not supported.</summary>
    internal static PatternStep? TryCreate(string pattern, int[] content)
    {
        List<int> own = [];
        if (Translated(pattern, own) is not { } translated) { return null; }
        try
        {
            return new PatternStep(new Regex(translated, RegexOptions.NonBacktracking | RegexOptions.Multiline | RegexOptions.CultureInvariant), own, content);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException) { return null; }
    }

    internal override AlignedText Apply(AlignedText text)
    {
        char[] chars = [.. text.Points.Select(point => point <= char.MaxValue ? (char)point : StandIn(point))];
        if (_hasBounds) { StandInForWords(chars); }
        AlignedText replaced = new();
        int next = 0, last = -1; // place that is not yet taken; that at which the match before ended
        foreach (ValueMatch match in _pattern.EnumerateMatches(chars))
        {
            if (match.Length == 0 && match.Index == last) { continue; } // nothing behind a match is none
            Keep(match.Index);
            last = next = match.Index + match.Length;
            foreach (int point in _content) { replaced.Add(point, next == 0 ? default : text.Origins[next - 1]); }
        }
        Keep(chars.Length);
        return replaced;

        void Keep(int end)
        {
            for (; next < end; next++) { replaced.Add(text.Points[next], text.Origins[next]); }
        }
    }

    // Null: .NET would read it otherwise, or what stands for a character would mean another thing.
    private static string? Translated(string pattern, List<int> own)
    {
        StringBuilder translated = new(pattern.Length);
        bool isInClass = false;
        for (int i = 0, length; i < pattern.Length; i += length)
        {
            ReadOnlySpan<char> rest = pattern.AsSpan(i);
            int point = Utf8.ReadUtf16(pattern, i, out length);
            bool isEnd = isInClass && (rest[length..] is ['-', not ']', ..] || (pattern[i - 1] == '-' && pattern[i - 2] != '[')); // of a range
            bool isForeign = isInClass ? rest[0] == '[' || rest.StartsWith("&&") || rest.StartsWith(@"\W") || (length > 1 && isEnd)
                : rest.StartsWith("{,") || rest.StartsWith("[]") || rest.StartsWith("[^]")
                    || (rest.StartsWith("(?") && rest[2..].TrimStart("aix").StartsWith('m'));
            if (isForeign || rest is ['\\', >= '\ud800' and <= '\udfff', ..]) { return null; }
            if (rest is ['\\', _, ..])
            {
                length = 2;
                translated.Append(rest[1] switch
                {
                    'w' => isInClass ? Word : $"[{Word}{Alone}]",
                    'W' => $"[^{Word}{Alone}]",
                    _ => rest[..2].ToString(),
                });
                continue;
            }
            if (length > 1 && !own.Contains(point)) { own.Add(point); }
            translated.Append(length > 1 ? (char)(FirstOwn + own.IndexOf(point)) : rest[0]);
            isInClass = rest[0] == '[' || (isInClass && rest[0] != ']');
        }
        return own.Count > LastOwn - FirstOwn + 1 ? null : translated.ToString();
    }

    // What \b takes for a part of a word there or here alone.
    private static void StandInForWords(Span<char> chars)
    {
        foreach (ref char c in chars)
        {
            c = char.GetUnicodeCategory(c) switch
            {
                UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.LetterNumber => '\u1ced',
                _ when Alone.Contains(c) || c is >= '\u24b6' and <= '\u24e9' => '\u1ced',
                _ when c is '\u200c' or '\u200d' => '\u2061',
                _ => c,
            };
        }
    }

    private char StandIn(int point) => _own.IndexOf(point) is >= 0 and int index ? (char)(FirstOwn + index)
        : point is (>= 0x1f130 and <= 0x1f149) or (>= 0x1f150 and <= 0x1f169) or (>= 0x1f170 and <= 0x1f189) ? '\u24b6' // letters that are symbols
        : CharUnicodeInfo.GetUnicodeCategory(point) switch
        {
            UnicodeCategory.UppercaseLetter => '\u10a0',
            UnicodeCategory.LowercaseLetter => '\u1d00',
            UnicodeCategory.ModifierLetter => '\u10fc',
            UnicodeCategory.OtherLetter => '\ua000',
            UnicodeCategory.NonSpacingMark => '\u1ced',
            UnicodeCategory.SpacingCombiningMark => '\u1ce1',
            UnicodeCategory.DecimalDigitNumber => '\u1946',
            UnicodeCategory.LetterNumber => '\ua6e6',
            UnicodeCategory.OtherNumber => '\u19da',
            UnicodeCategory.DashPunctuation => '\u2e1a',
            UnicodeCategory.OtherPunctuation => '\u1c7e',
            UnicodeCategory.MathSymbol => '\u2a00',
            UnicodeCategory.CurrencySymbol => '\u20be',
            UnicodeCategory.ModifierSymbol => '\uab5b',
            UnicodeCategory.OtherSymbol => '\ua836',
            UnicodeCategory.Format => '\u2061',
            UnicodeCategory.PrivateUse => '\uf8ff',
            _ => '\u0378',
        };
}
