using System.Globalization;
using System.Text;

namespace MiniLM;

/// <summary>Text from a file made fit for a message of one line: quoted, control characters escaped, cut when long.</summary>
internal static class Quoted
{
    private const int MaxLength = 120;

    internal static string Text(string text)
    {
        StringBuilder quoted = new("'");
        foreach (char c in text.Length > MaxLength ? text.AsSpan(0, MaxLength) : text)
        {
            if (char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029')
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else { quoted.Append(c); }
        }
        if (text.Length > MaxLength) { quoted.Append("..."); }
        return quoted.Append('\'').ToString();
    }

    /// <summary>[384, 1536].</summary>
    internal static string Shape(ReadOnlySpan<long> shape)
    {
        StringBuilder text = new("[");
        for (int i = 0; i < shape.Length; i++)
        {
            if (i == 8)
            {
                text.Append(", ...");
                break;
            }
            text.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}{shape[i]}");
        }
        return text.Append(']').ToString();
    }
}
