using System.Text.Json;

namespace MiniLM.Weights;

/// <summary><c>model.safetensors.index.json</c>: which shard holds which tensor.</summary>
internal static class SafetensorsIndex
{
    internal const string FileName = "model.safetensors.index.json";

    /// <summary>Opens every shard that the index names, in the order of their names; the caller disposes them.</summary>
    /// <exception cref="ModelFormatException">Index and shards do not agree.</exception>
    internal static List<SafetensorsFile> Open(string folder)
    {
        Dictionary<string, string> weightMap = ReadWeightMap(Path.Combine(folder, FileName));
        List<SafetensorsFile> shards = [];
        try
        {
            foreach (string shard in weightMap.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                string path = Path.Combine(folder, shard);
                if (!File.Exists(path))
                {
                    throw new ModelFormatException($"{FileName}: names the shard {Quoted.Text(shard)}, "
                        + $"which {folder} does not have. Download the model again.");
                }
                shards.Add(new SafetensorsFile(path, shard));
            }
            Check(weightMap, shards);
            return shards;
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }
    }

    private static void Check(Dictionary<string, string> weightMap, List<SafetensorsFile> shards)
    {
        Dictionary<string, string> found = new(StringComparer.Ordinal);
        foreach (Tensor tensor in shards.SelectMany(shard => shard.Tensors))
        {
            if (!found.TryAdd(tensor.Name, tensor.File))
            {
                throw new ModelFormatException(
                    $"{tensor.File}: tensor {Quoted.Text(tensor.Name)} is also in {found[tensor.Name]}. Export the model again.");
            }
            if (!weightMap.ContainsKey(tensor.Name))
            {
                throw new ModelFormatException($"{tensor.File}: tensor {Quoted.Text(tensor.Name)} is not in {FileName}. Export the model again.");
            }
        }
        foreach ((string name, string shard) in weightMap)
        {
            string? actual = found.GetValueOrDefault(name);
            if (actual == shard) { continue; }
            string where = actual is null ? "no shard has it" : $"it is in {actual}";
            throw new ModelFormatException($"{FileName}: says that tensor {Quoted.Text(name)} is in {shard}, but {where}. Export the model again.");
        }
    }

    private static Dictionary<string, string> ReadWeightMap(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            using JsonDocument document = JsonDocument.Parse(stream, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
            {
                throw new ModelFormatException($"{FileName}: has no object 'weight_map'. Export the model again.");
            }
            Dictionary<string, string> weightMap = new(StringComparer.Ordinal);
            foreach (JsonProperty entry in map.EnumerateObject())
            {
                string? shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null;
                // A name, not a path: an index must not reach out of its folder.
                if (string.IsNullOrEmpty(shard) || shard.AsSpan().ContainsAny("/\\:\0") || shard is "." or "..")
                {
                    throw new ModelFormatException(
                        $"{FileName}: the shard of {Quoted.Text(entry.Name)} is {Quoted.Text(shard ?? entry.Value.GetRawText())}, "
                        + "not the name of a file in this folder. Fix the index or download the model again.");
                }
                weightMap.Add(entry.Name, shard);
            }
            return weightMap;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new ModelFormatException($"{FileName}: cannot be read: {e.Message.ReplaceLineEndings(" ")} Download the model again.", e);
        }
    }
}
