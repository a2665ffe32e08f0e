using System.Text.Json.Nodes;
using MiniLM.Weights;

namespace MiniLM.Tests.Weights;

public sealed class SafetensorsIndexTests
{
    private static string Sharded(TemporaryFolder folder)
    {
        string path = folder.File("sharded");
        Directory.CreateDirectory(path);
        using SafetensorsFile single = new(FixtureFolder.Path("models", "bert", "model.safetensors"));
        SafetensorsShards.Write(path, [.. single.Tensors.Select(tensor => new StoredTensor(tensor))], single.Metadata, 40_000);
        return path;
    }

    [Fact]
    public void Open_ShardsHoldWhatTheSingleFileHolds()
    {
        using TemporaryFolder folder = new();
        List<SafetensorsFile> shards = SafetensorsIndex.Open(Sharded(folder));
        using SafetensorsFile single = new(FixtureFolder.Path("models", "bert", "model.safetensors"));
        Assert.True(shards.Count > 2);
        Dictionary<string, Tensor> found = shards.SelectMany(shard => shard.Tensors).ToDictionary(tensor => tensor.Name);
        Assert.Equal(single.Tensors.Count, found.Count);
        foreach (Tensor tensor in single.Tensors)
        {
            Assert.True(SafetensorsFileTests.Bytes(tensor).SequenceEqual(SafetensorsFileTests.Bytes(found[tensor.Name])));
        }
        JsonNode index = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.File("sharded"), SafetensorsIndex.FileName)))!;
        Assert.Equal(single.Tensors.Sum(tensor => tensor.LengthBytes), (long)index["metadata"]!["total_size"]!);
        shards.ForEach(shard => shard.Dispose());
    }

    [Theory]
    [InlineData("../model-00001-of-00002.safetensors", "not the name of a file")]
    [InlineData("..", "not the name of a file")]
    [InlineData("a/b.safetensors", "not the name of a file")]
    [InlineData("a\\b.safetensors", "not the name of a file")]
    [InlineData("missing.safetensors", "'missing.safetensors'")]
    [InlineData("model-00001-of-", "it is in")]
    public void Open_RefusesAWrongShard(string shard, string part)
    {
        using TemporaryFolder folder = new();
        string path = Sharded(folder), index = Path.Combine(path, SafetensorsIndex.FileName);
        JsonNode json = JsonNode.Parse(File.ReadAllText(index))!;
        JsonObject map = json["weight_map"]!.AsObject();
        string first = map.First().Key, last = map.Last(entry => (string)entry.Value! != (string)map.First().Value!).Key;
        map[first] = shard == "model-00001-of-" ? (string)map[last]! : shard;
        File.WriteAllText(index, json.ToJsonString());
        string message = Assert.Throws<ModelFormatException>(() => SafetensorsIndex.Open(path)).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_RefusesATensorThatOnlyOneSideKnows()
    {
        using TemporaryFolder folder = new();
        string path = Sharded(folder), index = Path.Combine(path, SafetensorsIndex.FileName);
        string original = File.ReadAllText(index);
        JsonNode json = JsonNode.Parse(original)!;
        JsonObject map = json["weight_map"]!.AsObject();
        map["extra.weight"] = (string)map.First().Value!;
        File.WriteAllText(index, json.ToJsonString());
        Assert.Contains("'extra.weight'", Assert.Throws<ModelFormatException>(() => SafetensorsIndex.Open(path)).Message, StringComparison.Ordinal);

        json = JsonNode.Parse(original)!;
        string removed = json["weight_map"]!.AsObject().First().Key;
        json["weight_map"]!.AsObject().Remove(removed);
        File.WriteAllText(index, json.ToJsonString());
        Assert.Contains($"'{removed}'", Assert.Throws<ModelFormatException>(() => SafetensorsIndex.Open(path)).Message, StringComparison.Ordinal);
    }
}
