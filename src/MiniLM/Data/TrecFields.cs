using System.Text;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>Fields of a line as trec_eval separates them: by the six ASCII white-space bytes alone, so that an id may hold U+00A0 or U+2028.</summary>
internal static class TrecFields
{
    /// <summary>Finds the fields.</summary>
    /// <param name="line">Without its end.</param>
    /// <param name="fields">Takes the first ones; those behind are left alone.</param>
    /// <returns>How many were found, at most as many as <paramref name="fields"/> takes.</returns>
    internal static int Split(ReadOnlySpan<byte> line, Span<Range> fields)
    {
        int count = 0, at = 0;
        while (count < fields.Length)
        {
            while (at < line.Length && IsSpace(line[at])) { at++; }
            if (at == line.Length) { break; }
            int start = at;
            while (at < line.Length && !IsSpace(line[at])) { at++; }
            fields[count++] = start..at;
        }
        return count;
    }

    /// <summary>The text of a field.</summary>
    /// <exception cref="DataFormatException">Not UTF-8.</exception>
    internal static string Text(LineReader lines, ReadOnlySpan<byte> field) =>
        Utf8.IsValid(field) ? Encoding.UTF8.GetString(field) : throw lines.Wrong("not UTF-8. Save the file as UTF-8.");

    private static bool IsSpace(byte value) => value is (byte)' ' or (>= 9 and <= 13);
}
