using System.CommandLine;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Weights;

namespace MiniLM.Cli.Commands;

/// <summary>What is in a model folder, a safetensors file or an index, and whether it is sound.</summary>
internal sealed class InspectCommand : CliCommand
{
    private readonly Argument<string?> _path = new("path")
    {
        Description = "model (folder, shipped name or Hub id), .safetensors file, or index folder",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal InspectCommand() : base("inspect", "Shows tensors, sizes, types and settings of a model, a weight file or an index, and checks them.\n"
        + "The exit code is 0 also when a check fails: see checks.ok of --json, or stderr.")
    {
        Arguments.Add(_path);
        Options.Add(_json);
    }

    internal override string[] Examples => ["minilm inspect M", "minilm inspect model.safetensors --json"];

    internal override int Run(ParseResult parse, Session session)
    {
        string path = parse.GetValue(_path) ?? throw new UsageException("nothing to inspect: give a path");
        bool json = parse.GetValue(_json);
        if (File.Exists(path))
        {
            using SafetensorsFile file = Open(path);
            TensorReport[] tensors = Report(file.Tensors, session);
            if (json) { InspectJson.WriteFile(session.OutputText, file, tensors); } else { InspectText.WriteFile(session.OutputText, file, tensors); }
        }
        else if (File.Exists(Path.Combine(path, VectorIndexHeader.HeaderFile)))
        {
            using VectorIndex index = VectorIndex.Open(path);
            string? prompt = VectorIndexHeader.Read(path).PromptName;
            long nonFinite = CountNonFinite(index, session);
            if (json) { InspectJson.WriteIndex(session.OutputText, index, prompt, nonFinite); }
            else { InspectText.WriteIndex(session.OutputText, index, prompt, nonFinite); }
        }
        else
        {
            using ModelFolder model = ModelFolder.Open(ModelFolder.Resolve(path));
            TensorReport[] tensors = Report(model.WeightSets.SelectMany(set => set.Files).SelectMany(file => file.Tensors), session);
            _ = model.HashUntil(session.Cancellation); // kept by the model
            VocabularyCheck vocabulary = VocabularyCheck.Of(model);
            if (vocabulary.Problem is { } problem) { session.Say(problem); }
            if (json) { InspectJson.WriteModel(session.OutputText, model, tensors, vocabulary); }
            else { InspectText.WriteModel(session.OutputText, model, tensors, vocabulary); }
        }
        return 0;
    }

    private static SafetensorsFile Open(string path)
    {
        try { return new SafetensorsFile(path); }
        // Whatever its first bytes would mean in a weight file.
        catch (ModelFormatException error) when (Path.GetExtension(path).ToLowerInvariant() is ".onnx" or ".npy" or ".json" or ".jsonl" or ".bin" or ".txt")
        {
            throw new ModelFormatException($"{path}: is not a safetensors file. Give one, or the folder of a model or an index.", error);
        }
    }

    private static TensorReport[] Report(IEnumerable<Tensor> tensors, Session session)
    {
        List<TensorReport> reports = [];
        foreach (Tensor tensor in tensors)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            TensorReport report = TensorReport.Of(tensor);
            reports.Add(report);
            if (report.NonFinite > 0)
            {
                session.Say($"{tensor.File}: tensor {Quoted.Text(tensor.Name)} has {report.Nan} NaN and {report.Infinite} infinite values: "
                    + "results cannot be computed. Export the model again.");
            }
        }
        return [.. reports];
    }

    private static long CountNonFinite(VectorIndex index, Session session)
    {
        long count = 0;
        float[] vector = new float[index.Dimension];
        for (int i = 0; i < index.Count; i++)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            index.CopyVector(i, vector);
            foreach (float value in vector)
            {
                if (!float.IsFinite(value)) { count++; }
            }
        }
        return count;
    }
}
