using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>Encoders that the engine runs.</summary>
internal enum Architecture
{
    Bert,
    Mpnet,
    DistilBert,
}

/// <summary>Activation of the feed-forward layer or of a dense head.</summary>
internal enum Activation
{
    Identity,

    /// <summary>x * Phi(x), erf form: <c>gelu</c>.</summary>
    Gelu,

    /// <summary>The tanh form: <c>gelu_new</c>, <c>gelu_pytorch_tanh</c>, <c>gelu_fast</c> and others.</summary>
    GeluTanh,
    Relu,

    /// <summary>x sigmoid(x): <c>silu</c>, <c>swish</c>.</summary>
    Silu,

    /// <summary>x sigmoid(1.702 x): <c>quick_gelu</c>.</summary>
    QuickGelu,
    Tanh,
}

/// <summary>The numbers of an encoder, from <c>config.json</c> with the architecture's own names mapped to BERT's.</summary>
internal sealed record EncoderConfig(
    Architecture Architecture, int VocabSize, int HiddenSize, int NumHiddenLayers, int NumAttentionHeads, int IntermediateSize,
    Activation HiddenAct, int MaxPositionEmbeddings, int TypeVocabSize, float LayerNormEps)
{
    internal int HeadSize => HiddenSize / NumAttentionHeads;

    /// <summary>The token whose embedding is not trained.</summary>
    internal int PadTokenId { get; init; }

    /// <summary>The position whose embedding is not trained: MPNet's, which its padding takes.</summary>
    internal int? PadPosition => Architecture == Architecture.Mpnet ? 1 : null;

    /// <summary>Probabilities that training drops a value of the embeddings and of each product added to a residual.</summary>
    internal float HiddenDropout { get; init; }

    /// <summary>Of the probabilities of attention.</summary>
    internal float AttentionDropout { get; init; }

    /// <summary>Of what a classifier's dense modules read.</summary>
    internal float ClassifierDropout { get; init; }

    /// <summary>Longest input in tokens: MPNet's positions start at 2 (RoBERTa's rule), so two rows of its table are never used.</summary>
    internal int MaxTokens => Architecture == Architecture.Mpnet ? MaxPositionEmbeddings - 2 : MaxPositionEmbeddings;
}

/// <summary>A weight [outputs, inputs] and its bias [outputs], as Hugging Face stores them: y = x W^T + b.</summary>
internal sealed record Linear(Tensor Weight, Tensor? Bias)
{
    internal int Outputs => (int)Weight.Shape[0];
    internal int Inputs => (int)Weight.Shape[1];
}

/// <summary>Scale and shift of a LayerNorm, [hidden] each.</summary>
internal sealed record Norm(Tensor Gamma, Tensor Beta);

/// <summary>The weights of one transformer layer.</summary>
internal sealed record LayerWeights(Linear Query, Linear Key, Linear Value, Linear AttentionOutput, Norm AttentionNorm, Linear Up,
    Linear Down, Norm OutputNorm)
{
    internal Linear[] Linears => [Query, Key, Value, AttentionOutput, Up, Down];
    internal Norm[] Norms => [AttentionNorm, OutputNorm];
}

/// <summary>The weights of an encoder. Embedding tables are [ids, hidden] and gathered from the mapped file.</summary>
/// <remarks>TokenTypeEmbeddings is null for MPNet and DistilBERT; RelativeAttentionBias is MPNet's table [buckets, heads],
/// shared by all layers, null elsewhere.</remarks>
internal sealed record EncoderWeights(
    Tensor WordEmbeddings, Tensor PositionEmbeddings, Tensor? TokenTypeEmbeddings, Norm EmbeddingNorm, LayerWeights[] Layers, Tensor? RelativeAttentionBias);

/// <summary>A module after pooling.</summary>
internal abstract record HeadModule;

/// <summary>y = activation(x W^T + b): pooler, projection, classifier. In training x is dropped with <see cref="Dropout"/>.</summary>
internal sealed record DenseModule(Linear Linear, Activation Activation, float Dropout = 0) : HeadModule;

/// <summary>y = x / max(norm, 1e-12).</summary>
internal sealed record NormalizeModule : HeadModule;

/// <summary>
/// All that a device computes with: the encoder, then pooling (several modes are concatenated), then dense and normalise modules.
/// A bi-encoder's head is its sentence-transformers modules; a classifier's is <c>cls</c> pooling and two dense modules, so one path serves both.
/// </summary>
internal sealed record Network(EncoderConfig Config, EncoderWeights Encoder, PoolingMode[] Pooling, HeadModule[] Head)
{
    /// <summary>Width of a pooled row.</summary>
    internal int PooledSize => Config.HiddenSize * Pooling.Length;

    /// <summary>Width of the result: embedding dimension or number of labels.</summary>
    internal int OutputSize
    {
        get
        {
            // No LINQ: every forward pass asks, and allocates nothing.
            for (int i = Head.Length - 1; i >= 0; i--)
            {
                if (Head[i] is DenseModule dense) { return dense.Linear.Outputs; }
            }
            return PooledSize;
        }
    }

    /// <summary>The same, that drops as much at every site.</summary>
    internal Network WithDropout(float probability) => this with
    {
        Config = Config with { HiddenDropout = probability, AttentionDropout = probability, ClassifierDropout = probability },
        Head = [.. Head.Select(module => module is DenseModule dense ? dense with { Dropout = dense.Dropout == 0 ? 0 : probability } : module)],
    };

    /// <summary>The same network with other tensors in the places of its own.</summary>
    internal Network With(Func<Tensor, Tensor> map)
    {
        return this with
        {
            Encoder = new EncoderWeights(map(Encoder.WordEmbeddings), map(Encoder.PositionEmbeddings), Optional(Encoder.TokenTypeEmbeddings),
                Norm(Encoder.EmbeddingNorm), [.. Encoder.Layers.Select(Layer)], Optional(Encoder.RelativeAttentionBias)),
            Head = [.. Head.Select(module => module is DenseModule dense ? dense with { Linear = Linear(dense.Linear) } : module)],
        };

        Tensor? Optional(Tensor? tensor) => tensor is null ? null : map(tensor);
        Norm Norm(Norm norm) => new(map(norm.Gamma), map(norm.Beta));
        Linear Linear(Linear linear) => new(map(linear.Weight), Optional(linear.Bias));
        LayerWeights Layer(LayerWeights layer) => new(Linear(layer.Query), Linear(layer.Key), Linear(layer.Value), Linear(layer.AttentionOutput),
            Norm(layer.AttentionNorm), Linear(layer.Up), Linear(layer.Down), Norm(layer.OutputNorm));
    }

    /// <summary>Every tensor that a forward pass reads.</summary>
    internal IEnumerable<Tensor> Tensors()
    {
        Tensor?[] embeddings = [Encoder.WordEmbeddings, Encoder.PositionEmbeddings, Encoder.TokenTypeEmbeddings, Encoder.RelativeAttentionBias];
        IEnumerable<Norm> norms = Encoder.Layers.SelectMany(layer => layer.Norms).Prepend(Encoder.EmbeddingNorm);
        IEnumerable<Linear> linears = Encoder.Layers.SelectMany(layer => layer.Linears).Concat(Head.OfType<DenseModule>().Select(dense => dense.Linear));
        return embeddings.Concat(norms.SelectMany(norm => new[] { norm.Gamma, norm.Beta }))
            .Concat(linears.SelectMany(linear => new[] { linear.Weight, linear.Bias })).OfType<Tensor>();
    }
}
