using System.Text.Json;

namespace MiniLM.Text;

/// <summary>The "model" object of tokenizer.json, read token by token: 30,000 vocabulary entries go from the file's bytes into one block, without a string
/// each.</summary>
internal static class VocabularyReader
{
    /// <summary>Reader stands on the object's start and ends on its end.</summary>
    internal static void ReadModel(ref Utf8JsonReader reader, TokenizerDefinition definition)
    {
        string file = definition.File;
        if (reader.TokenType != JsonTokenType.StartObject) { throw new TokenizerException($"{file}: model is not an object."); }
        bool hasVocabulary = false;
        bool hasPrefix = false;
        string? type = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (name)
            {
                case "type":
                    type = Text(ref reader, file, "model.type");
                    RequireWordPiece(type, file);
                    break;
                case "unk_token":
                    definition.UnknownToken = Text(ref reader, file, "model.unk_token");
                    break;
                case "continuing_subword_prefix":
                    definition.ContinuingPrefix = Text(ref reader, file, "model.continuing_subword_prefix");
                    hasPrefix = true;
                    break;
                case "max_input_chars_per_word":
                    definition.MaxInputCharsPerWord = reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out ulong limit)
                        ? (int)Math.Min(limit, int.MaxValue)
                        : throw new TokenizerException($"{file}: model.max_input_chars_per_word is not a whole number from 0 on.");
                    break;
                case "vocab":
                    ReadVocabulary(ref reader, definition);
                    hasVocabulary = true;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (type is null && !hasPrefix) { RequireWordPiece("", file); }
        if (!hasVocabulary) { throw new TokenizerException($"{file}: model.vocab is missing."); }
    }

    private static void RequireWordPiece(string type, string file)
    {
        if (type != "WordPiece") { throw new TokenizerException($"{file}: model.type is '{type}'; supported: 'WordPiece'."); }
    }

    private static void ReadVocabulary(ref Utf8JsonReader reader, TokenizerDefinition definition)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new TokenizerException($"{definition.File}: model.vocab is not an object of token: id, which WordPiece needs.");
        }
        byte[] block = definition.TokenBlock;
        int used = 0;
        definition.Tokens.Clear();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            // The block is as long as the file and escapes only shrink, so every text fits.
            int length = reader.CopyString(block.AsSpan(used));
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id) || id is < 0 or > TokenizerDefinition.MaxId)
            {
                string token = System.Text.Encoding.UTF8.GetString(block, used, Math.Min(length, 40));
                throw new TokenizerException($"{definition.File}: model.vocab['{token}'] is not an id from 0 to {TokenizerDefinition.MaxId}.");
            }
            definition.Tokens.Add((used, length, id));
            used += length;
        }
    }

    private static string Text(ref Utf8JsonReader reader, string file, string field)
    {
        return reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new TokenizerException($"{file}: {field} is not a string.");
    }
}
