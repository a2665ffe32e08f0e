using System.Globalization;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Model;

/// <summary>The config.json of an encoder as that of a plain encoder or of a classifier; keys that have nothing to do with it are kept as they are.</summary>
internal static class NewConfig
{
    // Of a task before.
    private static readonly string[] Replaced = ["architectures", "id2label", "label2id", "num_labels", "problem_type", "sentence_transformers",
        "sbert_ce_default_activation_function"];

    /// <param name="config">What is kept of it.</param>
    /// <param name="labels">Of a classifier; null: a plain encoder.</param>
    internal static byte[] Write(ModelConfig config, int? labels)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, IndentedJson.Options))
        {
            json.WriteStartObject();
            json.WriteStartArray("architectures");
            json.WriteStringValue(EncoderNames.ClassName(config.Encoder.Architecture) + (labels is null ? "Model" : "ForSequenceClassification"));
            json.WriteEndArray();
            foreach (JsonProperty property in config.Json.Root.EnumerateObject().Where(property => !Replaced.Contains(property.Name, StringComparer.Ordinal)))
            {
                property.WriteTo(json);
            }
            WriteAbsent(json, config, config.Keys.HiddenDropout, config.Encoder.HiddenDropout);
            WriteAbsent(json, config, config.Keys.AttentionDropout, config.Encoder.AttentionDropout);
            WriteAbsent(json, config, ModelConfig.InitializerRangeKey, (float)config.InitializerRange);
            if (labels is { } count) { WriteLabels(json, config, count); }
            json.WriteEndObject();
        }
        return bytes.ToArray();
    }

    // What training goes by is written down, also where it is the default.
    private static void WriteAbsent(Utf8JsonWriter json, ModelConfig config, string key, float value)
    {
        if (!config.Json.Root.TryGetProperty(key, out _)) { json.WriteNumber(key, value); }
    }

    private static void WriteLabels(Utf8JsonWriter json, ModelConfig config, int count)
    {
        string[] labels = config.Labels.Length == count ? config.Labels : ModelConfig.NumberedLabels(count);
        json.WriteStartObject("id2label");
        for (int i = 0; i < count; i++) { json.WriteString(i.ToString(CultureInfo.InvariantCulture), labels[i]); }
        json.WriteEndObject();
        json.WriteStartObject("label2id");
        for (int i = 0; i < count; i++) { json.WriteNumber(labels[i], i); }
        json.WriteEndObject();
        json.WriteStartObject("sentence_transformers");
        json.WriteString("activation_fn", ClassifierActivations.StoredName(count));
        json.WriteEndObject();
    }
}
