using MiniLM.Model;

namespace MiniLM.Export;

/// <summary>Pooling modes as ONNX nodes; all read the attention mask as sentence-transformers does.</summary>
/// <param name="graph">Where nodes go.</param>
/// <param name="hidden">[batch, sequence, hidden].</param>
internal sealed class OnnxPooling(OnnxGraph graph, string hidden)
{
    // [batch, sequence, 1], 1 where a token counts; all modes share it.
    private readonly string _mask = graph.Node("Cast", [graph.Node("Unsqueeze", ["attention_mask", graph.List(2)])], ("to", 1));

    /// <summary>[batch, hidden x modes].</summary>
    internal string Append(PoolingMode[] modes)
    {
        string[] pooled = [.. modes.Select(Pool)];
        return pooled.Length == 1 ? pooled[0] : graph.Node("Concat", pooled, ("axis", -1));
    }

    /// <summary>Column 0, whatever the mask says: what transformers' classifiers take.</summary>
    internal static string FirstColumn(OnnxGraph graph, string hidden) => graph.Node("Gather", [hidden, graph.Scalar(0)], ("axis", 1));

    private string Pool(PoolingMode mode) => mode switch
    {
        PoolingMode.Cls => Row(last: 0),
        PoolingMode.LastToken => Row(last: 1),
        PoolingMode.Max => Max(),
        PoolingMode.WeightedMean => Mean(graph.Node("Mul", [_mask, ColumnWeights()]), squareRoot: false),
        _ => Mean(_mask, squareRoot: mode == PoolingMode.MeanSqrtLen),
    };

    private string Row(int last)
    {
        string column = graph.Node("ArgMax", [graph.Node("Cast", ["attention_mask"], ("to", 1))], ("axis", 1), ("keepdims", 1), ("select_last_index", last));
        return graph.Node("GatherND", [hidden, column], ("batch_dims", 1));
    }

    private string Max()
    {
        string real = graph.Node("Greater", [_mask, graph.Constant(0)]);
        string filled = graph.Node("Where", [real, hidden, graph.Constant(float.NegativeInfinity)]);
        return graph.Node("ReduceMax", [filled], ("axes", new long[] { 1 }), ("keepdims", 0));
    }

    private string Mean(string weights, bool squareRoot)
    {
        string sum = graph.Node("ReduceSum", [graph.Node("Mul", [hidden, weights]), graph.List(1)], ("keepdims", 0));
        string count = graph.Node("Max", [graph.Node("ReduceSum", [weights, graph.List(1)], ("keepdims", 0)), graph.Constant(1e-9f)]);
        return graph.Node("Div", [sum, squareRoot ? graph.Node("Sqrt", [count]) : count]);
    }

    // 1, 2, 3, ... from the first column that counts; a hole counts too.
    private string ColumnWeights()
    {
        string started = graph.Node("Greater", [graph.Node("CumSum", [_mask, graph.Scalar(1)]), graph.Constant(0)]);
        return graph.Node("CumSum", [graph.Node("Cast", [started], ("to", 1)), graph.Scalar(1)]);
    }
}
