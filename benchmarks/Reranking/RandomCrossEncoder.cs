using System.Text.Json.Nodes;
using MiniLM.Model;
using MiniLM.Weights;

namespace Reranking;

/// <summary>The shipped encoder with a classifier of random weights: its scores mean nothing, its speed is that of a trained one.</summary>
internal static class RandomCrossEncoder
{
    /// <returns>The folder.</returns>
    internal static unsafe string Make(string folder)
    {
        string source = ModelFolder.Resolve(null);
        Directory.CreateDirectory(folder);
        foreach (string file in new[] { "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json" })
        {
            File.Copy(Path.Combine(source, file), Path.Combine(folder, file));
        }
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["architectures"] = new JsonArray("BertForSequenceClassification");
        config["id2label"] = new JsonObject { ["0"] = "LABEL_0" };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());

        int hidden = (int)config["hidden_size"]!;
        Random random = new(1);
        float[] head = [.. Enumerable.Range(0, hidden + 1).Select(_ => (float)(random.NextDouble() - 0.5))];
        using SafetensorsFile weights = new(Path.Combine(source, "model.safetensors"));
        fixed (float* values = head)
        {
            Tensor weight = new("classifier.weight", ElementType.F32, [1, hidden], (byte*)values, hidden * sizeof(float), "random");
            Tensor bias = new("classifier.bias", ElementType.F32, [1], (byte*)(values + hidden), sizeof(float), "random");
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"),
                [.. weights.Tensors.Append(weight).Append(bias).Select(tensor => new StoredTensor(tensor))], null);
        }
        return folder;
    }
}
