using MiniLM.Model;

namespace MiniLM.Cli;

/// <summary>"Did you mean": the known names that a wrong one is near to.</summary>
internal static class NearNames
{
    /// <summary>Empty, or " Did you mean a or b?".</summary>
    internal static string Suggest(string wrong, IEnumerable<string> known)
    {
        string lower = wrong.ToLowerInvariant();
        string[] near = [.. known.Distinct()
            .Select(name => (name, distance: EditDistance.Between(lower, name)))
            .Where(pair => pair.distance <= Math.Max(1, (pair.name.TrimStart('-').Length + 1) / 3)
                || (lower.Length > 2 && pair.name.StartsWith(lower, StringComparison.Ordinal)))
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.name, StringComparer.Ordinal).Take(3).Select(pair => pair.name)];
        return near.Length == 0 ? "" : $" Did you mean {string.Join(" or ", near)}?";
    }
}
