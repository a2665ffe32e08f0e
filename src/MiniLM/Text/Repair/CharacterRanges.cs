using System.Text;

namespace MiniLM.Text.Repair;

/// <summary>Sets and tables of characters as they are written in regular expressions: <c>A-Z</c> stands for what lies between.</summary>
internal static class CharacterRanges
{
    /// <summary>All characters, in order. A hyphen at either end would stand for itself; none of the tables has one.</summary>
    internal static string Expand(string ranges)
    {
        StringBuilder characters = new();
        for (int at = 0; at < ranges.Length; at++)
        {
            bool isRange = at + 2 < ranges.Length && ranges[at + 1] == '-';
            for (int character = ranges[at], last = isRange ? ranges[at + 2] : character; character <= last; character++)
            {
                characters.Append((char)character);
            }
            if (isRange) { at += 2; }
        }
        return characters.ToString();
    }
}
