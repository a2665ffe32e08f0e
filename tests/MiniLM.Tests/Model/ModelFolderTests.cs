using System.Text.Json;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Tests.Model;

public sealed class ModelFolderTests
{
    internal static IEnumerable<string> TinyFolders()
    {
        string tiny = SharedFolder.Require("golden", "forward", "tiny");
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(tiny, "index.json")));
        return [.. index.RootElement.EnumerateArray().Select(entry => Path.Combine(tiny, entry.GetProperty("name").GetString()!))];
    }

    [Fact]
    public void Open_EveryTinyFolderOpensOrIsRefusedByItsType()
    {
        int opened = 0;
        foreach (string path in TinyFolders())
        {
            using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(path, "config.json")));
            string type = config.RootElement.GetProperty("model_type").GetString()!;
            string architecture = config.RootElement.GetProperty("architectures")[0].GetString()!;
            if (type is not ("bert" or "mpnet" or "distilbert"))
            {
                Assert.Contains($"'{type}'", Assert.Throws<ModelFormatException>(() => ModelFolder.Open(path)).Message, StringComparison.Ordinal);
                continue;
            }
            using ModelFolder folder = ModelFolder.Open(path);
            bool classifier = architecture.EndsWith("ForSequenceClassification", StringComparison.Ordinal);
            Assert.Equal(classifier ? ModelKind.CrossEncoder : ModelKind.BiEncoder, folder.Kind);
            Assert.Equal(!classifier, folder.DefaultedPooling);
            Assert.Equal(classifier ? folder.Labels.Count : folder.Network.Config.HiddenSize, folder.OutputSize);
            opened++;
        }
        Assert.NotEqual(0, opened);
    }

    [Fact]
    public void Open_ReadsTheShippedModel()
    {
        using ModelFolder folder = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        Assert.Equal(ModelKind.BiEncoder, folder.Kind);
        Assert.False(folder.DefaultedPooling);
        Assert.Equal(256, folder.MaxSequenceLength);
        Assert.Equal(384, folder.OutputSize);
        Assert.Equal([PoolingMode.Mean], folder.Network.Pooling);
        Assert.IsType<NormalizeModule>(Assert.Single(folder.Network.Head));
        Assert.Equal(6, folder.Network.Encoder.Layers.Length);
        Assert.True(folder.IncludePrompt);
        Assert.Equal(64, folder.Hash.Length);
        Assert.Contains(folder.Tensors, tensor => tensor.ElementType == ElementType.I64);
    }

    [Fact]
    public void Hash_ChangesWithEveryFileThatDecidesTheResult()
    {
        HashSet<string> seen = [Hash(_ => { })];
        Assert.False(seen.Add(Hash(_ => { })), "equal folders, different hashes");
        Assert.False(seen.Add(Hash(model => model.Write("README.md", "text"))), "a model card decides nothing");
        Assert.True(seen.Add(Hash(model => model.Config("layer_norm_eps", "1e-5"))));
        Assert.True(seen.Add(Hash(model => model.Write("vocab.txt", "[PAD]"))));
        Assert.True(seen.Add(Hash(model => model.Write("sentence_bert_config.json", """{"max_seq_length":8}"""))));
        Assert.True(seen.Add(Hash(model =>
        {
            byte[] weights = File.ReadAllBytes(model.File("model.safetensors"));
            weights[^1] ^= 1;
            File.WriteAllBytes(model.File("model.safetensors"), weights);
        })));

        static string Hash(Action<EditedModel> edit)
        {
            using EditedModel model = new();
            edit(model);
            using ModelFolder opened = ModelFolder.Open(model.Path);
            return opened.Hash;
        }
    }

    [Fact]
    public void Open_ShardedHoldsWhatTheSingleFileHolds()
    {
        string tiny = SharedFolder.Require("golden", "forward", "tiny");
        using ModelFolder single = ModelFolder.Open(Path.Combine(tiny, "bert")), sharded = ModelFolder.Open(Path.Combine(tiny, "bert_sharded"));
        Assert.True(sharded.WeightFiles.Count > 1);
        Dictionary<string, float[]> weights = sharded.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ToFloats());
        Assert.Equal(single.Tensors.Count, weights.Count);
        foreach (Tensor tensor in single.Tensors) { Assert.Equal(tensor.ToFloats(), weights[tensor.Name]); }
    }
}
