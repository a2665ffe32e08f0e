using System.Globalization;
using System.Text;

namespace MiniLM.Cuda;

/// <summary>PTX as the build embeds it (CompressedResources.targets): a register's number is the distance from the greatest of its kind so far, which
/// compresses three times better than numbers that never come again.</summary>
internal static class PtxText
{
    /// <summary>With its numbers: <c>%r2~</c> is <c>%r40</c> where 42 is the greatest so far.</summary>
    internal static string Numbered(string text)
    {
        StringBuilder numbered = new(text.Length * 5 / 4);
        Dictionary<string, int> greatest = [];
        for (int at = 0; at < text.Length;)
        {
            int register = text.IndexOf('%', at);
            if (register < 0) { register = text.Length - 1; }
            int end = register + 1;
            while (end < text.Length && char.IsAsciiLetterLower(text[end])) { end++; }
            numbered.Append(text, at, end - at);
            at = end;
            while (at < text.Length && (text[at] == '-' || char.IsAsciiDigit(text[at]))) { at++; }
            if (at == text.Length || text[at] != '~') // %tid.x, %r<43>
            {
                at = end;
                continue;
            }
            string kind = text[(register + 1)..end];
            int before = greatest.GetValueOrDefault(kind), number = before - int.Parse(text.AsSpan(end, at - end), CultureInfo.InvariantCulture);
            greatest[kind] = Math.Max(before, number);
            numbered.Append(CultureInfo.InvariantCulture, $"{number}");
            at++;
        }
        return numbered.ToString();
    }
}
