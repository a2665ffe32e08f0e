using MiniLM.Compute;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>Finds an encoder's weights by the tensor names of its architecture.</summary>
internal static class EncoderNames
{
    /// <summary>What may stand before the names in a file: the model's attribute in its classifier class.</summary>
    internal static string Prefix(Architecture architecture) => architecture switch
    {
        Architecture.Mpnet => "mpnet.",
        Architecture.DistilBert => "distilbert.",
        _ => "bert.",
    };

    /// <summary>What a class of transformers begins with: BertModel, BertForSequenceClassification.</summary>
    internal static string ClassName(Architecture architecture) => architecture switch
    {
        Architecture.Mpnet => "MPNet",
        Architecture.DistilBert => "DistilBert",
        _ => "Bert",
    };

    /// <summary>Where the layers are: before the number in a tensor's name.</summary>
    internal static string Layers(Architecture architecture) => architecture == Architecture.DistilBert ? "transformer.layer." : "encoder.layer.";

    /// <summary>Whether a tensor is of a classifier alone, and has no prefix.</summary>
    internal static bool IsHead(string name) =>
        name.StartsWith("classifier.", StringComparison.Ordinal) || name.StartsWith("pre_classifier.", StringComparison.Ordinal);

    internal static EncoderWeights Find(TensorSource weights, ModelConfig config)
    {
        EncoderConfig encoder = config.Encoder;
        Dimension hidden = new(encoder.HiddenSize, config.Keys.HiddenSize);
        Tensor words = weights.Require("embeddings.word_embeddings.weight", new(encoder.VocabSize, "vocab_size"), hidden);
        Tensor positions = weights.Require(
            "embeddings.position_embeddings.weight", new(encoder.MaxPositionEmbeddings, "max_position_embeddings"), hidden);
        Tensor? types = encoder.Architecture != Architecture.Bert ? null
            : weights.Require("embeddings.token_type_embeddings.weight", new(encoder.TypeVocabSize, "type_vocab_size"), hidden);
        Tensor? relative = encoder.Architecture != Architecture.Mpnet ? null
            : weights.Require("encoder.relative_attention_bias.weight",
                new(MpnetBuckets.Count, "relative_attention_num_buckets"), new(encoder.NumAttentionHeads, config.Keys.Heads));
        Norm norm = weights.RequireNorm("embeddings.LayerNorm", hidden);
        LayerWeights[] layers = new LayerWeights[encoder.NumHiddenLayers];
        for (int i = 0; i < layers.Length; i++) { layers[i] = Layer(weights, config, i, hidden); }
        return new EncoderWeights(words, positions, types, norm, layers, relative);
    }

    private static LayerWeights Layer(TensorSource weights, ModelConfig config, int layer, Dimension hidden)
    {
        Dimension intermediate = new(config.Encoder.IntermediateSize, config.Keys.IntermediateSize);
        (string query, string key, string value, string attention, string attentionNorm, string up, string down, string norm) =
            config.Encoder.Architecture switch
            {
                Architecture.Mpnet => ("attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
                    "attention.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"),
                Architecture.DistilBert => ("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
                    "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm"),
                _ => ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
                    "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"),
            };
        string at = $"{Layers(config.Encoder.Architecture)}{layer}.";
        return new LayerWeights(
            weights.RequireLinear(at + query, hidden, hidden), weights.RequireLinear(at + key, hidden, hidden),
            weights.RequireLinear(at + value, hidden, hidden), weights.RequireLinear(at + attention, hidden, hidden),
            weights.RequireNorm(at + attentionNorm, hidden),
            weights.RequireLinear(at + up, intermediate, hidden), weights.RequireLinear(at + down, hidden, intermediate),
            weights.RequireNorm(at + norm, hidden));
    }

    /// <summary>The pooler that transformers' BertModel and MPNetModel have, which a bi-encoder does not use.</summary>
    internal static void RequirePooler(TensorSource weights, ModelConfig config)
    {
        Dimension hidden = new(config.Encoder.HiddenSize, config.Keys.HiddenSize);
        if (config.Encoder.Architecture != Architecture.DistilBert) { weights.RequireLinear("pooler.dense", hidden, hidden); }
    }

    /// <summary>The two dense modules of a classifier: over the first token, then to the labels.</summary>
    internal static HeadModule[] Classifier(TensorSource weights, ModelConfig config)
    {
        Dimension hidden = new(config.Encoder.HiddenSize, config.Keys.HiddenSize), labels = new(config.Labels.Length, "number of labels in id2label");
        float dropout = config.Encoder.ClassifierDropout;
        (string dense, Activation activation, string output) = config.Encoder.Architecture switch
        {
            Architecture.Mpnet => ("classifier.dense", Activation.Tanh, "classifier.out_proj"),
            Architecture.DistilBert => ("pre_classifier", Activation.Relu, "classifier"),
            _ => ("pooler.dense", Activation.Tanh, "classifier"),
        };
        return
        [
            new DenseModule(weights.RequireLinear(dense, hidden, hidden), activation, config.Encoder.Architecture == Architecture.Mpnet ? dropout : 0),
            new DenseModule(weights.RequireLinear(output, labels, hidden), Activation.Identity, dropout),
        ];
    }
}
