using System.Text;
using System.Text.Json;
using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>Every code point does what golden/tokenizer/unicode.json says, and the stages of the normalizer what normalize.jsonl says.</summary>
public sealed class UnicodeTablesTests
{
    [Theory]
    [InlineData("clean_removed", CodePointFlags.CleanRemoved)]
    [InlineData("clean_to_space", CodePointFlags.CleanToSpace)]
    [InlineData("cjk_spaced", CodePointFlags.CjkSpaced)]
    [InlineData("strip_removed", CodePointFlags.StripRemoved)]
    [InlineData("split_punctuation", CodePointFlags.Punctuation)]
    [InlineData("split_whitespace", CodePointFlags.WhiteSpace)]
    [InlineData("regex_space", CodePointFlags.WhiteSpace)]
    [InlineData("regex_word", CodePointFlags.RegexWord)]
    public void Flags_AreThoseOfEachRange(string name, object flag)
    {
        bool[] expected = Set(Golden().GetProperty(name));
        for (int codePoint = 0; codePoint < expected.Length; codePoint++)
        {
            if ((UnicodeTables.Flags(codePoint) & (CodePointFlags)flag) != 0 != expected[codePoint]) { Assert.Fail($"U+{codePoint:X4}"); }
        }
    }

    [Fact]
    public void Maps_AreThoseOfTheFile()
    {
        JsonElement golden = Golden();
        Dictionary<int, string> strip = Map(golden.GetProperty("strip_map"));
        Dictionary<int, string> lower = Map(golden.GetProperty("lower_map"));
        Dictionary<int, int> kept = golden.GetProperty("kept_combining_class").EnumerateArray()
            .ToDictionary(pair => pair[0].GetInt32(), pair => pair[1].GetInt32());
        bool[] starters = Set(golden.GetProperty("strip_removed_starters"));
        for (int codePoint = 0; codePoint < 0x110000; codePoint++)
        {
            bool same = Text(UnicodeTables.Stripped(codePoint)) == strip.GetValueOrDefault(codePoint, "")
                && Text(UnicodeTables.Lowered(codePoint)) == lower.GetValueOrDefault(codePoint, "")
                && UnicodeTables.KeptCombiningClass(codePoint) == kept.GetValueOrDefault(codePoint)
                    && UnicodeTables.IsRemovedStarter(codePoint) == starters[codePoint];
            if (!same) { Assert.Fail($"U+{codePoint:X4}"); }
        }
    }

    [Fact]
    public void Normalize_EachStageAsHuggingFace()
    {
        (string Name, BertNormalizer Normalizer)[] stages =
        [
            ("clean", new(true, false, false, false)), ("cjk", new(false, true, false, false)), ("strip", new(false, false, true, false)),
                ("lower", new(false, false, false, true)), ("all", new(true, true, true, true)),
        ];
        List<JsonElement> lines = TokenizerGolden.Lines(TokenizerGolden.Path("normalize.jsonl"));
        List<string> failures = [];
        foreach (JsonElement line in lines)
        {
            foreach ((string name, BertNormalizer normalizer) in stages)
            {
                string actual = Normalize(normalizer, line.GetProperty("text").GetString()!);
                if (actual != line.GetProperty(name).GetString()) { failures.Add($"{name}: {line.GetRawText()}"); }
            }
        }
        TokenizerGolden.Report(failures, lines.Count);
    }

    private static string Normalize(BertNormalizer normalizer, string text)
    {
        NormalizedText tracked = new();
        NormalizedText untracked = new();
        normalizer.Normalize<TrackOrigins>(text, 0, tracked);
        normalizer.Normalize<IgnoreOrigins>(text, 0, untracked);
        Assert.True(tracked.Bytes.SequenceEqual(untracked.Bytes));
        return Encoding.UTF8.GetString(tracked.Bytes);
    }

    private static JsonElement Golden() => JsonDocument.Parse(File.ReadAllBytes(TokenizerGolden.Path("unicode.json"))).RootElement;

    private static string Text(ReadOnlySpan<ushort> units) => new(System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, char>(units));

    private static Dictionary<int, string> Map(JsonElement pairs) => pairs.EnumerateArray()
        .ToDictionary(pair => pair[0].GetInt32(), pair => pair[1].GetString()!);

    private static bool[] Set(JsonElement ranges)
    {
        bool[] set = new bool[0x110000];
        foreach (JsonElement range in ranges.EnumerateArray()) { set.AsSpan(range[0].GetInt32()..(range[1].GetInt32() + 1)).Fill(true); }
        return set;
    }
}
