using System.Globalization;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Weights;

/// <summary>Writes weights in one file or, above a size, in shards with an index, cut where Hugging Face's libraries cut.</summary>
internal static class SafetensorsShards
{
    /// <summary>Writes <c>model.safetensors</c>, or <c>model-0000i-of-0000n.safetensors</c> and the index.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="tensors">In the order in which shards are filled.</param>
    /// <param name="metadata">Of every file.</param>
    /// <param name="maxShardBytes">Data bytes of a file; a larger tensor has a file for itself.</param>
    /// <param name="cancellation">Looked at before each write.</param>
    /// <param name="wrote">Told the bytes of each tensor that was written.</param>
    internal static void Write(string folder, IReadOnlyList<StoredTensor> tensors, IReadOnlyDictionary<string, string>? metadata, long maxShardBytes,
        CancellationToken cancellation = default, Action<long>? wrote = null)
    {
        List<List<StoredTensor>> shards = Cut(tensors, maxShardBytes);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), shards[0], metadata, cancellation, wrote);
            return;
        }
        SortedDictionary<string, string> weightMap = new(StringComparer.Ordinal);
        for (int i = 0; i < shards.Count; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
            SafetensorsWriter.Write(Path.Combine(folder, name), shards[i], metadata, cancellation, wrote);
            foreach (StoredTensor tensor in shards[i]) { weightMap.Add(tensor.Name, name); }
        }
        WriteIndex(Path.Combine(folder, SafetensorsIndex.FileName), tensors.Sum(tensor => tensor.LengthBytes), weightMap);
    }

    private static List<List<StoredTensor>> Cut(IReadOnlyList<StoredTensor> tensors, long maxShardBytes)
    {
        List<List<StoredTensor>> shards = [];
        List<StoredTensor> current = [];
        long size = 0;
        foreach (StoredTensor tensor in tensors)
        {
            if (tensor.LengthBytes > maxShardBytes)
            {
                shards.Add([tensor]);
                continue;
            }
            if (size + tensor.LengthBytes > maxShardBytes)
            {
                shards.Add(current);
                (current, size) = ([], 0);
            }
            current.Add(tensor);
            size += tensor.LengthBytes;
        }
        if (current.Count > 0 || shards.Count == 0) { shards.Add(current); }
        return shards;
    }

    private static void WriteIndex(string path, long totalBytes, SortedDictionary<string, string> weightMap)
    {
        using PartialFile stream = PartialFile.Create(path);
        using (Utf8JsonWriter json = new(stream, IndentedJson.Options))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", totalBytes);
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach ((string name, string shard) in weightMap) { json.WriteString(name, shard); }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        stream.Write("\n"u8);
        stream.Flush(flushToDisk: true);
    }
}
