using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Export;

/// <summary>The encoder as ONNX nodes, in the patterns that ONNX Runtime's BERT fusions look for.</summary>
/// <remarks>MatMul with a constant then Add; heads by Reshape [0, 0, heads, size] and Transpose; scores divided, then masked by an Add.</remarks>
internal sealed class OnnxEncoder(OnnxGraph graph, Network network)
{
    private const long PadTokenId = 1; // MPNet counts positions over ids that are not this one, whatever its tokenizer says

    private readonly EncoderConfig _config = network.Config;
    private readonly EncoderWeights _weights = network.Encoder;

    /// <summary>Appends embeddings and all layers; returns the name of [batch, sequence, hidden].</summary>
    internal string Append()
    {
        string hidden = Embeddings();
        string mask = AdditiveMask();
        string? bias = _weights.RelativeAttentionBias is null ? null : RelativeBias();
        foreach (LayerWeights layer in _weights.Layers) { hidden = Layer(layer, hidden, mask, bias); }
        return hidden;
    }

    internal string Linear(Linear linear, string x)
    {
        string product = graph.Node("MatMul", [x, graph.Weight(linear.Weight, transposed: true)]);
        return linear.Bias is null ? product : graph.Node("Add", [product, graph.Weight(linear.Bias)]);
    }

    internal string Activate(Activation activation, string x) => activation switch
    {
        Activation.Gelu => Gelu(x),
        Activation.GeluTanh => GeluTanh(x),
        Activation.Relu => graph.Node("Relu", [x]),
        Activation.Silu => graph.Node("Mul", [x, graph.Node("Sigmoid", [x])]),
        Activation.QuickGelu => graph.Node("Mul", [x, graph.Node("Sigmoid", [graph.Node("Mul", [x, graph.Constant(1.702f)])])]),
        Activation.Tanh => graph.Node("Tanh", [x]),
        _ => x,
    };

    private string Embeddings()
    {
        string sum = graph.Node("Gather", [graph.Weight(_weights.WordEmbeddings), "input_ids"]);
        if (_weights.TokenTypeEmbeddings is { } types) { sum = graph.Node("Add", [sum, graph.Node("Gather", [graph.Weight(types), "token_type_ids"])]); }
        sum = graph.Node("Add", [sum, _config.Architecture == Architecture.Mpnet ? PositionsFromIds() : PositionsFromColumns()]);
        return Norm(_weights.EmbeddingNorm, sum);
    }

    // 0, 1, 2, ... as [1, sequence]. Not from Shape and Range or Slice: those lose the name of the dimension, and without it
    // ONNX Runtime cannot tell that two hidden states have one shape, and fuses no residual and no attention.
    private string Columns()
    {
        string ones = graph.Node("Add", [graph.Node("Mul", ["input_ids", graph.Scalar(0)]), graph.Scalar(1)]);
        string counted = graph.Node("ReduceMax", [graph.Node("CumSum", [ones, graph.Scalar(1)])], ("axes", new long[] { 0 }), ("keepdims", 1));
        return graph.Node("Sub", [counted, graph.Scalar(1)]);
    }

    private string PositionsFromColumns() => graph.Node("Gather", [graph.Weight(_weights.PositionEmbeddings), Columns()]);

    private string PositionsFromIds()
    {
        string real = graph.Node("Cast", [graph.Node("Not", [graph.Node("Equal", ["input_ids", graph.Scalar(PadTokenId)])])], ("to", 7));
        string counted = graph.Node("Mul", [graph.Node("CumSum", [real, graph.Scalar(1)]), real]);
        return graph.Node("Gather", [graph.Weight(_weights.PositionEmbeddings), graph.Node("Add", [counted, graph.Scalar(PadTokenId)])]);
    }

    private string AdditiveMask()
    {
        string wide = graph.Node("Unsqueeze", [graph.Node("Unsqueeze", ["attention_mask", graph.List(1)]), graph.List(2)]);
        string absent = graph.Node("Sub", [graph.Constant(1), graph.Node("Cast", [wide], ("to", 1))]);
        return graph.Node("Mul", [absent, graph.Constant(float.MinValue)]);
    }

    private string RelativeBias()
    {
        int longest = _config.MaxTokens;
        long[] buckets = new long[2 * longest - 1];
        for (int i = 0; i < buckets.Length; i++) { buckets[i] = MpnetBuckets.Of(i - (longest - 1)); }
        string columns = Columns();
        string distances = graph.Node("Sub",
            [graph.Node("Unsqueeze", [columns, graph.List(1)]), graph.Node("Unsqueeze", [columns, graph.List(2)])]); // [1, query, key]: key - query
        string rows = graph.Node("Gather",
            [graph.List("relative_position_buckets", buckets), graph.Node("Add", [distances, graph.Scalar(longest - 1)])]);
        string bias = graph.Node("Gather", [graph.Weight(_weights.RelativeAttentionBias!), rows]);
        return graph.Node("Transpose", [bias], ("perm", new long[] { 0, 3, 1, 2 })); // [1, heads, query, key]
    }

    private string Layer(LayerWeights layer, string hidden, string mask, string? bias)
    {
        string query = Heads(layer.Query, hidden, 0, 2, 1, 3), key = Heads(layer.Key, hidden, 0, 2, 3, 1), value = Heads(layer.Value, hidden, 0, 2, 1, 3);
        string scores = graph.Node("Div", [graph.Node("MatMul", [query, key]), graph.Constant(MathF.Sqrt(_config.HeadSize))]);
        if (bias is not null) { scores = graph.Node("Add", [scores, bias]); }
        string probabilities = graph.Node("Softmax", [graph.Node("Add", [scores, mask])], ("axis", -1));
        string context = graph.Node("Transpose", [graph.Node("MatMul", [probabilities, value])], ("perm", new long[] { 0, 2, 1, 3 }));
        string joined = graph.Node("Reshape", [context, graph.List(0, 0, _config.HiddenSize)]);
        string attended = Norm(layer.AttentionNorm, graph.Node("Add", [Linear(layer.AttentionOutput, joined), hidden]));
        string up = Activate(_config.HiddenAct, Linear(layer.Up, attended));
        return Norm(layer.OutputNorm, graph.Node("Add", [Linear(layer.Down, up), attended]));
    }

    private string Heads(Linear linear, string hidden, params long[] order)
    {
        string split = graph.Node("Reshape", [Linear(linear, hidden), graph.List(0, 0, _config.NumAttentionHeads, _config.HeadSize)]);
        return graph.Node("Transpose", [split], ("perm", order));
    }

    private string Norm(Norm norm, string x) => graph.Node("LayerNormalization", [x, graph.Weight(norm.Gamma), graph.Weight(norm.Beta)],
        ("axis", -1), ("epsilon", _config.LayerNormEps));

    private string Gelu(string x)
    {
        string erf = graph.Node("Erf", [graph.Node("Div", [x, graph.Constant(MathF.Sqrt(2))])]);
        return graph.Node("Mul", [graph.Node("Mul", [x, graph.Node("Add", [erf, graph.Constant(1)])]), graph.Constant(0.5f)]);
    }

    private string GeluTanh(string x)
    {
        string cube = graph.Node("Mul", [graph.Node("Pow", [x, graph.Constant(3)]), graph.Constant(0.044715f)]);
        string inner = graph.Node("Mul", [graph.Node("Add", [x, cube]), graph.Constant(MathF.Sqrt(2 / MathF.PI))]);
        string tanh = graph.Node("Add", [graph.Node("Tanh", [inner]), graph.Constant(1)]);
        return graph.Node("Mul", [graph.Node("Mul", [x, graph.Constant(0.5f)]), tanh]);
    }
}
