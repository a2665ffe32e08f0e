using System.Globalization;
using MiniLM.Data;
using MiniLM.Ranking;
using MiniLM.Training;
using MiniLM.Training.Records;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>What <see cref="ModelFolderWriter"/> changes on the way.</summary>
internal sealed record ModelFolderOptions
{
    /// <summary>Values in the place of a tensor's of the files: weights that were trained. Null, or null for a tensor: the file's.</summary>
    internal Func<Tensor, Tensor?>? Values { get; init; }

    /// <summary>F32, F16 or BF16 for all weights; null keeps each as it is.</summary>
    internal ElementType? ElementType { get; init; }

    /// <summary>Data bytes of one weight file; more are cut into shards.</summary>
    internal long MaxShardBytes { get; init; } = long.MaxValue;

    /// <summary>Write LayerNorm.weight and .bias for gamma and beta, and leave out an encoder's prefix (a classifier keeps it).</summary>
    internal bool ModernNames { get; init; }

    /// <summary>The encoder's layers that are kept, which are numbered anew; null: all.</summary>
    internal KeptLayers? Layers { get; init; }

    /// <summary>Longest input in tokens, where the folder has a limit; null: as it is.</summary>
    internal int? MaxLength { get; init; }

    /// <summary>Told the bytes of each tensor that was written; null: nobody.</summary>
    internal Action<long>? Wrote { get; init; }

    /// <summary>Replace an existing folder.</summary>
    internal bool Overwrite { get; init; }

    /// <summary>A tensor as it is written.</summary>
    internal StoredTensor Stored(string name, Tensor tensor)
    {
        Tensor values = Values?.Invoke(tensor) ?? tensor;
        return new StoredTensor(name, values, values.ElementType.IsWeight() ? ElementType ?? values.ElementType : values.ElementType);
    }
}

/// <summary>Writes an opened model folder again, with other values or fewer layers where asked: all other tensors kept, side files byte for byte.</summary>
internal static class ModelFolderWriter
{
    internal static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    // The same weights in formats that would still hold the old type.
    private static readonly string[] OtherWeights = [".bin", ".h5", ".msgpack", ".ot", ".onnx", ".pt", ".pth", ".ckpt", ".gguf", ".partial"];
    private static readonly string[] OtherFolders = ["onnx", "openvino", ".git", ".cache"];

    /// <summary>Builds beside the target and renames when all is on the disk; a failure leaves nothing.</summary>
    /// <exception cref="ModelFormatException">The folder exists already, or a value does not fit the element type.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    /// <exception cref="ObjectDisposedException">The folder that is read.</exception>
    internal static void Write(ModelFolder model, string output, ModelFolderOptions options, CancellationToken cancellation = default)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        CheckTarget(model.Path, target, options.Overwrite);
        using TensorFiles files = Hold(model);
        using PartialFolder partial = new(target);
        Fill(model, partial.Path, options, cancellation);
        CheckTarget(model.Path, target, options.Overwrite); // what came meanwhile is not replaced either
        partial.Complete();
    }

    /// <summary>Keeps the weights of a folder mapped until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    internal static TensorFiles Hold(ModelFolder model) => new(model.WeightSets.SelectMany(set => set.Files).SelectMany(file => file.Tensors));

    /// <summary>The files of the folder, into one that is being built; its weights are held by the caller.</summary>
    /// <inheritdoc cref="Write"/>
    internal static void Fill(ModelFolder model, string folder, ModelFolderOptions options, CancellationToken cancellation = default)
    {
        foreach (WeightSet set in model.WeightSets) { WriteWeights(model, set, folder, options, cancellation); }
        CopySideFiles(model, folder, options, cancellation);
    }

    /// <summary>Refuses a folder that must not be replaced.</summary>
    /// <param name="source">The model that is read; null: none.</param>
    /// <param name="target">Full path of the folder to be.</param>
    /// <param name="overwrite">Whether a model that is there may be replaced.</param>
    internal static void CheckTarget(string? source, string target, bool overwrite)
    {
        if (source is not null && (FileStatus.IsWithin(target, source) || FileStatus.IsWithin(source, target)))
        {
            throw new ModelFormatException($"{target}: is, or lies around or inside, the model that is read. Give another output folder.");
        }
        if (File.Exists(target)) { throw new ModelFormatException($"{target}: is a file. Give the name of a folder."); }
        if (!Directory.Exists(target)) { return; }
        if (!overwrite) { throw new ModelFormatException($"{target}: exists. Use --overwrite to replace it."); }
        // Only a model is ever replaced: a slip in the name must not cost a folder of something else.
        if (Directory.EnumerateFileSystemEntries(target).Any() && !File.Exists(Path.Combine(target, "config.json"))
            && !File.Exists(Path.Combine(target, "modules.json")))
        {
            throw new ModelFormatException($"{target}: is not a model folder, so it is not overwritten. Give another output folder or remove it yourself.");
        }
    }

    private static void WriteWeights(ModelFolder model, WeightSet set, string partial, ModelFolderOptions options, CancellationToken cancellation)
    {
        string folder = Path.Combine(partial, set.Folder);
        Directory.CreateDirectory(folder);
        SafetensorsShards.Write(folder, Stored(model, set, options), Metadata, options.MaxShardBytes, cancellation, options.Wrote);
    }

    /// <summary>What <see cref="ModelFolderOptions.Wrote"/> is told in all.</summary>
    internal static long Bytes(ModelFolder model, ModelFolderOptions options) =>
        model.WeightSets.SelectMany(set => Stored(model, set, options)).Sum(tensor => tensor.LengthBytes);

    private static List<StoredTensor> Stored(ModelFolder model, WeightSet set, ModelFolderOptions options)
    {
        bool encoder = set == model.WeightSets[0];
        string prefix = encoder && model.Kind == ModelKind.BiEncoder ? EncoderNames.Prefix(model.Network.Config.Architecture) : "";
        List<StoredTensor> tensors = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (Tensor tensor in set.Files.SelectMany(file => file.Tensors))
        {
            string? kept = encoder && options.Layers is { } layers ? layers.Name(tensor.Name) : tensor.Name;
            if (kept is null) { continue; }
            string name = options.ModernNames ? ModernName(kept, prefix) : kept;
            if (!names.Add(name))
            {
                throw new ModelFormatException($"{tensor.File}: tensor {Quoted.Text(tensor.Name)} "
                    + $"would be renamed to {Quoted.Text(name)}, which exists. Convert without renaming.");
            }
            tensors.Add(options.Stored(name, tensor));
        }
        return tensors;
    }

    // What they say is of the weights that were there before.
    private static readonly string[] OfWeights =
        [CalibrationFile.FileName, ModelCard.FileName, "data_config.json", "train_script.py", "train_results.json", "eval_results.json"];

    private static string ModernName(string name, string prefix)
    {
        if (name.EndsWith("LayerNorm.gamma", StringComparison.Ordinal)) { name = name[..^5] + "weight"; }
        if (name.EndsWith("LayerNorm.beta", StringComparison.Ordinal)) { name = name[..^4] + "bias"; }
        return name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
    }

    private static void CopySideFiles(ModelFolder model, string partial, ModelFolderOptions options, CancellationToken cancellation)
    {
        HashSet<string> weights = [.. model.WeightFiles];
        foreach (WeightSet set in model.WeightSets) { weights.Add(Path.GetFullPath(Path.Combine(model.Path, set.Folder, SafetensorsIndex.FileName))); }
        string config = Path.Combine(model.TransformerPath, ModelConfig.FileName);
        (string limits, string key) = Limits(model);
        foreach (string file in Directory.EnumerateFiles(model.Path, "*", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(model.Path, file);
            bool left = weights.Contains(file) || OtherWeights.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)
                || OtherFolders.Contains(relative.Split(Path.DirectorySeparatorChar)[0], StringComparer.Ordinal)
                || relative.EndsWith(".bin.index.json", StringComparison.Ordinal)
                || TrainingFiles.Has(relative)
                || (options.Values is not null && OfWeights.Contains(relative));
            if (left) { continue; }
            string to = Path.Combine(partial, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            byte[] bytes = File.ReadAllBytes(file); // follows a cache's link; a copy of the link would point nowhere
            WriteFlushed(to, file == config ? Config(model, bytes, options) : file == limits && options.MaxLength is { } most ? WithLength(bytes, key, most)
                : bytes, cancellation);
        }
        if (options.MaxLength is { } length && !File.Exists(limits))
        {
            WriteFlushed(Path.Combine(partial, Path.GetRelativePath(model.Path, limits)), WithLength([.. "{}"u8], key, length), cancellation);
        }
    }

    // Where sentence-transformers looks for the limit: of a bi-encoder beside the transformer, of other models with the tokenizer.
    private static (string File, string Key) Limits(ModelFolder model)
    {
        if (model.Kind != ModelKind.BiEncoder || model.DefaultedPooling)
        {
            return (Path.Combine(model.TransformerPath, "tokenizer_config.json"), "model_max_length");
        }
        string[] files = [.. SentenceSettings.TransformerFileNames.Select(name => Path.Combine(model.TransformerPath, name))];
        return (files.FirstOrDefault(File.Exists) ?? files[0], "max_seq_length");
    }

    private static byte[] WithLength(byte[] bytes, string key, int length)
    {
        string value = length.ToString(CultureInfo.InvariantCulture);
        return ConfigValue.Replace(bytes, value, key) ?? ConfigValue.Add(bytes, value, key);
    }

    private static byte[] Config(ModelFolder model, byte[] config, ModelFolderOptions options)
    {
        if (options.Layers is { } layers) { config = layers.Config(config); }
        return options.ElementType is { } type ? WithDtype(model, config, type) : config;
    }

    private static byte[] WithDtype(ModelFolder model, byte[] config, ElementType type)
    {
        bool changed = model.Tensors.Any(tensor => tensor.ElementType.IsWeight() && tensor.ElementType != type);
        return ConfigDtype.Set(config, ConfigDtype.Name(type), addWhenAbsent: changed);
    }

    internal static void WriteFlushed(string path, byte[] bytes, CancellationToken cancellation)
    {
        using PartialFile stream = PartialFile.Create(path, cancellation);
        stream.Write(bytes);
        stream.Flush(flushToDisk: true);
    }
}
