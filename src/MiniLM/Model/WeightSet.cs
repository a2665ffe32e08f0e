using System.Globalization;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>A size that a weight must have and the config keys that say so.</summary>
internal readonly record struct Dimension(long Size, string Key);

/// <summary>The weight files of one folder, and tensors of them by name, checked against the config.</summary>
internal sealed class WeightSet : TensorSource, IDisposable
{
    private const string SingleFile = "model.safetensors";

    private readonly string _configName;
    private readonly string[] _prefixes;
    private readonly Dictionary<string, Tensor> _byName = new(StringComparer.Ordinal);

    /// <summary>What messages call the weights: the file, or the index of the shards.</summary>
    internal string Name { get; }

    /// <summary>Where the files lie, relative to the model folder; empty for itself.</summary>
    internal string Folder { get; }

    internal IReadOnlyList<SafetensorsFile> Files { get; }

    /// <summary>Opens the single file or the shards of <paramref name="root"/>/<paramref name="folder"/>.</summary>
    /// <param name="root">The model folder.</param>
    /// <param name="folder">Relative to it; empty for itself.</param>
    /// <param name="configName">The config that says the shapes, for messages.</param>
    /// <param name="prefixes">What may stand before a tensor's name.</param>
    internal WeightSet(string root, string folder, string configName, params string[] prefixes)
    {
        _configName = configName;
        Folder = folder;
        _prefixes = ["", .. prefixes];
        string path = Path.Combine(root, folder), single = Path.Combine(path, SingleFile), index = Path.Combine(path, SafetensorsIndex.FileName);
        if (File.Exists(single))
        {
            Name = Display(folder, SingleFile);
            Files = [new SafetensorsFile(single, Name)];
        }
        else if (File.Exists(index))
        {
            Name = Display(folder, SafetensorsIndex.FileName);
            Files = SafetensorsIndex.Open(path);
        }
        else if (Pickles(path) is { } pickle)
        {
            throw new ModelFormatException($"{Display(folder, pickle)}: a pickle is not read, since it can run code. "
                + $"Convert it to {SingleFile} (save_pretrained of transformers or sentence-transformers does).");
        }
        else
        {
            throw new ModelFormatException($"{path}: no weights found; looked for {SingleFile}, {SafetensorsIndex.FileName} and pytorch_model.bin. "
                + "Download the model again.");
        }
        foreach (Tensor tensor in Files.SelectMany(file => file.Tensors)) { _byName.Add(tensor.Name, tensor); }
    }

    private static string Display(string folder, string file) => folder.Length == 0 ? file : $"{folder}/{file}";

    private static string? Pickles(string path) =>
        new[] { "pytorch_model.bin", "pytorch_model.bin.index.json" }.FirstOrDefault(name => File.Exists(Path.Combine(path, name)));

    /// <summary>A weight with any of the prefixes, its LayerNorm by the new or the old name; null when absent.</summary>
    internal Tensor? Find(string name)
    {
        foreach (string spelling in Spellings(name))
        {
            foreach (string prefix in _prefixes)
            {
                if (_byName.TryGetValue(prefix + spelling, out Tensor? tensor)) { return tensor; }
            }
        }
        return null;
    }

    /// <inheritdoc/>
    internal override Tensor Require(string name, params ReadOnlySpan<Dimension> shape) =>
        FindChecked(name, shape) ?? throw new ModelFormatException($"{Name}: has no tensor {Quoted.Text(name)}"
            + $"{(_prefixes.Length > 1 ? $" (nor {Quoted.Text(_prefixes[1] + name)})" : "")}, which {_configName} calls for. "
            + $"Export the model again or fix {_configName}.");

    /// <summary>As <see cref="Require"/>; null when absent.</summary>
    internal Tensor? FindChecked(string name, params ReadOnlySpan<Dimension> shape)
    {
        Tensor? tensor = Find(name);
        if (tensor is null) { return null; }
        if (!tensor.ElementType.IsWeight())
        {
            throw new ModelFormatException($"{tensor.File}: tensor {Quoted.Text(tensor.Name)} is stored as {tensor.ElementType.FormatName()}. "
                + "Export the model again as F32, F16, BF16 or F64.");
        }
        bool same = tensor.Shape.Length == shape.Length;
        for (int i = 0; same && i < shape.Length; i++) { same = tensor.Shape[i] == shape[i].Size; }
        return same ? tensor : throw WrongShape(tensor, shape);
    }

    private static IEnumerable<string> Spellings(string name)
    {
        yield return name;
        if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal)) { yield return string.Concat(name.AsSpan(0, name.Length - 6), "gamma"); }
        if (name.EndsWith("LayerNorm.bias", StringComparison.Ordinal)) { yield return string.Concat(name.AsSpan(0, name.Length - 4), "beta"); }
    }

    private ModelFormatException WrongShape(Tensor tensor, ReadOnlySpan<Dimension> shape)
    {
        string[] sizes = new string[shape.Length], keys = new string[shape.Length];
        for (int i = 0; i < shape.Length; i++) { (sizes[i], keys[i]) = (shape[i].Size.ToString(CultureInfo.InvariantCulture), shape[i].Key); }
        return new ModelFormatException($"{tensor.File}: tensor {Quoted.Text(tensor.Name)} is {Quoted.Shape(tensor.Shape)}, {_configName} says "
            + $"[{string.Join(", ", sizes)}] ({string.Join(", ", keys)}). Export the model again or fix {_configName}.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafetensorsFile file in Files) { file.Dispose(); }
    }
}
