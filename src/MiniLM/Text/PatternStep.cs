using System.Text.RegularExpressions;

namespace MiniLM.Text;

/// <summary>Replace of a regular expression: every match by the same characters, which all stand where its last one stood.</summary>
/// <remarks>The reference's expressions are Oniguruma's: ^ and $ are those of lines. They are matched in a time linear in the text, whatever they are; what
/// they cannot say so, or say otherwise than .NET's, is refused.</remarks>
internal sealed class PatternStep : NormalizerStep
{
    internal const string Expected = "an expression without lookaround, back-references, nested classes, (?m), {,n}, "
        + "and characters beyond U+FFFF that are repeated or in a class";

    private readonly Regex _pattern;
    private readonly int[] _content;

    private PatternStep(Regex pattern, int[] content) => (_pattern, _content) = (pattern, content);

    /// <summary>Null: it is none, or is not supported.</summary>
    internal static PatternStep? TryCreate(string pattern, int[] content)
    {
        if (IsForeign(pattern)) { return null; }
        try { return new PatternStep(new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.Multiline | RegexOptions.CultureInvariant), content); }
        catch (Exception error) when (error is ArgumentException or NotSupportedException) { return null; }
    }

    internal override AlignedText Apply(AlignedText text)
    {
        List<int> places = [.. text.Places(), text.Points.Count];
        AlignedText replaced = new();
        int next = 0, last = -1; // code point that is not yet taken; char at which the match before ended
        foreach (ValueMatch match in _pattern.EnumerateMatches(text.ToString()))
        {
            // Neither nothing behind a match is one, nor what begins with the second half of a character.
            bool isHalf = match.Index > 0 && places[match.Index] == places[match.Index - 1];
            if (isHalf || (match.Length == 0 && match.Index == last)) { continue; }
            Keep(places[match.Index]);
            last = match.Index + match.Length;
            int end = match.Length == 0 ? next : places[last - 1] + 1;
            foreach (int point in _content) { replaced.Add(point, end == 0 ? default : text.Origins[end - 1]); }
            next = end;
        }
        Keep(text.Points.Count);
        return replaced;

        void Keep(int end)
        {
            for (; next < end; next++) { replaced.Add(text.Points[next], text.Origins[next]); }
        }
    }

    // In a class another one, an intersection, or half a character; the option that means another thing; what .NET reads as text; what it repeats half of.
    private static bool IsForeign(string pattern)
    {
        bool isInClass = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            ReadOnlySpan<char> rest = pattern.AsSpan(i);
            bool isForeign = isInClass ? rest[0] == '[' || rest.StartsWith("&&") || char.IsSurrogate(rest[0])
                : (rest.StartsWith("(?") && rest[2..].TrimStart("aix").StartsWith('m')) || rest.StartsWith("{,")
                    || rest is [>= '\ud800' and <= '\udfff', '*' or '+' or '?' or '{', ..];
            if (isForeign) { return true; }
            isInClass = rest[0] == '[' || (isInClass && rest[0] != ']');
            if (rest[0] == '\\') { i++; }
        }
        return false;
    }
}
