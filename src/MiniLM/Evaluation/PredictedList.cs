using System.Globalization;
using System.Text;

namespace MiniLM.Evaluation;

/// <summary>A list in one field of a table, as Python prints it (<c>['a', 'b']</c>) or as JSON (<c>["a", "b"]</c>).</summary>
internal static class PredictedList
{
    /// <summary>Its items; null when the text is no such list. An item that is not quoted (a number) is taken as it is written.</summary>
    internal static List<string>? Parse(string text)
    {
        text = text.Trim();
        if (text is not ['[', .., ']']) { return null; }
        List<string> items = [];
        int at = SkipSpace(text, 1);
        while (at < text.Length - 1)
        {
            string? item = text[at] is '\'' or '"' ? Quoted(text, ref at) : Bare(text, ref at);
            if (item is null) { return null; }
            items.Add(item);
            at = SkipSpace(text, at);
            if (at == text.Length - 1) { return items; }
            if (text[at] != ',') { return null; }
            at = SkipSpace(text, at + 1); // Python allows a comma behind the last item
        }
        return at == text.Length - 1 ? items : null;
    }

    private static int SkipSpace(string text, int at)
    {
        while (char.IsWhiteSpace(text[at])) { at++; } // ends at the bracket at the latest
        return at;
    }

    private static string? Bare(string text, ref int at)
    {
        int start = at;
        at = text.IndexOfAny([',', ']', '[', '\'', '"'], at);
        string item = text[start..at].TrimEnd();
        return item.Length > 0 ? item : null;
    }

    private static string? Quoted(string text, ref int at)
    {
        char quote = text[at++];
        StringBuilder item = new();
        while (at < text.Length - 1 && text[at] != quote)
        {
            char c = text[at++];
            string? read = c == '\\' ? Escaped(text, ref at) : c.ToString();
            if (read is null) { return null; }
            item.Append(read);
        }
        return text[at++] == quote ? item.ToString() : null;
    }

    // What repr() and JSON write of an id.
    private static string? Escaped(string text, ref int at)
    {
        char c = text[at++];
        int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits == 0) { return c switch { 'n' => "\n", 't' => "\t", 'r' => "\r", '\\' or '/' or '\'' or '"' => c.ToString(), _ => null }; }
        ReadOnlySpan<char> hex = text.AsSpan(at, Math.Min(digits, text.Length - at));
        at += hex.Length;
        if (hex.Length < digits || !uint.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code)) { return null; }
        if (digits < 8) { return ((char)code).ToString(); } // half of a pair too: the other half follows
        return Rune.IsValid(code) ? new Rune(code).ToString() : null;
    }
}
