using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Weights;

namespace MiniLM.Tests;

/// <summary>The models of the training goldens: the folder of the golden as a classifier or encoder.</summary>
internal sealed class GoldenModel : IDisposable
{
    private readonly ModelFolder _folder;
    private readonly SafetensorsFile? _head;

    private GoldenModel(ModelFolder folder, SafetensorsFile? head, Network network) => (_folder, _head, Network) = (folder, head, network);

    internal Network Network { get; }

    internal WordPieceTokenizer Tokenizer => LoadedModel.OpenTokenizer(_folder);

    /// <summary>The tiny model: with its classifier, or mean pooling.</summary>
    internal static GoldenModel Tiny(bool isClassifier)
    {
        ModelFolder folder = ModelFolder.Open(SharedFolder.Require("golden", "training", "tiny"));
        Network network = isClassifier ? folder.Network : folder.Network with { Pooling = [PoolingMode.Mean], Head = [new NormalizeModule()] };
        return new GoldenModel(folder, null, network);
    }

    /// <summary>all-MiniLM-L6-v2: as it is, or with its pooler and the golden's classifier.</summary>
    internal static GoldenModel MiniLM(bool isClassifier)
    {
        ModelFolder folder = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        if (!isClassifier) { return new GoldenModel(folder, null, folder.Network); }
        SafetensorsFile head = new(SharedFolder.Require("golden", "training", "head.safetensors"));
        Tensor Find(IEnumerable<Tensor> tensors, string name) => tensors.Single(tensor => tensor.Name.EndsWith(name, StringComparison.Ordinal));
        Linear pooler = new(Find(folder.Tensors, "pooler.dense.weight"), Find(folder.Tensors, "pooler.dense.bias"));
        Linear classifier = new(Find(head.Tensors, "classifier.weight"), Find(head.Tensors, "classifier.bias"));
        return new GoldenModel(folder, head, folder.Network with
        {
            Pooling = [PoolingMode.Cls],
            Head = [new DenseModule(pooler, Activation.Tanh), new DenseModule(classifier, Activation.Identity)],
        });
    }

    /// <summary>Sequences of JSON: ids, and types where there are some.</summary>
    internal PackedBatch Batch(IEnumerable<(JsonElement Ids, JsonElement? Types)> sequences)
    {
        PackedBatch batch = new();
        foreach ((JsonElement ids, JsonElement? types) in sequences)
        {
            batch.Add([.. ids.EnumerateArray().Select(id => id.GetInt32())], types is { } list ? [.. list.EnumerateArray().Select(type => type.GetByte())] : [],
                Network.Config.Architecture);
        }
        return batch;
    }

    /// <summary>Whether a golden's name is a parameter's: with the prefix that its file has not, or of a file of its own.</summary>
    internal static bool SameName(string golden, string parameter) =>
        golden == parameter || golden == "bert." + parameter || parameter.EndsWith("/" + golden, StringComparison.Ordinal);

    public void Dispose()
    {
        _head?.Dispose();
        _folder.Dispose();
    }
}
