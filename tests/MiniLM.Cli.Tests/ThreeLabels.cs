using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace MiniLM.Cli.Tests;

/// <summary>A classifier head of three rows in place of two.</summary>
internal static class ThreeLabels
{
    internal static void Write(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        JsonObject header = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
        byte[] data = bytes[(8 + length)..];
        // Rebuilt in place order: the head's two tensors go to the end.
        List<byte> all = [];
        JsonObject rebuilt = [];
        foreach ((string name, JsonNode? tensor) in header.Where(entry => entry.Key != "__metadata__"))
        {
            long begin = tensor!["data_offsets"]![0]!.GetValue<long>(), end = tensor["data_offsets"]![1]!.GetValue<long>();
            JsonArray shape = [.. tensor["shape"]!.AsArray().Select(size => JsonValue.Create(size!.GetValue<long>()))];
            byte[] content = data[(int)begin..(int)end];
            if (name.StartsWith("classifier.", StringComparison.Ordinal))
            {
                shape[0] = 3;
                content = [.. content, .. content[..(content.Length / 2)]];
            }
            rebuilt[name] = new JsonObject { ["dtype"] = "F32", ["shape"] = shape, ["data_offsets"] = new JsonArray(all.Count, all.Count + content.Length) };
            all.AddRange(content);
        }
        byte[] json = Encoding.UTF8.GetBytes(rebuilt.ToJsonString());
        byte[] size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, json.Length);
        File.WriteAllBytes(path, [.. size, .. json, .. all]);
    }

    /// <summary>Makes the first float of every word embedding NaN.</summary>
    internal static void Poison(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        JsonObject header = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
        long begin = header.First(entry => entry.Key.EndsWith("word_embeddings.weight", StringComparison.Ordinal)).Value!["data_offsets"]![0]!.GetValue<long>();
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8 + length + (int)begin), float.NaN);
        File.WriteAllBytes(path, bytes);
    }
}
