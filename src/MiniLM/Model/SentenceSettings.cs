using System.Text.Json;

namespace MiniLM.Model;

/// <summary>How two embeddings are compared.</summary>
public enum SimilarityFunction
{
    /// <summary>Cosine of the angle; the default.</summary>
    Cosine,

    /// <summary>Dot product.</summary>
    Dot,

    /// <summary>Negative Euclidean distance.</summary>
    Euclidean,

    /// <summary>Negative Manhattan distance.</summary>
    Manhattan,
}

/// <summary>What sentence-transformers stores beside the modules: prompts, similarity, longest input.</summary>
internal static class SentenceSettings
{
    internal const string FileName = "config_sentence_transformers.json", BertFileName = "sentence_bert_config.json";

    /// <summary>sentence_bert_config.json (bi-encoders), else the tokenizer's model_max_length, never above what the positions allow.</summary>
    internal static int MaxSequenceLength(string folder, ModelKind kind, int maxTokens)
    {
        JsonFile? bert = kind == ModelKind.BiEncoder ? JsonFile.TryOpenObject(folder, BertFileName) : null;
        if (bert?.FindInteger("max_seq_length", 1, int.MaxValue) is { } length) { return Math.Min(length, maxTokens); }
        JsonFile? tokenizer = JsonFile.TryOpenObject(folder, "tokenizer_config.json");
        // 1e30 stands for "no limit"; transformers writes it as a long integer.
        return tokenizer?.Find("model_max_length") is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double most)
            && most >= 2 && most < maxTokens ? (int)most : maxTokens;
    }

    internal static (IReadOnlyDictionary<string, string> Prompts, string? Default) ReadPrompts(JsonFile? json)
    {
        Dictionary<string, string> prompts = new(StringComparer.Ordinal);
        if (json?.Find("prompts") is { } map)
        {
            if (map.ValueKind != JsonValueKind.Object) { throw json.Wrong("prompts", map, "an object of names and texts"); }
            foreach (JsonProperty prompt in map.EnumerateObject()) { prompts[prompt.Name] = json.String(prompt.Value, $"prompts.{prompt.Name}"); }
        }
        string? name = json?.FindString("default_prompt_name");
        return name is null || prompts.ContainsKey(name) ? (prompts, name)
            : throw new ModelFormatException($"{FileName}: default_prompt_name {Quoted.Text(name)} is not among the prompts. Fix {FileName}.");
    }

    internal static SimilarityFunction ReadSimilarity(JsonFile? json) => json?.FindString("similarity_fn_name") switch
    {
        null or "cosine" => SimilarityFunction.Cosine,
        "dot" => SimilarityFunction.Dot,
        "euclidean" => SimilarityFunction.Euclidean,
        "manhattan" => SimilarityFunction.Manhattan,
        string other => throw new ModelFormatException(
            $"{FileName}: similarity_fn_name {Quoted.Text(other)} is not supported. Use cosine, dot, euclidean or manhattan."),
    };
}
