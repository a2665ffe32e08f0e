using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Export;

/// <summary>Writes a model as an ONNX graph (opset 17, float32), for runtimes other than this one.</summary>
/// <remarks>
/// Inputs <c>input_ids</c>, <c>attention_mask</c>, <c>token_type_ids</c> [batch, sequence] of int64; architectures without token types
/// ignore the last. Outputs <c>last_hidden_state</c> and <c>sentence_embedding</c>, or <c>logits</c> for a cross-encoder.
/// </remarks>
public static class OnnxExporter
{
    /// <summary>Writes the graph; <paramref name="path"/> appears only when it is complete.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file to be.</param>
    /// <param name="overwrite">Replace what is there.</param>
    /// <param name="cancellation">Looked at before each write; nothing is left then.</param>
    /// <exception cref="ModelFormatException">The graph is too large for one file, or the model does what a graph cannot.</exception>
    /// <exception cref="ObjectDisposedException">The model's folder.</exception>
    public static void Write(ModelFolder model, string path, bool overwrite = true, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(path);
        if (!model.IncludePrompt && model.Prompts.Count > 0)
        {
            throw new ModelFormatException($"{model.Path}: include_prompt is false: "
                + "a graph does not know the prompt it should leave out of pooling. Export another model.");
        }
        using TensorFiles files = new(model.Network.Tensors());
        ProtobufMessage message = Build(model);
        if (message.Length > int.MaxValue)
        {
            throw new ModelFormatException($"{path}: the graph would be {message.Length} bytes, "
                + $"an ONNX file holds at most {int.MaxValue}. Export a smaller model.");
        }
        PartialFile.WriteWhole(path, message.WriteTo, overwrite, cancellation);
    }

    private static ProtobufMessage Build(ModelFolder model)
    {
        Network network = model.Network;
        OnnxGraph graph = new();
        foreach (string input in new[] { "input_ids", "attention_mask", "token_type_ids" }) { graph.Input(input, isFloat: false, "batch", "sequence"); }
        OnnxEncoder encoder = new(graph, network);
        string hidden = encoder.Append();
        bool classifier = model.Kind == ModelKind.CrossEncoder;
        string result = classifier ? OnnxPooling.FirstColumn(graph, hidden) : new OnnxPooling(graph, hidden).Append(network.Pooling);
        foreach (HeadModule module in network.Head)
        {
            result = module is DenseModule dense ? encoder.Activate(dense.Activation, encoder.Linear(dense.Linear, result)) : Normalize(graph, result);
        }
        graph.Output(hidden, "last_hidden_state", "batch", "sequence", network.Config.HiddenSize);
        graph.Output(result, classifier ? "logits" : "sentence_embedding", "batch", network.OutputSize);
        return graph.ToModel();
    }

    private static string Normalize(OnnxGraph graph, string x)
    {
        string norm = graph.Node("ReduceL2", [x], ("axes", new long[] { -1 }), ("keepdims", 1));
        return graph.Node("Div", [x, graph.Node("Max", [norm, graph.Constant(1e-12f)])]);
    }
}
