using System.Text.Json;

namespace MiniLM.Text;

/// <summary>Reads tokenizer.json; what it cannot do it refuses, naming field, value and what is supported.</summary>
internal static class TokenizerJson
{
    internal static TokenizerDefinition Read(byte[] bytes, string file)
    {
        TokenizerDefinition definition = new() { File = file, TokenBlock = new byte[bytes.Length], Tokens = new List<(int, int, int)>(bytes.Length / 16) };
        try
        {
            ReadRoot(bytes, definition);
        }
        catch (JsonException exception)
        {
            throw new TokenizerException($"{file}: not valid JSON: {exception.Message}", exception);
        }
        catch (InvalidOperationException exception)
        {
            // Utf8JsonReader says so of strings that are no text: broken UTF-8 or half of a surrogate pair.
            throw new TokenizerException($"{file}: a string is not valid Unicode: {exception.Message}", exception);
        }
        return definition;
    }

    private static void ReadRoot(ReadOnlySpan<byte> bytes, TokenizerDefinition definition)
    {
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) { bytes = bytes[3..]; }
        Utf8JsonReader reader = new(bytes);
        string file = definition.File;
        bool hasModel = false;
        bool hasPreTokenizer = false;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) { throw new TokenizerException($"{file}: not a JSON object."); }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == "model")
            {
                VocabularyReader.ReadModel(ref reader, definition);
                hasModel = true;
                continue;
            }
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            JsonElement value = document.RootElement;
            hasPreTokenizer |= name == "pre_tokenizer";
            ReadSection(name, new JsonSection(file, name, value), definition);
        }
        if (reader.Read()) { throw new TokenizerException($"{file}: something follows the JSON object."); }
        if (!hasModel) { throw new TokenizerException($"{file}: model is missing: this is not a tokenizer.json."); }
        if (!hasPreTokenizer) { throw new TokenizerException($"{file}: pre_tokenizer is missing; supported: 'BertPreTokenizer'."); }
    }

    private static void ReadSection(string name, JsonSection section, TokenizerDefinition definition)
    {
        bool isNull = section.Element.ValueKind == JsonValueKind.Null;
        switch (name)
        {
            case "added_tokens" when !isNull:
                ReadAddedTokens(section, definition);
                break;
            case "normalizer":
                definition.Normalizer = isNull ? Normalizer.None : NormalizerReader.Read(section);
                break;
            case "pre_tokenizer":
                definition.PreTokenizer = isNull ? throw section.Unsupported("type", "null", "'BertPreTokenizer'") : NormalizerReader.ReadPreTokenizer(section);
                break;
            case "post_processor":
                definition.PostProcessor = isNull ? PostProcessor.None : PostProcessorReader.Read(section);
                break;
            case "truncation" when !isNull:
                definition.FileOptions = FileOptionsReader.ReadTruncation(section, definition.FileOptions);
                definition.TruncationSide = definition.FileOptions.TruncationSide;
                break;
            case "padding" when !isNull:
                definition.FileOptions = FileOptionsReader.ReadPadding(section, definition.FileOptions);
                break;
            case "decoder" when !isNull && section.Type == "WordPiece":
                definition.CleanUpDecoded = section.Boolean("cleanup") ?? true;
                break;
            default:
                break;
        }
    }

    private static void ReadAddedTokens(JsonSection section, TokenizerDefinition definition)
    {
        if (section.Element.ValueKind != JsonValueKind.Array) { throw new TokenizerException($"{section.File}: added_tokens is not a list."); }
        definition.AddedTokens.Clear();
        int index = 0;
        foreach (JsonElement element in section.Element.EnumerateArray())
        {
            JsonSection token = section.Object($"[{index++}]", element);
            definition.AddedTokens.Add(ReadAddedToken(token, token.RequiredId("id"), token.Boolean("special") ?? false));
        }
    }

    /// <summary>A token's object, of this file or of tokenizer_config.json.</summary>
    internal static AddedToken ReadAddedToken(JsonSection token, int id, bool special) => new(id, token.RequiredString("content"),
        token.Boolean("single_word") ?? false, token.Boolean("lstrip") ?? false, token.Boolean("rstrip") ?? false,
        token.Boolean("normalized") ?? !special, special);
}
