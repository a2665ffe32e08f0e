using System.Globalization;
using System.Text;

namespace MiniLM.Training.Records;

/// <summary>Text of data, or of anybody, as a model card holds it: nothing in it is taken for Markdown, HTML or YAML.</summary>
internal static class CardText
{
    // Longer texts make a card that nobody scrolls through.
    private const int MaxChars = 1000;

    // What may open a tag, an entity, a cell, a link, emphasis, code, a formula or a list.
    private const string Special = "&<>|\\`*_[]$~#\"";

    private static readonly string[] Reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

    /// <summary>One line of Markdown that shows the text, also in a table's cell.</summary>
    internal static string Markdown(string text)
    {
        StringBuilder escaped = new();
        Rune[] runes = [.. Cut(text).ReplaceLineEndings("\n").EnumerateRunes()]; // half a surrogate pair comes as U+FFFD
        for (int i = 0; i < runes.Length; i++)
        {
            Rune rune = runes[i];
            _ = rune.Value switch
            {
                // An underscore between letters emphasises nothing, and names like eval_loss have many.
                '_' when i > 0 && i + 1 < runes.Length && IsLetterOrDigit(runes[i - 1]) && IsLetterOrDigit(runes[i + 1]) => escaped.Append('_'),
                '\n' => escaped.Append("<br>"),
                '\t' => escaped.Append(' '),
                int c when c < 128 && Special.Contains((char)c) => escaped.Append(CultureInfo.InvariantCulture, $"&#{c};"),
                _ when Rune.IsControl(rune) => escaped.Append('\uFFFD'),
                _ => escaped.Append(rune),
            };
        }
        return escaped.ToString();

        static bool IsLetterOrDigit(Rune rune) => rune.IsAscii && char.IsAsciiLetterOrDigit((char)rune.Value);
    }

    /// <summary>The text as code in a line of Markdown, also in a table's cell.</summary>
    internal static string Code(string text) => $"<code>{Markdown(text)}</code>";

    /// <summary>A string in double quotes that is the same in YAML, Python and JSON's larger relatives: one line, whatever is in it.</summary>
    internal static string Quoted(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (Rune rune in Cut(text).EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '"' or '\\' => quoted.Append('\\').Append(rune),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                // What YAML does not print, or takes for the end of a line.
                int c when Rune.IsControl(rune) => quoted.Append(CultureInfo.InvariantCulture, $"\\x{c:x2}"),
                int c when c is 0x2028 or 0x2029 or 0xfeff or 0xfffe or 0xffff => quoted.Append(CultureInfo.InvariantCulture, $"\\u{c:x4}"),
                _ => quoted.Append(rune),
            };
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>A scalar of YAML that is read as this string: plain where a plain one can be nothing else.</summary>
    internal static string Yaml(string text)
    {
        bool isPlain = text.Length is > 0 and <= MaxChars && char.IsAsciiLetter(text[0]) && char.IsAsciiLetterOrDigit(text[^1])
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':' or '@')
            && !Reserved.Contains(text, StringComparer.OrdinalIgnoreCase);
        return isPlain ? text : Quoted(text);
    }

    private static string Cut(string text)
    {
        if (text.Length <= MaxChars) { return text; }
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[MaxChars - 1]) ? MaxChars - 1 : MaxChars), "...");
    }
}
