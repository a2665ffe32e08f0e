using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>A network with new weights, all or those of its head, and what a folder needs to hold it. Whoever computes with it keeps it open.</summary>
internal sealed class InitializedModel : IDisposable
{
    private readonly NewTensors _tensors;

    private InitializedModel(ModelConfig config, byte[] json, ulong seed, WeightSet? encoder)
    {
        (Config, ConfigJson) = (config, json);
        _tensors = new NewTensors(config, seed, encoder);
        try
        {
            EncoderWeights weights = EncoderNames.Find(_tensors, config);
            HeadModule[] head = config.IsClassifier ? EncoderNames.Classifier(_tensors, config) : [new NormalizeModule()];
            if (!config.IsClassifier) { EncoderNames.RequirePooler(_tensors, config); }
            Network = new Network(config.Encoder, weights, [config.IsClassifier ? PoolingMode.Cls : PoolingMode.Mean], head);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Network Network { get; }

    internal ModelConfig Config { get; }

    /// <summary>The text of config.json.</summary>
    internal byte[] ConfigJson { get; }

    /// <summary>Tensors under the names of their class in transformers: a classifier's encoder with its prefix, a bi-encoder's without.</summary>
    internal IReadOnlyList<StoredTensor> Tensors => _tensors.Tensors;

    /// <summary>A model with new weights.</summary>
    /// <param name="config">Its numbers; unknown keys are kept.</param>
    /// <param name="labels">Of a classifier; null: a bi-encoder with mean pooling and vectors of length 1.</param>
    /// <param name="seed">Of the weights.</param>
    internal static InitializedModel Create(JsonFile config, int? labels, ulong seed) => Make(new ModelConfig(config), labels, seed, null);

    /// <summary>A sequence classifier over an encoder: its weights, its pooler if it has one, and a new head.</summary>
    /// <param name="encoder">Stays open as long as the result is used.</param>
    /// <param name="labels">Number of logits.</param>
    /// <param name="seed">Of what is new.</param>
    /// <exception cref="ModelFormatException">The folder has a classifier already.</exception>
    internal static InitializedModel Classifier(ModelFolder encoder, int labels, ulong seed)
    {
        if (encoder.Kind == ModelKind.CrossEncoder)
        {
            throw new ModelFormatException($"{encoder.Path}: is a classifier of {encoder.OutputSize} label(s) already. Give a bi-encoder or a plain encoder.");
        }
        JsonFile config = JsonFile.TryOpenObject(encoder.TransformerPath, ModelConfig.FileName)!;
        return Make(new ModelConfig(config), labels, seed, encoder.WeightSets[0]);
    }

    private static InitializedModel Make(ModelConfig config, int? labels, ulong seed, WeightSet? encoder)
    {
        byte[] json = NewConfig.Write(config, labels);
        return new InitializedModel(new ModelConfig(JsonFile.Parse(json, config.Json.Name)), json, seed, encoder);
    }

    public void Dispose() => _tensors.Dispose();
}
