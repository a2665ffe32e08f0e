using System.Buffers;
using System.Text.Json;
using MiniLM.Data;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>Writes an initialised model as a folder that transformers and sentence-transformers open.</summary>
internal static class NewModelFolder
{
    // The generation whose names are written: every later one reads them.
    private const string SentenceTransformers = "3.0.0";

    private static readonly string[] TokenizerNames =
        ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json", "added_tokens.json"];

    /// <summary>The tokenizer files of a model's folder, by name.</summary>
    internal static Dictionary<string, byte[]> TokenizerFiles(ModelFolder model) =>
        TokenizerNames.Select(name => (Name: name, Path: Path.Combine(model.TransformerPath, name))).Where(file => File.Exists(file.Path))
            .ToDictionary(file => file.Name, file => File.ReadAllBytes(file.Path));

    /// <summary>Builds beside the target and renames when all is on the disk; a failure leaves nothing.</summary>
    /// <param name="model">What is written.</param>
    /// <param name="tokenizer">Its tokenizer's files by name.</param>
    /// <param name="source">The folder that it was made of, which is not replaced; null: none.</param>
    /// <param name="output">The folder to be.</param>
    /// <param name="options">Its names are those of today, whatever <see cref="ModelFolderOptions.ModernNames"/> says.</param>
    /// <param name="cancellation">Looked at before each write.</param>
    /// <exception cref="ModelFormatException">The folder exists already, or a value does not fit the element type.</exception>
    internal static void Write(InitializedModel model, IReadOnlyDictionary<string, byte[]> tokenizer, string? source, string output,
        ModelFolderOptions options, CancellationToken cancellation = default)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        ModelFolderWriter.CheckTarget(source, target, options.Overwrite);
        using TensorFiles files = new(model.Tensors.Select(tensor => tensor.Source));
        using PartialFolder partial = new(target);
        WriteFiles(model, tokenizer, partial.Path, options, cancellation);
        ModelFolderWriter.CheckTarget(source, target, options.Overwrite); // what came meanwhile is not replaced either
        partial.Complete();
    }

    /// <summary>Writes the files into a folder that is there.</summary>
    internal static void WriteFiles(InitializedModel model, IReadOnlyDictionary<string, byte[]> tokenizer, string folder, ModelFolderOptions options,
        CancellationToken cancellation = default)
    {
        List<StoredTensor> tensors = [.. model.Tensors.Select(tensor => options.Stored(tensor.Name, tensor.Source))];
        SafetensorsShards.Write(folder, tensors, ModelFolderWriter.Metadata, options.MaxShardBytes, cancellation);
        Put(ModelConfig.FileName, options.ElementType is { } type
            ? ConfigDtype.Set(model.ConfigJson, ConfigDtype.Name(type), addWhenAbsent: true) : model.ConfigJson);
        foreach ((string name, byte[] bytes) in tokenizer) { Put(name, bytes); }
        Put(SentenceSettings.FileName, Json(json => WriteSettings(json, model.Config)));
        if (model.Config.IsClassifier) { return; }
        Put(SentenceModules.FileName, Modules());
        Put("1_Pooling/config.json", Json(json => WritePooling(json, model.Config.Encoder.HiddenSize)));
        Put(SentenceSettings.BertFileName, Json(json =>
        {
            json.WriteNumber("max_seq_length", model.Config.Encoder.MaxTokens);
            json.WriteBoolean("do_lower_case", false); // the tokenizer's affair
        }));

        void Put(string name, byte[] bytes)
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            ModelFolderWriter.WriteFlushed(path, bytes, cancellation);
        }
    }

    private static void WriteSettings(Utf8JsonWriter json, ModelConfig config)
    {
        json.WriteStartObject("__version__");
        json.WriteString("sentence_transformers", SentenceTransformers);
        json.WriteEndObject();
        if (config.IsClassifier)
        {
            json.WriteString("model_type", "CrossEncoder");
            json.WriteString("activation_fn", ClassifierActivations.StoredName(config.Labels.Length));
            return;
        }
        json.WriteString("model_type", "SentenceTransformer");
        json.WriteStartObject("prompts");
        json.WriteEndObject();
        json.WriteNull("default_prompt_name");
        json.WriteString("similarity_fn_name", "cosine");
    }

    private static byte[] Modules()
    {
        return Bytes(json =>
        {
            json.WriteStartArray();
            string[] types = ["Transformer", "Pooling", "Normalize"];
            for (int i = 0; i < types.Length; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("idx", i);
                json.WriteString("name", $"{i}");
                json.WriteString("path", i == 0 ? "" : $"{i}_{types[i]}");
                json.WriteString("type", $"sentence_transformers.models.{types[i]}");
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }

    private static void WritePooling(Utf8JsonWriter json, int width)
    {
        json.WriteNumber("word_embedding_dimension", width);
        foreach (string mode in new[] { "cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken" })
        {
            json.WriteBoolean($"pooling_mode_{mode}", mode == "mean_tokens");
        }
        json.WriteBoolean("include_prompt", true);
    }

    private static byte[] Json(Action<Utf8JsonWriter> members) => Bytes(json =>
    {
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    });

    private static byte[] Bytes(Action<Utf8JsonWriter> value)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, IndentedJson.Options)) { value(json); }
        return bytes.WrittenSpan.ToArray();
    }
}
