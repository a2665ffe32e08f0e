using System.Text.Json;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Weights;

namespace MiniLM.Cli.Commands;

/// <summary>Reports of <see cref="InspectCommand"/> as one JSON object.</summary>
internal static class InspectJson
{
    internal static void WriteFile(TextWriter output, SafetensorsFile file, TensorReport[] tensors) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteString("kind", "safetensors");
        json.WriteString("path", file.Path);
        json.WriteNumber("header_bytes", file.HeaderBytes);
        json.WriteStartObject("metadata");
        foreach ((string name, string value) in file.Metadata) { json.WriteString(name, value); }
        json.WriteEndObject();
        WriteTensors(json, tensors);
        WriteChecks(json, tensors.Sum(report => report.NonFinite), null);
    });

    internal static void WriteIndex(TextWriter output, VectorIndex index, string? prompt, long nonFinite) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteString("kind", "index");
        json.WriteString("path", Path.GetFullPath(index.Folder));
        json.WriteNumber("version", VectorIndexHeader.CurrentVersion);
        json.WriteNumber("count", index.Count);
        json.WriteNumber("dimension", index.Dimension);
        json.WriteString("dtype", "F32");
        json.WriteString("model", index.Model);
        json.WriteString("model_hash", index.ModelHash);
        json.WriteString("prompt_name", prompt);
        json.WriteNumber("bytes", Directory.EnumerateFiles(index.Folder).Sum(file => new FileInfo(file).Length));
        WriteChecks(json, nonFinite, null);
    });

    internal static void WriteModel(TextWriter output, ModelFolder model, TensorReport[] tensors, VocabularyCheck vocabulary) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteString("kind", model.Kind == ModelKind.BiEncoder ? "bi-encoder" : "cross-encoder");
        json.WriteString("path", model.Path);
        json.WriteString("hash", model.Hash);
        json.WriteString("architecture", model.Network.Config.Architecture.ToString().ToLowerInvariant());
        json.WriteNumber("max_sequence_length", model.MaxSequenceLength);
        json.WriteNumber("output_size", model.OutputSize);
        json.WriteStrings("pooling", model.Kind == ModelKind.BiEncoder ? InspectText.Pooling(model) : []);
        json.WriteBoolean("pooling_defaulted", model.DefaultedPooling);
        json.WriteStrings("head", InspectText.Head(model));
        if (model.Kind == ModelKind.CrossEncoder)
        {
            json.WriteStrings("labels", model.Labels);
            json.WriteString("activation", model.ClassifierActivation.ToString().ToLowerInvariant());
            json.WriteBoolean("activation_stored", model.ActivationIsStored);
        }
        else { json.WriteString("similarity", model.SimilarityFunction.ToString().ToLowerInvariant()); }
        json.WriteStartObject("prompts");
        foreach ((string name, string prompt) in model.Prompts) { json.WriteString(name, prompt); }
        json.WriteEndObject();
        json.WriteString("default_prompt_name", model.DefaultPromptName);
        json.WriteBoolean("include_prompt", model.IncludePrompt);
        json.WritePropertyName("config");
        using (JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(model.TransformerPath, ModelConfig.FileName)))) { config.WriteTo(json); }
        json.WriteStrings("weight_files", model.WeightFiles.Select(file => Path.GetRelativePath(model.Path, file)));
        WriteTensors(json, tensors);
        WriteChecks(json, tensors.Sum(report => report.NonFinite), vocabulary);
    });

    private static void WriteTensors(Utf8JsonWriter json, TensorReport[] tensors)
    {
        json.WriteNumber("parameters", tensors.Where(report => report.IsWeight).Sum(report => report.Tensor.Count));
        json.WriteNumber("bytes", tensors.Sum(report => report.Tensor.LengthBytes));
        json.WriteStartObject("dtypes");
        foreach (IGrouping<ElementType, TensorReport> group in tensors.GroupBy(report => report.Tensor.ElementType))
        {
            json.WriteNumber(group.Key.FormatName(), group.Count());
        }
        json.WriteEndObject();
        json.WriteStartArray("tensors");
        foreach (TensorReport report in tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", report.Tensor.Name);
            json.WriteString("dtype", report.Tensor.ElementType.FormatName());
            json.WriteStartArray("shape");
            foreach (long size in report.Tensor.Shape) { json.WriteNumberValue(size); }
            json.WriteEndArray();
            json.WriteNumber("bytes", report.Tensor.LengthBytes);
            json.WriteString("file", report.Tensor.File);
            if (report.IsWeight)
            {
                json.WriteNumber("min", report.Minimum);
                json.WriteNumber("max", report.Maximum);
                json.WriteNumber("nan", report.Nan);
                json.WriteNumber("inf", report.Infinite);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteChecks(Utf8JsonWriter json, long nonFinite, VocabularyCheck? vocabulary)
    {
        json.WriteStartObject("checks");
        json.WriteBoolean("ok", nonFinite == 0 && vocabulary?.Problem is null);
        json.WriteNumber("non_finite", nonFinite);
        if (vocabulary is not null)
        {
            if (vocabulary.TokenizerSize is { } size) { json.WriteNumber("tokenizer_vocabulary", size); } else { json.WriteNull("tokenizer_vocabulary"); }
            json.WriteNumber("config_vocabulary", vocabulary.ConfigSize);
            json.WriteString("problem", vocabulary.Problem);
        }
        json.WriteEndObject();
    }
}
