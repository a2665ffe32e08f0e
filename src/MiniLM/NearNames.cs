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

    // Damerau's, of strings whose letters are swapped at most once: two neighbours that changed places are one mistake.
    private static int EditDistance(string a, string b)
    {
        int[][] rows = [.. Enumerable.Range(0, a.Length + 1).Select(i => new int[b.Length + 1])];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    rows[i][j] = i + j;
                    continue;
                }
                int replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i][j] = Math.Min(Math.Min(rows[i - 1][j], rows[i][j - 1]) + 1, replaced);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) { rows[i][j] = Math.Min(rows[i][j], rows[i - 2][j - 2] + 1); }
            }
        }
        return rows[a.Length][b.Length];
    }
}
