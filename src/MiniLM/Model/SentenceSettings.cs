using System.Text.Json;

namespace MiniLM.Model;

/// <summary>What sentence-transformers stores beside the modules: prompts, similarity, longest input.</summary>
internal static class SentenceSettings
{
    internal const string FileName = "config_sentence_transformers.json", BertFileName = "sentence_bert_config.json";

    /// <summary>What the Transformer module's settings are called, after the encoder of the time; the first that says anything holds.</summary>
    internal static readonly string[] TransformerFileNames =
    [
        BertFileName, "sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_camembert_config.json", "sentence_albert_config.json",
        "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json",
    ];

    /// <summary>The Transformer module's settings; null: there are none.</summary>
    internal static JsonFile? OpenTransformer(string folder)
    {
        foreach (string name in TransformerFileNames)
        {
            if (JsonFile.TryOpenObject(folder, name) is { } file && file.Root.GetPropertyCount() > 0) { return file; }
        }
        return null;
    }

    /// <summary>What the module gives its tokenizer, else its max_seq_length, else the tokenizer's model_max_length; never above what the positions
    /// allow.</summary>
    internal static int MaxSequenceLength(JsonFile? transformer, string folder, int maxTokens)
    {
        JsonElement? arguments = transformer?.Find("tokenizer_args") ?? transformer?.Find("processor_kwargs");
        int? length = (arguments is { } given ? Limit(given, maxTokens) : null)
            ?? (transformer?.FindInteger("max_seq_length", 1, int.MaxValue) is { } most ? Math.Min(most, maxTokens) : null);
        return length ?? (JsonFile.TryOpenObject(folder, "tokenizer_config.json") is { } tokenizer ? Limit(tokenizer.Root, maxTokens) : null) ?? maxTokens;
    }

    // 1e30 stands for "no limit"; transformers writes it as a long integer.
    private static int? Limit(JsonElement arguments, int maxTokens) =>
        JsonFile.Find(arguments, "model_max_length") is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double most) && most >= 2
            ? (int)Math.Min(most, maxTokens) : null;

    internal static (IReadOnlyDictionary<string, string> Prompts, string? Default) ReadPrompts(JsonFile? json)
    {
        Dictionary<string, string> prompts = new(StringComparer.Ordinal);
        if (json?.Find("prompts") is { } map)
        {
            if (map.ValueKind != JsonValueKind.Object) { throw json.Wrong("prompts", map, "an object of names and texts"); }
            foreach (JsonProperty prompt in map.EnumerateObject())
            {
                prompts[prompt.Name] = prompt.Value.ValueKind == JsonValueKind.Null ? "" : json.String(prompt.Value, $"prompts.{prompt.Name}");
            }
        }
        string? name = json?.FindString("default_prompt_name");
        return name is null || prompts.ContainsKey(name) ? (prompts, name)
            : throw new ModelFormatException($"{FileName}: default_prompt_name {Quoted.Text(name)} is not among the prompts. Fix {FileName}.");
    }

    internal static SimilarityFunction ReadSimilarity(JsonFile? json) => json?.FindString("similarity_fn_name") is not { } name ? SimilarityFunction.Cosine
        : SimilarityNames.Find(name) ?? throw new ModelFormatException(
            $"{FileName}: similarity_fn_name {Quoted.Text(name)} is not supported. Use one of {string.Join(", ", SimilarityNames.All)}.");

    /// <summary>How many of an embedding's first values are kept; null: all.</summary>
    internal static int? ReadTruncateDim(JsonFile? json) => json?.FindInteger("truncate_dim", 1, int.MaxValue);
}
