using System.Text.Json;

namespace MiniLM.Text;

/// <summary>Reads the normalizer and pre_tokenizer sections of tokenizer.json.</summary>
internal static class NormalizerReader
{
    private const int MostNested = 8;

    internal static Normalizer Read(JsonSection section)
    {
        List<NormalizerStep> steps = [];
        Add(section, steps, 0);
        return Normalizer.Of(steps);
    }

    internal static PreTokenizer ReadPreTokenizer(JsonSection section, int depth = 0)
    {
        if (section.Type == "Sequence" && depth < MostNested)
        {
            PreTokenizer all = PreTokenizer.WhitespaceSplit;
            JsonElement list = section.RequiredArray("pretokenizers");
            if (list.GetArrayLength() == 0) { throw section.Wrong("pretokenizers", list, "at least one"); }
            foreach (JsonElement element in list.EnumerateArray()) { all |= ReadPreTokenizer(section.Object("pretokenizers", element), depth + 1); }
            return all;
        }
        return section.Type switch
        {
            "BertPreTokenizer" => PreTokenizer.Bert,
            "Whitespace" => PreTokenizer.Whitespace,
            "WhitespaceSplit" => PreTokenizer.WhitespaceSplit,
            string other => throw section.Unsupported("type", other, "'BertPreTokenizer', 'Whitespace', 'WhitespaceSplit', 'Sequence'"),
        };
    }

    internal static BertNormalizer ReadBert(JsonSection section)
    {
        bool lowercase = section.Boolean("lowercase") ?? true;
        return new BertNormalizer(section.Boolean("clean_text") ?? true, section.Boolean("handle_chinese_chars") ?? true,
            section.Boolean("strip_accents") ?? lowercase, lowercase);
    }

    private static void Add(JsonSection section, List<NormalizerStep> steps, int depth)
    {
        if (section.Type == "Sequence" && depth < MostNested)
        {
            JsonElement list = section.RequiredArray("normalizers");
            foreach (JsonElement element in list.EnumerateArray()) { Add(section.Object("normalizers", element), steps, depth + 1); }
            return;
        }
        steps.Add(section.Type switch
        {
            "BertNormalizer" => new BertStep(ReadBert(section)),
            "Lowercase" => new LowercaseStep(),
            "NFC" => new UnicodeFormStep(isComposed: true, isCompatible: false),
            "NFD" => new UnicodeFormStep(isComposed: false, isCompatible: false),
            "NFKC" => new UnicodeFormStep(isComposed: true, isCompatible: true),
            "NFKD" => new UnicodeFormStep(isComposed: false, isCompatible: true),
            "StripAccents" => new StripAccentsStep(),
            "Replace" => ReadReplace(section),
            string other => throw section.Unsupported("type", other,
                "'BertNormalizer', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'StripAccents', 'Replace', 'Sequence' or a null normalizer"),
        });
    }

    private static NormalizerStep ReadReplace(JsonSection section)
    {
        JsonElement pattern = section.Find("pattern") ?? throw section.Missing("pattern");
        JsonSection kind = section.Object("pattern", pattern);
        int[] content = Points(section.RequiredString("content"));
        if (kind.String("Regex") is { } expression)
        {
            return PatternStep.TryCreate(expression, content) ?? throw section.Wrong("pattern", pattern, PatternStep.Expected);
        }
        string text = kind.String("String")
            ?? throw section.Unsupported("pattern", pattern.GetRawText().ReplaceLineEndings(" "), "{\"String\": text}, {\"Regex\": expression}");
        if (text.Length == 0) { throw section.Wrong("pattern", pattern, "a text that is not empty"); }
        return new ReplaceStep(Points(text), content);
    }

    private static int[] Points(string text) => [.. new AlignedText(text, 0).Points];
}
