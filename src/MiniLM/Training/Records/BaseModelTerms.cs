namespace MiniLM.Training.Records;

/// <summary>What a model card says of a model's license and languages, which its descendants inherit.</summary>
/// <param name="License">As the Hub writes it: <c>apache-2.0</c>; null: it does not say.</param>
/// <param name="Languages">As the Hub writes them: <c>en</c>.</param>
internal sealed record BaseModelTerms(string? License, IReadOnlyList<string> Languages)
{
    private const int MaxLines = 10_000;

    /// <summary>Reads the front matter of a folder's README.md; a model without one says nothing.</summary>
    internal static BaseModelTerms Read(string folder)
    {
        string path = Path.Combine(folder, "README.md");
        if (!File.Exists(path)) { return new(null, []); }
        string[] lines = [.. File.ReadLines(path).Take(MaxLines)];
        int end = lines.Length > 0 && lines[0].TrimEnd() == "---" ? Array.FindIndex(lines, 1, line => line.TrimEnd() == "---") : -1;
        string[] matter = end < 0 ? [] : lines[1..end];
        return new(Values(matter, "license").FirstOrDefault(), Values(matter, "language"));
    }

    // "key: value", "key: [a, b]", or "key:" and lines "- value": the forms in which the Hub's cards have these two.
    private static string[] Values(string[] matter, string key)
    {
        int at = Array.FindIndex(matter, line => line.StartsWith(key + ":", StringComparison.Ordinal));
        if (at < 0) { return []; }
        string value = matter[at][(key.Length + 1)..].Trim();
        IEnumerable<string> values = value.StartsWith('[') ? value.Trim('[', ']').Split(',')
            : value.Length > 0 ? [value]
            : matter[(at + 1)..].Select(line => line.Trim()).TakeWhile(line => line.StartsWith("- ", StringComparison.Ordinal)).Select(line => line[2..]);
        return [.. values.Select(one => one.Trim().Trim('"', '\'')).Where(one => one.Length > 0)];
    }
}
