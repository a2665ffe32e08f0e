using System.Globalization;
using System.Reflection;
using System.Text;
using MiniLM.Data;

namespace MiniLM.Text.Repair;

/// <summary>ftfy's <c>unescape_html</c>: character references that end with a semicolon.</summary>
internal static class HtmlEntities
{
    private const int MostCharacters = 24;

    private static readonly Dictionary<string, string> Characters = Read();

    internal static string Unescape(string text)
    {
        if (!text.Contains('&')) { return text; }
        StringBuilder unescaped = new(text.Length);
        ReadOnlySpan<char> rest = text;
        for (int ampersand; (ampersand = rest.IndexOf('&')) >= 0;)
        {
            unescaped.Append(rest[..ampersand]);
            rest = rest[ampersand..];
            int length = ReferenceLength(rest);
            string? character = length == 0 ? null : rest[1] == '#' ? Numbered(rest[2..(length - 1)])
                : Characters.GetValueOrDefault(rest[1..(length - 1)].ToString());
            unescaped.Append(character ?? rest[..Math.Max(length, 1)]);
            rest = rest[Math.Max(length, 1)..];
        }
        return unescaped.Append(rest).ToString();
    }

    // Ampersand, perhaps a number sign, letters and digits, semicolon; 0: none is here.
    private static int ReferenceLength(ReadOnlySpan<char> text)
    {
        int first = text is [_, '#', ..] ? 2 : 1, end = first;
        while (end < text.Length && end - first <= MostCharacters && char.IsAsciiLetterOrDigit(text[end])) { end++; }
        return end - first is > 0 and <= MostCharacters && end < text.Length && text[end] == ';' ? end + 1 : 0;
    }

    // As in HTML's text; null: not a number, or that of the semicolon (ftfy takes what still has one for half decoded).
    private static string? Numbered(ReadOnlySpan<char> digits)
    {
        int radix = digits[0] is 'x' or 'X' ? 16 : 10;
        if (radix == 16) { digits = digits[1..]; }
        if (digits.Length == 0) { return null; }
        int number = 0;
        foreach (char digit in digits)
        {
            int value = char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), 16) : radix;
            if (value >= radix) { return null; }
            number = Math.Min(number * radix + value, 0x110000);
        }
        return number switch
        {
            ';' => null,
            0 or (>= 0xD800 and <= 0xDFFF) or > 0x10FFFF => "\ufffd",
            >= 0x80 and <= 0x9F => SingleByteEncoding.Windows1252.Upper(number).ToString(),
            < ' ' and not ('\t' or '\n' or '\f' or '\r') or 0x7F or (>= 0xFDD0 and <= 0xFDEF) => "",
            _ => (number & 0xFFFE) == 0xFFFE ? "" : char.ConvertFromUtf32(number),
        };
    }

    private static Dictionary<string, string> Read()
    {
        Dictionary<string, string> characters = [];
        foreach (string line in CompressedResource.Text(Assembly.GetExecutingAssembly(), "html-entities.txt").Split('\n'))
        {
            string[] fields = line.Split(' ');
            if (line.Length == 0 || line[0] == '#') { continue; }
            characters[fields[0]] = Text(fields[1]);
            if (fields.Length > 2) { characters[fields[0].ToUpperInvariant()] = Text(fields[2]); }
        }
        return characters;

        static string Text(string codePoints) =>
            string.Concat(codePoints.Split(',').Select(value => char.ConvertFromUtf32(int.Parse(value, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));
    }
}
