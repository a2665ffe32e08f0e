namespace MiniLM;

/// <summary>"Did you mean": the known names that a wrong one is near to.</summary>
internal static class NearNames
{
    /// <summary>Empty, or " Did you mean a or b?".</summary>
    internal static string Suggest(string wrong, IEnumerable<string> known)
    {
        string lower = wrong.ToLowerInvariant();
        string[] near = [.. known.Distinct()
            .Select(name => (name, lower: name.ToLowerInvariant()))
            .Select(pair => (pair.name, pair.lower, distance: EditDistance(lower, pair.lower)))
            .Where(pair => pair.distance <= Math.Max(1, (pair.lower.TrimStart('-').Length + 1) / 3)
                || (lower.Length > 2 && pair.lower.StartsWith(lower, StringComparison.Ordinal)))
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.name, StringComparer.Ordinal).Take(3).Select(pair => pair.name)];
        return near.Length == 0 ? "" : $" Did you mean {string.Join(" or ", near)}?";
    }

    // Levenshtein's.
    private static int EditDistance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return row[b.Length];
    }
}
