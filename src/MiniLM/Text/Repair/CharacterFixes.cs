using System.Buffers;
using System.Text;

namespace MiniLM.Text.Repair;

/// <summary>ftfy's fixes of single characters. Each gives the same string where there is nothing to do.</summary>
internal static class CharacterFixes
{
    private const string Ligatures = "ĲĳŉǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬅﬆ";
    private const char FirstWide = '\uff01', LastWide = '\uffef', FirstNarrow = '\uff5f', IdeographicSpace = '\u3000', Macron = '\uffe3';

    private static readonly string[] Letters =
        ["IJ", "ij", "ʼn", "DZ", "Dz", "dz", "DŽ", "Dž", "dž", "LJ", "Lj", "lj", "NJ", "Nj", "nj", "ff", "fi", "fl", "ffi", "ffl", "ſt", "st"];

    // NFKC of U+FF5F to U+FFEF; those that it leaves alone, and the macron, stand for themselves.
    private static readonly string Narrow = CharacterRanges.Expand(
        "⦅⦆。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナ-ハヒフヘホマ-モヤユヨ-ロワン\u3099\u309a"
        + "\u1160\u1100\u1101\u11aa\u1102\u11ac\u11ad\u1103-\u1105\u11b0-\u11b5\u111a\u1106-\u1108\u1121\u1109-\u1112"
        + "\uffbf-\uffc1\u1161-\u1166\uffc8\uffc9\u1167-\u116c\uffd0\uffd1\u116d-\u1172\uffd8\uffd9\u1173-\u1175\uffdd-\uffdf"
        + "¢£¬\uffe3¦¥₩\uffe7│←-↓■○\uffef");

    private static readonly SearchValues<char> LigatureSet = SearchValues.Create(Ligatures);
    private static readonly SearchValues<char> WideSet = Set("\u3000\uff01-\uffef");
    private static readonly SearchValues<char> QuoteSet = Set("\u02bc\u2018-\u201f");
    private static readonly SearchValues<char> LineBreakSet = Set("\r\u0085\u2028\u2029");
    private static readonly SearchValues<char> ControlSet = Set("\u0000-\u0008\u000b\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffc");
    private static readonly SearchValues<char> C1Set = Set("\u0080-\u009f");

    internal static bool HasC1Controls(string text) => text.AsSpan().ContainsAny(C1Set);

    /// <summary>C1 controls become the characters of their bytes in windows-1252, as browsers have it.</summary>
    internal static string FixC1Controls(string text) => Replace(text, C1Set, c => SingleByteEncoding.Windows1252.Upper(c).ToString());

    internal static string FixLatinLigatures(string text) => Replace(text, LigatureSet, c => Letters[Ligatures.IndexOf(c, StringComparison.Ordinal)]);

    /// <summary>Full-width ASCII, half-width Katakana and Hangul, and the ideographic space take their usual width.</summary>
    internal static string FixCharacterWidth(string text) => Replace(text, WideSet, c => c switch
    {
        IdeographicSpace => " ",
        Macron => " \u0304",
        < FirstNarrow => ((char)(c - FirstWide + '!')).ToString(),
        _ => Narrow[c - FirstNarrow].ToString(),
    });

    internal static string UncurlQuotes(string text) => Replace(text, QuoteSet, c => c >= '\u201c' ? "\"" : "'");

    internal static string FixLineBreaks(string text) => Replace(text.Replace("\r\n", "\n", StringComparison.Ordinal), LineBreakSet, _ => "\n");

    /// <summary>Halves of surrogate pairs become U+FFFD.</summary>
    internal static string FixSurrogates(string text)
    {
        // The encoding's own replacement does it.
        return text.AsSpan().ContainsAnyInRange('\ud800', '\udfff') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
    }

    /// <summary>Removes sequences such as ESC [31m, which colour text in a terminal.</summary>
    internal static string RemoveTerminalEscapes(string text)
    {
        if (!text.Contains('\u001b')) { return text; }
        StringBuilder kept = new(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int length = EscapeLength(text.AsSpan(at));
            if (length == 0) { kept.Append(text[at++]); }
            at += length;
        }
        return kept.ToString();
    }

    /// <summary>Removes control characters that show nothing, byte order marks among them; tabs, line and form feeds stay.</summary>
    internal static string RemoveControlCharacters(string text) => Replace(text, ControlSet, _ => "");

    // ESC, bracket, digits (of any script) and semicolons, a letter; 0: none is here.
    private static int EscapeLength(ReadOnlySpan<char> text)
    {
        if (text is not ['\u001b', '[', ..]) { return 0; }
        int length = 2;
        while (length < text.Length)
        {
            Rune.DecodeFromUtf16(text[length..], out Rune rune, out int units);
            if (rune.Value != ';' && !Rune.IsDigit(rune)) { break; }
            length += units;
        }
        return length < text.Length && char.IsAsciiLetter(text[length]) ? length + 1 : 0;
    }

    private static SearchValues<char> Set(string ranges) => SearchValues.Create(CharacterRanges.Expand(ranges));

    private static string Replace(string text, SearchValues<char> replaced, Func<char, string> replacement)
    {
        ReadOnlySpan<char> rest = text;
        int length = rest.IndexOfAny(replaced);
        if (length < 0) { return text; }
        StringBuilder result = new(text.Length);
        for (; length >= 0; length = rest.IndexOfAny(replaced))
        {
            result.Append(rest[..length]).Append(replacement(rest[length]));
            rest = rest[(length + 1)..];
        }
        return result.Append(rest).ToString();
    }
}
