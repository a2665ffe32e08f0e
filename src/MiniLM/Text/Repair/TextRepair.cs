using System.Buffers;
using System.Text;

namespace MiniLM.Text.Repair;

/// <summary>What <see cref="TextRepair"/> does to a text.</summary>
internal enum TextRepairKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>ftfy's <c>fix_encoding</c>: UTF-8 that was read by a wrong encoding is read anew.</summary>
    Encoding,

    /// <summary>ftfy's <c>fix_text</c>: the same, and character references, quotes, ligatures, widths, line breaks, controls, form C.</summary>
    Full,
}

/// <summary>Damaged text made whole, exactly as ftfy 6.3.1 does with its defaults (Speer, https://github.com/rspeer/python-ftfy).</summary>
internal static class TextRepair
{
    /// <summary>Of each <see cref="TextRepairKind"/>, on command lines and in files.</summary>
    internal static readonly string[] Names = ["none", "encoding", "full"];

    /// <summary>Most code points that are repaired as one.</summary>
    internal const int MostAtOnce = 1_000_000;

    // What no fix touches by itself: ASCII without controls but white space, and without the ampersand.
    private static readonly SearchValues<char> Plain = SearchValues.Create(CharacterRanges.Expand("\t\n\f -%'-~"));

    private static readonly (string Name, Func<string, string> Fix)[] Fixes =
    [
        ("fix_c1_controls", CharacterFixes.FixC1Controls),
        ("fix_latin_ligatures", CharacterFixes.FixLatinLigatures),
        ("fix_character_width", CharacterFixes.FixCharacterWidth),
        ("uncurl_quotes", CharacterFixes.UncurlQuotes),
        ("fix_line_breaks", CharacterFixes.FixLineBreaks),
        ("fix_surrogates", CharacterFixes.FixSurrogates),
        ("remove_terminal_escapes", CharacterFixes.RemoveTerminalEscapes),
        ("remove_control_chars", CharacterFixes.RemoveControlCharacters),
    ];

    /// <summary>The repaired text; the same string where nothing is to be done to plain text.</summary>
    internal static string Apply(string text, TextRepairKind kind) => kind switch
    {
        TextRepairKind.Encoding => EncodingRepair.Fix(text),
        TextRepairKind.Full when text.AsSpan().ContainsAnyExcept(Plain) => FixLines(text),
        _ => text,
    };

    /// <summary>Repairs a text as one (ftfy's <c>fix_and_explain</c>).</summary>
    /// <param name="text">Any text.</param>
    /// <param name="unescapes">Whether character references are decoded: not in what is HTML.</param>
    /// <param name="steps">Gets what was done, in ftfy's words.</param>
    internal static string FixSegment(string text, bool unescapes, List<(string Action, string Parameter)>? steps = null)
    {
        while (true)
        {
            string before = text;
            if (unescapes) { Apply("apply", "unescape_html", HtmlEntities.Unescape); }
            text = EncodingRepair.Fix(text, steps);
            foreach ((string name, Func<string, string> fix) in Fixes) { Apply("apply", name, fix); }
            Apply("normalize", "NFC", CanonicalComposition.Normalize);
            if (text == before) { return text; }
        }

        void Apply(string action, string parameter, Func<string, string> fix)
        {
            string repaired = fix(text);
            if (steps is not null && repaired != text) { steps.Add((action, parameter)); }
            text = repaired;
        }
    }

    // Lines by themselves: each may be damaged in its own way. From the first '<' on the text is taken for HTML.
    private static string FixLines(string text)
    {
        StringBuilder repaired = new(text.Length);
        bool unescapes = true;
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = SegmentEnd(text, start);
            string segment = text[start..end];
            unescapes = unescapes && !segment.Contains('<');
            repaired.Append(FixSegment(segment, unescapes));
        }
        return repaired.ToString();
    }

    private static int SegmentEnd(string text, int start)
    {
        int end = text.IndexOf('\n', start) + 1;
        if (end == 0) { end = text.Length; }
        if (end - start <= MostAtOnce) { return end; }
        int at = start;
        for (int count = 0; count < MostAtOnce && at < end; count++) { at += char.IsSurrogatePair(text, at) ? 2 : 1; }
        return at;
    }
}
