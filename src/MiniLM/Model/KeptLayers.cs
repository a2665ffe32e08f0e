using System.Globalization;

namespace MiniLM.Model;

/// <summary>Some layers of an encoder, numbered anew from 0: a smaller student to start from (every second layer of twelve).</summary>
internal sealed class KeptLayers
{
    private readonly ModelConfig _config;
    private readonly int[] _layers;

    /// <param name="model">Whose layers.</param>
    /// <param name="layers">From 0, ascending.</param>
    /// <exception cref="ModelFormatException">The model has no such layer.</exception>
    internal KeptLayers(ModelFolder model, int[] layers)
    {
        _config = new ModelConfig(JsonFile.TryOpenObject(model.TransformerPath, ModelConfig.FileName)!);
        _layers = layers;
        int count = _config.Encoder.NumHiddenLayers;
        if (layers[^1] >= count)
        {
            throw new ModelFormatException($"{model.Path}: has no layer {layers[^1]}: it has {count}, numbered from 0. Name layers from 0 to {count - 1}.");
        }
    }

    /// <summary>A tensor's new name; null: it goes.</summary>
    internal string? Name(string name)
    {
        string prefix = EncoderNames.Prefix(_config.Encoder.Architecture), layers = EncoderNames.Layers(_config.Encoder.Architecture);
        int at = name.StartsWith(prefix, StringComparison.Ordinal) ? prefix.Length : 0;
        if (!name.AsSpan(at).StartsWith(layers)) { return name; }
        at += layers.Length;
        int end = name.IndexOf('.', at);
        // What is no layer's is somebody's own, and stays.
        if (end < 0 || !int.TryParse(name.AsSpan(at, end - at), NumberStyles.None, CultureInfo.InvariantCulture, out int layer)) { return name; }
        int kept = Array.IndexOf(_layers, layer);
        return kept < 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{name.AsSpan(0, at)}{kept}{name.AsSpan(end)}");
    }

    /// <summary>The config.json with the new number of layers.</summary>
    internal byte[] Config(byte[] json) => ConfigValue.Replace(json, _layers.Length.ToString(CultureInfo.InvariantCulture), _config.Keys.Layers)!;
}
