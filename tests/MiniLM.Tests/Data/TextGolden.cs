using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

/// <summary>golden/formats/text, found by its own lists.</summary>
internal static class TextGolden
{
    internal static string Path(params string[] parts) => SharedFolder.Require(["golden", "formats", "text", .. parts]);

    internal static JsonElement Json(params string[] parts) => JsonDocument.Parse(File.ReadAllBytes(Path(parts))).RootElement;

    internal static List<string[]> Rows(string path, char delimiter, bool quotes)
    {
        using Table table = new(DataFile.Open(path), path, delimiter, quotes);
        List<string[]> rows = [];
        while (table.Read()) { rows.Add([.. Enumerable.Range(0, table.Count).Select(table.Field)]); }
        return rows;
    }

    /// <summary>Fields joined by U+001F, rows ended by U+001E.</summary>
    internal static string Digest(IEnumerable<string[]> rows)
    {
        StringBuilder text = new();
        foreach (string[] row in rows) { text.Append(string.Join('\u001f', row)).Append('\u001e'); }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
