using System.Text;
using MiniLM.Text.Repair;

namespace MiniLM.Data.Duplicates;

/// <summary>The form in which texts are compared: equal ones count as the same text.</summary>
internal static class ComparableText
{
    /// <summary>Normalization form C, Unicode's simple case folding, runs of white space as one blank and none at the ends.</summary>
    internal static string Of(string text)
    {
        // Up and down again: sigma has two small letters, and the micro sign is another's small letter too. .NET leaves the long s, which is an s.
        string folded = CanonicalComposition.Normalize(text).ToUpperInvariant().ToLowerInvariant();
        StringBuilder comparable = new(folded.Length);
        foreach (char c in folded)
        {
            if (!char.IsWhiteSpace(c)) { comparable.Append(c == 'ſ' ? 's' : c); }
            else if (comparable.Length > 0 && comparable[^1] != ' ') { comparable.Append(' '); }
        }
        return comparable.Length > 0 && comparable[^1] == ' ' ? comparable.ToString(0, comparable.Length - 1) : comparable.ToString();
    }
}
