using System.Globalization;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Weights;

namespace MiniLM.Cli.Commands;

/// <summary>Reports of <see cref="InspectCommand"/> for people.</summary>
internal static class InspectText
{
    internal static void WriteFile(TextWriter output, SafetensorsFile file, TensorReport[] tensors)
    {
        output.WriteLine($"{file.Path}: safetensors, header of {file.HeaderBytes} bytes");
        foreach ((string name, string value) in file.Metadata) { output.WriteLine($"  {name}: {Quoted.Text(value)}"); }
        WriteTensors(output, tensors);
    }

    internal static void WriteIndex(TextWriter output, VectorIndex index, string? prompt, long nonFinite)
    {
        output.WriteLine($"{Path.GetFullPath(index.Folder)}: index, version {VectorIndexHeader.CurrentVersion}");
        output.WriteLine($"  documents  {index.Count} of {index.Dimension} floats");
        output.WriteLine($"  model      {index.Model}");
        output.WriteLine($"  hash       {index.ModelHash}");
        if (prompt is not null) { output.WriteLine($"  prompt     {prompt}"); }
        output.WriteLine($"  values     {Verdict(nonFinite)}");
    }

    internal static void WriteModel(TextWriter output, ModelFolder model, TensorReport[] tensors, VocabularyCheck vocabulary)
    {
        EncoderConfig config = model.Network.Config;
        bool bi = model.Kind == ModelKind.BiEncoder;
        output.WriteLine($"{model.Path}: {(bi ? "bi-encoder" : "cross-encoder")}");
        output.WriteLine($"  encoder    {config.Architecture}, {config.NumHiddenLayers} layers, hidden {config.HiddenSize}, "
            + $"{config.NumAttentionHeads} heads, intermediate {config.IntermediateSize}, {config.HiddenAct}");
        output.WriteLine($"  length     {model.MaxSequenceLength} tokens (at most {config.MaxTokens})");
        string defaulted = model.DefaultedPooling ? " (the folder says nothing: the default)" : "";
        if (bi) { output.WriteLine($"  pooling    {string.Join(" + ", Pooling(model))}{defaulted}"); }
        output.WriteLine($"  head       {(model.Network.Head.Length == 0 ? "none" : string.Join(", ", Head(model)))}");
        string guessed = model.ActivationIsStored ? "" : " (by the number of labels)";
        output.WriteLine(bi ? $"  embedding  {model.OutputSize} floats, {model.SimilarityFunction}"
            : $"  labels     {string.Join(", ", model.Labels)}; {model.ClassifierActivation}{guessed}");
        foreach ((string name, string prompt) in model.Prompts)
        {
            output.WriteLine($"  prompt     {name}{(name == model.DefaultPromptName ? " (default)" : "")}: {Quoted.Text(prompt)}");
        }
        output.WriteLine($"  hash       {model.Hash}");
        string sizes = $"{vocabulary.TokenizerSize} tokens, config.json has {vocabulary.ConfigSize}";
        output.WriteLine($"  tokenizer  {(vocabulary.Problem is { } problem ? $"NOT USABLE: {problem}" : sizes)}");
        WriteTensors(output, tensors);
    }

    internal static IEnumerable<string> Pooling(ModelFolder model) => model.Network.Pooling.Select(mode => mode switch
    {
        PoolingMode.Cls => "cls",
        PoolingMode.Max => "max",
        PoolingMode.Mean => "mean",
        PoolingMode.MeanSqrtLen => "mean_sqrt_len",
        PoolingMode.WeightedMean => "weightedmean",
        _ => "lasttoken",
    });

    internal static IEnumerable<string> Head(ModelFolder model) => model.Network.Head.Select(module => module is DenseModule dense
        ? $"dense {dense.Linear.Inputs} x {dense.Linear.Outputs} {dense.Activation.ToString().ToLowerInvariant()}" : "normalize");

    private static void WriteTensors(TextWriter output, TensorReport[] tensors)
    {
        string types = string.Join(", ", tensors.GroupBy(report => report.Tensor.ElementType).Select(group => $"{group.Count()} {group.Key.FormatName()}"));
        long parameters = tensors.Where(report => report.IsWeight).Sum(report => report.Tensor.Count), bytes = tensors.Sum(report => report.Tensor.LengthBytes);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  tensors    {tensors.Length} ({types}), {parameters:#,0} parameters, {bytes:#,0} bytes"));
        output.WriteLine($"  values     {Verdict(tensors.Sum(report => report.NonFinite))}");
        output.WriteLine();
        TextTable table = new("tensor", "type", "shape", ">bytes", ">min", ">max", ">not finite");
        foreach (TensorReport report in tensors)
        {
            table.Add(report.Tensor.Name, report.Tensor.ElementType.FormatName(), Quoted.Shape(report.Tensor.Shape),
                report.Tensor.LengthBytes.ToString(CultureInfo.InvariantCulture), Number(report, report.Minimum), Number(report, report.Maximum),
                report.NonFinite.ToString(CultureInfo.InvariantCulture));
        }
        table.Write(output);
    }

    private static string Number(TensorReport report, float value) => report.IsWeight ? value.ToString("g4", CultureInfo.InvariantCulture) : "";

    private static string Verdict(long nonFinite) => nonFinite == 0 ? "all finite" : $"{nonFinite} ARE NaN OR INFINITE";
}
