using System.Globalization;
using System.Text.Json;
using MiniLM.Text;
using static MiniLM.Tests.Text.TokenizerGolden;

namespace MiniLM.Tests.Text;

/// <summary>Every file of golden/tokenizer: ids, type ids, tokens, offsets, masks and errors are those of Hugging Face's library.</summary>
public sealed class TokenizerGoldenTests
{
    private static readonly Lazy<WordPieceTokenizer> Default = new(Uncased);

    public static TheoryData<string> Variants()
    {
        TheoryData<string> names = [];
        string folder = System.IO.Path.Combine(SharedFolder.Root ?? "", "golden", "tokenizer", "variants");
        IEnumerable<string> files = SharedFolder.Root is not null && Directory.Exists(folder) ? Directory.GetFiles(folder, "*.cases.jsonl")
            .Order(StringComparer.Ordinal) : [];
        foreach (string file in files) { names.Add(System.IO.Path.GetFileName(file)[..^".cases.jsonl".Length]); }
        // An empty theory would be an error; this name skips where the folder is absent.
        if (names.Count == 0) { names.Add("index"); }
        return names;
    }

    [Theory]
    [InlineData("single_uncased.jsonl")]
    [InlineData("very_long.jsonl")]
    [InlineData("single_cased.jsonl")]
    [InlineData("single_chinese.jsonl")]
    [InlineData("single_chinese_cased.jsonl")]
    public void Encode_SingleTexts_AsHuggingFace(string file)
    {
        List<JsonElement> lines = Lines(TokenizerGolden.Path(file));
        WordPieceTokenizer tokenizer = file switch
        {
            "single_cased.jsonl" => WordPieceTokenizer.Load(TokenizerGolden.Path("cased")),
            "single_chinese.jsonl" => FromVocabulary(DataFile("chinese-bert-vocab-clue.txt"), """{"do_lower_case":true}"""),
            "single_chinese_cased.jsonl" =>
                FromVocabulary(DataFile("chinese-bert-vocab-clue.txt"), """{"do_lower_case":false,"strip_accents":null,"cls_token":{"content":"[CLS]"}}"""),
            _ => Default.Value,
        };
        List<string> failures = [];
        foreach (JsonElement line in lines)
        {
            string text = line.GetProperty("text").GetString()!;
            string? difference = Difference(line, tokenizer.Encode(text), text, null);
            if (difference is null && !FastIds(tokenizer, text).SequenceEqual(Ints(line, "ids"))) { difference = "ids without offsets differ"; }
            if (difference is not null) { failures.Add($"{OptionalString(line, "kind")} {line.GetProperty("text").GetRawText()}: {difference}"); }
        }
        Report(failures, lines.Count);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void EncodeBatch_Variants_AsHuggingFace(string name)
    {
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(TokenizerGolden.Path("variants", name + ".tokenizer.json"));
        List<JsonElement> lines = Lines(TokenizerGolden.Path("variants", name + ".cases.jsonl"));
        List<string> failures = [];
        foreach (JsonElement line in lines)
        {
            List<(string First, string? Second)> inputs = Inputs(line);
            EncodeOptions options = tokenizer.FileOptions with { AddSpecialTokens = line.GetProperty("add_special_tokens").GetBoolean() };
            string? difference = null;
            try
            {
                IReadOnlyList<TokenEncoding> actual = tokenizer.EncodeBatch(inputs, options);
                difference = line.TryGetProperty("error", out JsonElement error) ? $"expected {error}" : null;
                for (int index = 0; difference is null && index < inputs.Count; index++)
                {
                    difference = Difference(line.GetProperty("encodings")[index], actual[index], inputs[index].First, inputs[index].Second);
                    if (!FastIds(tokenizer, inputs[index].First).SequenceEqual(tokenizer.Encode(inputs[index].First).Ids))
                    {
                        difference ??= "ids without offsets differ";
                    }
                }
            }
            catch (TokenizerException exception)
            {
                if (OptionalString(line, "error") != exception.Message) { difference = exception.Message; }
            }
            if (difference is not null) { failures.Add($"{line.GetProperty("inputs").GetRawText()}: {difference}"); }
        }
        Report(failures, lines.Count);
    }

    [Fact]
    public void Encode_Pairs_AsHuggingFace()
    {
        WordPieceTokenizer tokenizer = Default.Value;
        List<JsonElement> lines = Lines(TokenizerGolden.Path("pairs.jsonl"));
        List<string> failures = [];
        foreach (JsonElement line in lines)
        {
            string first = line.GetProperty("a").GetString()!;
            string? second = OptionalString(line, "b");
            string? error = OptionalString(line, "error");
            string? difference = null;
            try
            {
                TokenEncoding actual = tokenizer.Encode(first, second, Options(line));
                difference = error is null ? Difference(line, actual, first, second) : $"expected {error}";
            }
            catch (TokenizerException exception)
            {
                difference = exception.Message == error ? null : exception.Message;
            }
            difference ??= FastPairDifference(tokenizer, line, first, second, error);
            if (difference is not null) { failures.Add($"{line.GetRawText()}: {difference}"); }
        }
        Report(failures, lines.Count);
    }

    [Fact]
    public void EncodeBatch_Batches_AsHuggingFace()
    {
        List<JsonElement> lines = Lines(TokenizerGolden.Path("batches.jsonl"));
        List<string> failures = [];
        foreach (JsonElement line in lines)
        {
            IReadOnlyList<TokenEncoding> actual = Default.Value.EncodeBatch(Inputs(line), Options(line));
            Assert.Equal(line.GetProperty("ids").GetArrayLength(), actual.Count);
            for (int index = 0; index < actual.Count; index++)
            {
                TokenEncoding encoding = actual[index];
                bool Equal(string name, IEnumerable<int> values) => line.GetProperty(name)[index].EnumerateArray().Select(value => value.GetInt32())
                    .SequenceEqual(values);
                if (!Equal("ids", encoding.Ids) || !Equal("type_ids", encoding.TypeIds)
                    || !Equal("attention_mask", encoding.AttentionMask.Select(value => (int)value))
                    || !Equal("special_tokens_mask", encoding.SpecialTokensMask.Select(value => (int)value)))
                {
                    failures.Add($"{line.GetProperty("inputs")[index].GetRawText()}: {string.Join(',', encoding.Ids)}");
                }
            }
        }
        Report(failures, lines.Count);
    }

    [Fact]
    public void Encode_TruncatedLengths_AsHuggingFace()
    {
        WordPieceTokenizer tokenizer = Default.Value;
        string[] rows = File.ReadAllLines(TokenizerGolden.Path("truncation_lengths.tsv"))[1..];
        List<string> failures = [];
        int[] ids = new int[512];
        byte[] typeIds = new byte[512];
        foreach (string row in rows)
        {
            string[] fields = row.Split('\t');
            int Number(int index) => int.Parse(fields[index], CultureInfo.InvariantCulture);
            int maxLength = Number(2);
            string first = string.Join(' ', Enumerable.Repeat("a", Number(0)));
            string second = string.Join(' ', Enumerable.Repeat("b", Number(1)));
            string expected = $"{fields[4]} {fields[5]}".Trim();
            string actual;
            string fast;
            try
            {
                TokenEncoding encoding = tokenizer.Encode(first, second, new EncodeOptions { MaxLength = maxLength, Truncation = Strategy(fields[3]) });
                actual = $"{encoding.SequenceIds.Count(id => id == 0)} {encoding.SequenceIds.Count(id => id == 1)}";
            }
            catch (TokenizerException exception)
            {
                actual = exception.Message;
            }
            try
            {
                int count = maxLength < 3 ? 0 : tokenizer.Encode(first, second, maxLength, Strategy(fields[3]), ids, typeIds, out _);
                int ones = typeIds.AsSpan(0, count).Count((byte)1);
                fast = maxLength < 3 ? actual : $"{count - ones - 2} {ones - 1}";
            }
            catch (TokenizerException exception)
            {
                fast = exception.Message;
            }
            bool same = expected.StartsWith("error", StringComparison.Ordinal) || expected.StartsWith("too", StringComparison.Ordinal)
                ? actual == TruncationRule.TooShort : actual == expected;
            if (!same || fast != actual) { failures.Add($"{row}: got {actual}, without offsets {fast}"); }
        }
        Report(failures, rows.Length);
    }

    private static string? FastPairDifference(WordPieceTokenizer tokenizer, JsonElement line, string first, string? second, string? error)
    {
        // This path refuses fewer tokens than specials, and neither pads nor cuts on the left.
        if (second is null || OptionalInt(line, "max_length") is not { } maxLength || maxLength < tokenizer.SpecialTokenCount(pair: true)
            || OptionalString(line, "truncation") is not { } strategy)
        {
            return null;
        }
        if (Side(line, "truncation_side") == SequenceSide.Left && error is null) { return null; }
        int[] ids = new int[maxLength];
        byte[] typeIds = new byte[maxLength];
        try
        {
            int count = tokenizer.Encode(first, second, maxLength, Strategy(strategy), ids, typeIds, out _);
            if (error is not null) { return $"without offsets: expected {error}"; }
            int[] mask = Ints(line, "attention_mask");
            bool same = Ints(line, "ids").Where((_, index) => mask[index] == 1).SequenceEqual(ids[..count])
                && Ints(line, "type_ids").Where((_, index) => mask[index] == 1).SequenceEqual(typeIds[..count].Select(value => (int)value));
            return same ? null : $"without offsets: {string.Join(',', ids[..count])}";
        }
        catch (TokenizerException exception)
        {
            return exception.Message == error ? null : $"without offsets: {exception.Message}";
        }
    }

    private static List<(string First, string? Second)> Inputs(JsonElement line)
    {
        return [.. line.GetProperty("inputs").EnumerateArray()
            .Select(input => (input[0].GetString()!, input.GetArrayLength() > 1 ? input[1].GetString() : null))];
    }

    private static EncodeOptions Options(JsonElement line)
    {
        int? maxLength = OptionalInt(line, "max_length");
        string? padding = OptionalString(line, "padding");
        return new EncodeOptions
        {
            MaxLength = maxLength,
            Truncation = Strategy(OptionalString(line, "truncation")),
            TruncationSide = Side(line, "truncation_side"),
            Padding = padding is null ? Padding.None : padding == "max_length" && maxLength is not null ? Padding.Fixed : Padding.Longest,
            PadToMultipleOf = OptionalInt(line, "pad_to_multiple_of"),
            PaddingSide = Side(line, "padding_side"),
        };
    }
}
