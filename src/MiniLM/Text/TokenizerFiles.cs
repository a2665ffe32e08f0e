using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Text;

/// <summary>Finds and reads the files of a tokenizer: tokenizer.json if there is one, else vocab.txt, with tokenizer_config.json.</summary>
internal static class TokenizerFiles
{
    private const string JsonName = "tokenizer.json";
    private const string VocabularyName = "vocab.txt";
    private const string ConfigName = "tokenizer_config.json";
    private const string ModelConfigName = "config.json";

    // Classes of transformers that build their tokenizer of their own settings, and take vocabulary, added tokens and template of tokenizer.json.
    private static readonly string[] BertClasses = ["BertTokenizer", "DistilBertTokenizer", "MPNetTokenizer"];

    internal static TokenizerDefinition Read(string path)
    {
        try
        {
            bool isFolder = Directory.Exists(path);
            if (isFolder)
            {
                string json = Path.Combine(path, JsonName);
                string vocabulary = Path.Combine(path, VocabularyName);
                path = File.Exists(json) ? json
                    : File.Exists(vocabulary) ? vocabulary
                    : throw new TokenizerException($"{path}: has neither {JsonName} nor {VocabularyName}.");
            }
            else if (!File.Exists(path))
            {
                throw new TokenizerException($"{path}: no such file or folder. Give a model folder, a {JsonName} or a {VocabularyName}.");
            }
            byte[] bytes = ReadFile(path);
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            bool isJson = Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase);
            TokenizerDefinition definition = isJson ? TokenizerJson.Read(bytes, path) : ReadVocabularyText(bytes, path);
            JsonSection? config = TryRead(folder, ConfigName);
            if (config is { } given) { ReadLengths(given, definition); }
            // A vocabulary that is read by name of its file keeps the settings of the folder that it lies in; of a tokenizer.json the file alone counts.
            JsonSection? special = isFolder || !isJson ? AddedTokenFiles.SpecialMap(config, folder) : null;
            if (!isJson) { ReadSettings(config, special, definition); }
            if (isFolder) { AddedTokenFiles.Read(config, special, folder, definition); }
            if (isFolder && isJson && BertClasses.Contains(ClassName(config, folder)))
            {
                definition.Normalizer = new Normalizer(BertSettings(config));
                definition.PreTokenizer = PreTokenizer.Bert;
                (definition.ContinuingPrefix, definition.MaxInputCharsPerWord) = (TokenizerDefinition.UsualPrefix, TokenizerDefinition.UsualMostChars);
            }
            return definition;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new TokenizerException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    private static byte[] ReadFile(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        return GitLfs.IsPointer(bytes) ? throw new TokenizerException($"{path}: {GitLfs.Remedy}") : bytes;
    }

    /// <summary>The class that transformers makes of a folder, by its tokenizer's settings, else by its model; a fast one has the name of the other.</summary>
    private static string? ClassName(JsonSection? config, string folder)
    {
        JsonSection? model = config?.String("tokenizer_class") is null ? TryRead(folder, ModelConfigName) : null;
        string? name = config?.String("tokenizer_class") ?? model?.String("tokenizer_class") ?? model?.String("model_type") switch
        {
            "bert" => BertClasses[0],
            "distilbert" => BertClasses[1],
            "mpnet" => BertClasses[2],
            _ => null,
        };
        return name is not null && name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^4] : name;
    }

    /// <summary>A file of the folder that is a JSON object; null: there is none.</summary>
    internal static JsonSection? TryRead(string folder, string name)
    {
        string file = Path.Combine(folder, name);
        if (!File.Exists(file)) { return null; }
        byte[] bytes = ReadFile(file);
        try
        {
            using JsonDocument document = UnicodeJson.Parse(bytes.AsMemory(bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? 3 : 0));
            return new JsonSection(file, "", document.RootElement.Clone());
        }
        catch (JsonException exception)
        {
            throw new TokenizerException($"{file}: not valid JSON: {exception.Message}", exception);
        }
    }

    /// <summary>One token a line, split at LF only (U+2028 is a token of Chinese vocabularies) and never trimmed; CR is dropped if every line has it.</summary>
    private static TokenizerDefinition ReadVocabularyText(byte[] bytes, string file)
    {
        List<(int Offset, int Length, int Id)> tokens = new(bytes.Length / 8);
        ReadOnlySpan<byte> text = bytes;
        int lineFeeds = text.Count((byte)'\n');
        bool carriageReturns = lineFeeds > 0 && text.Count("\r\n"u8) == lineFeeds;
        for (int start = 0; start < bytes.Length;)
        {
            int length = text[start..].IndexOf((byte)'\n');
            int next = length < 0 ? bytes.Length : start + length + 1;
            int end = length < 0 ? bytes.Length : start + length;
            if (carriageReturns && length >= 0) { end--; }
            tokens.Add((start, end - start, tokens.Count));
            start = next;
        }
        if (tokens.Count > TokenizerDefinition.MaxId)
        {
            throw new TokenizerException($"{file}: {tokens.Count} lines; a vocabulary has at most {TokenizerDefinition.MaxId}.");
        }
        return new TokenizerDefinition { File = file, TokenBlock = bytes, Tokens = tokens };
    }

    private static void ReadLengths(JsonSection config, TokenizerDefinition definition)
    {
        // 1e30 stands for "no limit".
        if (config.Find("model_max_length") is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out double length)
            && length is >= 1 and <= 1e6)
        {
            definition.ModelMaxLength = (int)length;
        }
        definition.PadToken = SpecialToken(config, "pad_token");
        definition.TruncationSide = config.String("truncation_side") switch
        {
            null => definition.TruncationSide,
            "right" => SequenceSide.Right,
            "left" => SequenceSide.Left,
            { } other => throw config.Unsupported("truncation_side", other, "'left', 'right'"),
        };
    }

    private static BertNormalizer BertSettings(JsonSection? config)
    {
        bool lowercase = config?.Boolean("do_lower_case") ?? true;
        return new BertNormalizer(true, config?.Boolean("tokenize_chinese_chars") ?? true, config?.Boolean("strip_accents") ?? lowercase, lowercase);
    }

    private static void ReadSettings(JsonSection? config, JsonSection? special, TokenizerDefinition definition)
    {
        if (config?.Boolean("do_basic_tokenize") == false) { throw config.Value.Unsupported("do_basic_tokenize", "false", "true"); }
        definition.Normalizer = new Normalizer(BertSettings(config));
        string Special(string name, string fallback) =>
            (special is { } map ? SpecialToken(map, name) : null) ?? (config is { } section ? SpecialToken(section, name) : null) ?? fallback;
        definition.UnknownToken = Special("unk_token", "[UNK]");
        definition.PadToken = Special("pad_token", "[PAD]");
        definition.BertTemplate = (Special("cls_token", "[CLS]"), Special("sep_token", "[SEP]"));
        definition.SpecialTokens.AddRange([definition.PadToken, definition.UnknownToken, definition.BertTemplate.Value.Cls,
            definition.BertTemplate.Value.Sep, Special("mask_token", "[MASK]")]);
    }

    /// <summary>A string, or an object with "content".</summary>
    internal static string? SpecialToken(JsonSection config, string name)
    {
        return config.Find(name) is { ValueKind: JsonValueKind.Object } value ? config.Object(name, value).RequiredString("content") : config.String(name);
    }
}
