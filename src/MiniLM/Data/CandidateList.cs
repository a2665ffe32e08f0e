using System.Text.Json;

namespace MiniLM.Data;

/// <summary>A query with documents that answer it and others that do not: <c>{"query": ..., "pos": [...], "neg": [...]}</c>.</summary>
/// <param name="Queries">One, or several wordings of it.</param>
/// <param name="Positives">May be empty.</param>
/// <param name="Negatives">May be empty.</param>
internal sealed record CandidateList(string[] Queries, string[] Positives, string[] Negatives)
{
    private const string Form = "A line is {\"query\": ..., \"pos\": [...], \"neg\": [...]}.";

    /// <summary>Each query with each document, positives first: the order of scores.</summary>
    internal IEnumerable<(string Query, string Document)> Pairs =>
        from query in Queries from document in Positives.Concat(Negatives) select (query, document);

    /// <summary>The next line; null at the end.</summary>
    /// <exception cref="DataFormatException">It is no such list.</exception>
    internal static CandidateList? Read(JsonLines lines) =>
        lines.ReadObject() is { } list ? new CandidateList(Texts(lines, list, "query"), Texts(lines, list, "pos"), Texts(lines, list, "neg")) : null;

    private static string[] Texts(JsonLines lines, JsonElement list, string name)
    {
        if (!list.TryGetProperty(name, out JsonElement texts)) { throw lines.Source.Wrong($"has no '{name}'. {Form}"); }
        if (name == "query" && texts.ValueKind == JsonValueKind.String) { return [texts.GetString()!]; }
        if (texts.ValueKind != JsonValueKind.Array || texts.EnumerateArray().Any(text => text.ValueKind != JsonValueKind.String))
        {
            throw lines.Source.Wrong($"'{name}' is not a list of texts. {Form}");
        }
        if (name == "query" && texts.GetArrayLength() == 0) { throw lines.Source.Wrong($"'query' is an empty list. {Form}"); }
        return [.. texts.EnumerateArray().Select(text => text.GetString()!)];
    }
}
