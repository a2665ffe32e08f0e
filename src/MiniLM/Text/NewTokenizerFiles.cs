using System.Buffers;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Text;

/// <summary>The tokenizer files of a new BERT-style model, made of a vocabulary: those that Hugging Face's libraries of any age look for.</summary>
internal static class NewTokenizerFiles
{
    /// <summary>Files by name: tokenizer.json, tokenizer_config.json, special_tokens_map.json and the vocabulary itself.</summary>
    /// <param name="path">vocab.txt; a tokenizer_config.json beside it says whether case and accents are kept, and what the special tokens are.</param>
    /// <param name="maxLength">model_max_length: the longest input in tokens.</param>
    /// <param name="tokenizer">What the files will be read as.</param>
    /// <exception cref="TokenizerException">It is no vocabulary, or lacks a special token.</exception>
    internal static Dictionary<string, byte[]> Make(string path, int maxLength, out WordPieceTokenizer tokenizer)
    {
        if (Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase) || Directory.Exists(path))
        {
            throw new TokenizerException($"{path}: is no list of tokens. Give a vocab.txt, one token a line.");
        }
        TokenizerDefinition definition = TokenizerFiles.Read(path);
        if (!System.Text.Unicode.Utf8.IsValid(definition.TokenBlock)) { throw new TokenizerException($"{path}: not UTF-8. Save the file as UTF-8."); }
        WordPieceTokenizer read = tokenizer = WordPieceTokenizer.Load(path);
        (string Name, string Token)[] special = [("unk_token", definition.UnknownToken), ("sep_token", definition.BertTemplate!.Value.Sep),
            ("pad_token", definition.PadToken!), ("cls_token", definition.BertTemplate!.Value.Cls), ("mask_token", definition.SpecialTokens[^1])];
        foreach ((string name, string token) in special)
        {
            if (read.TokenToId(token) is null) { throw new TokenizerException($"{path}: {name} '{token}' is not in the vocabulary. Add it."); }
        }
        return new()
        {
            ["vocab.txt"] = definition.TokenBlock,
            ["tokenizer.json"] = Json(json => WriteTokenizer(json, definition, read), indented: false),
            ["special_tokens_map.json"] = Json(json => WriteStrings(json, special), indented: true),
            ["tokenizer_config.json"] = Json(json =>
            {
                WriteStrings(json, special);
                json.WriteBoolean("do_lower_case", definition.Normalizer.Bert.Lowercase);
                WriteStripAccents(json, definition.Normalizer.Bert);
                json.WriteBoolean("tokenize_chinese_chars", definition.Normalizer.Bert.HandleChineseChars);
                json.WriteNumber("model_max_length", maxLength);
                json.WriteString("tokenizer_class", "BertTokenizer");
            }, indented: true),
        };
    }

    private static byte[] Json(Action<Utf8JsonWriter> members, bool indented)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, IndentedJson.Options with { Indented = indented }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        return bytes.WrittenSpan.ToArray();
    }

    private static void WriteStrings(Utf8JsonWriter json, IEnumerable<(string Name, string Token)> values)
    {
        foreach ((string name, string token) in values) { json.WriteString(name, token); }
    }

    // null: as the case, which is what transformers writes unless it is told otherwise.
    private static void WriteStripAccents(Utf8JsonWriter json, BertNormalizer normalizer)
    {
        if (normalizer.StripAccents == normalizer.Lowercase) { json.WriteNull("strip_accents"); }
        else { json.WriteBoolean("strip_accents", normalizer.StripAccents); }
    }

    private static void WriteTokenizer(Utf8JsonWriter json, TokenizerDefinition definition, WordPieceTokenizer tokenizer)
    {
        (string cls, string sep) = definition.BertTemplate!.Value;
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach (string token in definition.SpecialTokens.Distinct().OrderBy(token => tokenizer.TokenToId(token))) { WriteAdded(json, token, tokenizer); }
        json.WriteEndArray();
        json.WriteStartObject("normalizer");
        json.WriteString("type", "BertNormalizer");
        json.WriteBoolean("clean_text", definition.Normalizer.Bert.CleanText);
        json.WriteBoolean("handle_chinese_chars", definition.Normalizer.Bert.HandleChineseChars);
        WriteStripAccents(json, definition.Normalizer.Bert);
        json.WriteBoolean("lowercase", definition.Normalizer.Bert.Lowercase);
        json.WriteEndObject();
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "BertPreTokenizer");
        json.WriteEndObject();
        WriteTemplate(json, cls, sep, tokenizer);
        json.WriteStartObject("decoder");
        json.WriteString("type", "WordPiece");
        json.WriteString("prefix", definition.ContinuingPrefix);
        json.WriteBoolean("cleanup", true);
        json.WriteEndObject();
        WriteModel(json, definition, tokenizer);
    }

    private static void WriteAdded(Utf8JsonWriter json, string token, WordPieceTokenizer tokenizer)
    {
        json.WriteStartObject();
        json.WriteNumber("id", tokenizer.TokenToId(token)!.Value);
        json.WriteString("content", token);
        foreach (string name in new[] { "single_word", "lstrip", "rstrip", "normalized" }) { json.WriteBoolean(name, false); }
        json.WriteBoolean("special", true);
        json.WriteEndObject();
    }

    // [CLS] a [SEP], and [CLS] a [SEP] b [SEP] with types 0 ... 0 1 ... 1.
    private static void WriteTemplate(Utf8JsonWriter json, string cls, string sep, WordPieceTokenizer tokenizer)
    {
        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        Pieces("single", [(cls, 0), ("A", 0), (sep, 0)]);
        Pieces("pair", [(cls, 0), ("A", 0), (sep, 0), ("B", 1), (sep, 1)]);
        json.WriteStartObject("special_tokens");
        foreach (string token in new[] { cls, sep })
        {
            json.WriteStartObject(token);
            json.WriteString("id", token);
            json.WriteStartArray("ids");
            json.WriteNumberValue(tokenizer.TokenToId(token)!.Value);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(token);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();

        void Pieces(string name, (string Id, int Type)[] pieces)
        {
            json.WriteStartArray(name);
            foreach ((string id, int type) in pieces)
            {
                json.WriteStartObject();
                json.WriteStartObject(id is "A" or "B" ? "Sequence" : "SpecialToken");
                json.WriteString("id", id);
                json.WriteNumber("type_id", type);
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
    }

    private static void WriteModel(Utf8JsonWriter json, TokenizerDefinition definition, WordPieceTokenizer tokenizer)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "WordPiece");
        json.WriteString("unk_token", definition.UnknownToken);
        json.WriteString("continuing_subword_prefix", definition.ContinuingPrefix);
        json.WriteNumber("max_input_chars_per_word", definition.MaxInputCharsPerWord);
        json.WriteStartObject("vocab");
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            string token = tokenizer.IdToToken(id);
            if (tokenizer.TokenToId(token) == id) { json.WriteNumber(token, id); } // a line that is there twice counts once
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
