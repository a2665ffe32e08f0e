using System.Text.Json;
using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>The goldens of Hugging Face's tokenizers (golden/tokenizer/README.md), found by listing the folder; nothing here knows a case by name.</summary>
internal static class TokenizerGolden
{
    internal static string Path(params string[] parts) => SharedFolder.Require(["golden", "tokenizer", .. parts]);

    internal static string DataFile(string name) => SharedFolder.Require("data", "tokenizer", name);

    internal static WordPieceTokenizer Uncased() => WordPieceTokenizer.Load(DataFile("all-minilm-l6-v2-tokenizer.json"));

    internal static List<JsonElement> Lines(string path)
    {
        List<JsonElement> lines = [.. File.ReadAllText(path).Split('\n').Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.NotEmpty(lines);
        return lines;
    }

    internal static WordPieceTokenizer FromVocabulary(string vocabulary, string config)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("minilm-tokenizer");
        try
        {
            File.Copy(vocabulary, System.IO.Path.Combine(folder.FullName, "vocab.txt"));
            File.WriteAllText(System.IO.Path.Combine(folder.FullName, "tokenizer_config.json"), config);
            return WordPieceTokenizer.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    internal static int[] Ints(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    internal static int? OptionalInt(JsonElement element, string name) => element.GetProperty(name) is { ValueKind: JsonValueKind.Number } value
        ? value.GetInt32() : null;

    internal static string? OptionalString(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    internal static SequenceSide Side(JsonElement element, string name) => element.GetProperty(name).GetString() == "left" ? SequenceSide.Left
        : SequenceSide.Right;

    internal static Truncation Strategy(string? name) => name switch
    {
        null => Truncation.None,
        "longest_first" => Truncation.LongestFirst,
        "only_first" => Truncation.OnlyFirst,
        "only_second" => Truncation.OnlySecond,
        _ => throw new InvalidDataException(name),
    };

    /// <summary>Null = everything that the golden says is so; else the first difference. Offsets are checked in both units.</summary>
    internal static string? Difference(JsonElement golden, TokenEncoding actual, string first, string? second)
    {
        static int[] Bytes(byte[] values) => [.. values.Select(value => (int)value)];
        string? Compare(string name, IEnumerable<int> values)
        {
            return golden.TryGetProperty(name, out _) && !Ints(golden, name).SequenceEqual(values)
                ? $"{name}: expected {golden.GetProperty(name)}, got [{string.Join(',', values)}]" : null;
        }
        string? difference = Compare("ids", actual.Ids) ?? Compare("type_ids", actual.TypeIds) ?? Compare("attention_mask", Bytes(actual.AttentionMask))
            ?? Compare("special_tokens_mask", Bytes(actual.SpecialTokensMask)) ?? Compare("sequence_ids", actual.SequenceIds)
            ?? Compare("offsets_utf16", actual.Offsets.SelectMany(offset => new[] { offset.Start, offset.End }));
        if (difference is not null) { return difference; }
        if (golden.TryGetProperty("tokens", out JsonElement tokens) && !tokens.EnumerateArray().Select(token => token.GetString()).SequenceEqual(actual.Tokens))
        {
            return $"tokens: expected {tokens}, got {string.Join(' ', actual.Tokens)}";
        }
        int CodePoints(int index, int end) => (actual.SequenceIds[index] == 1 ? second! : first)[..end].EnumerateRunes().Count();
        return Compare("offsets", actual.Offsets.SelectMany((offset, index) => new[] { CodePoints(index, offset.Start), CodePoints(index, offset.End) }));
    }

    /// <summary>Ids of the path without offsets.</summary>
    internal static int[] FastIds(WordPieceTokenizer tokenizer, string text)
    {
        int[] ids = new int[(text.Length * 3) + tokenizer.SpecialTokenCount(pair: false) + 3];
        int count = tokenizer.Encode(text, ids.Length, ids, out bool truncated);
        Assert.False(truncated);
        return ids[..count];
    }

    internal static void Report(IReadOnlyCollection<string> failures, int cases)
    {
        Assert.True(failures.Count == 0, $"{failures.Count} of {cases} differ:\n{string.Join('\n', failures.Take(5))}");
    }
}
