using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Export;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Cli.Commands;

/// <summary>A model in another storage type, with other names or shards, with fewer layers or a new head, or as ONNX.</summary>
internal sealed class ConvertCommand : CliCommand
{
    private readonly Option<string?> _model = new("--model") { Description = "folder, shipped name or Hub id in the local cache", HelpName = "M" };
    private readonly Option<string?> _dtype = NamedOption.Create("--dtype", "storage of the weights (as they are)", "float32", "float16", "bfloat16");
    private readonly Option<string?> _to = NamedOption.Create("--to", "format (safetensors)", "safetensors", "onnx");
    private readonly Option<long?> _shard = new("--max-shard-bytes")
    {
        Description = "data bytes of one weight file (no limit)",
        HelpName = "N",
        CustomParser = Bytes,
    };

    private readonly Option<bool> _modern = new("--modern-names") { Description = "LayerNorm.weight for gamma, no prefix of the encoder" };
    private readonly Option<string?> _layers = new("--layers") { Description = "keep these layers, numbered from 0, ascending (all)", HelpName = "I,J,..." };

    private readonly Option<int?> _labels = NumberOption.Create("--num-labels", "a classifier over the encoder, with a new head of so many labels",
        most: ModelConfig.MostLabels);

    private readonly Option<int?> _seed = NumberOption.Create("--seed", "of --num-labels (42)", least: 0);
    private readonly Option<string?> _output = new("--output") { Description = "folder, or the .onnx file", HelpName = "PATH", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };

    internal ConvertCommand() : base("convert", "Writes a model again: other storage type, names, shards, fewer layers, a new head; or as ONNX.")
    {
        foreach (Option option in new Option[] { _model, _dtype, _to, _shard, _modern, _layers, _labels, _seed, _output, _overwrite }) { Options.Add(option); }
    }

    internal override string[] Examples =>
    [
        "minilm convert --model M --dtype float16 --output DIR",
        "minilm convert --model M --to onnx --output model.onnx",
        "minilm convert --model M --layers 1,3,5,7,9,11 --output DIR",
        "minilm convert --model M --num-labels 1 --seed 1 --output DIR",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        int[]? layers = parse.GetValue(_layers) is { } text ? Layers(text) : null;
        CheckOptions(parse);
        bool onnx = parse.GetValue(_to) == "onnx";
        string output = parse.GetValue(_output)!;
        if (onnx) { OutputTarget.Check(output, parse.GetValue(_overwrite)); }
        else { OutputTarget.CheckFolder(output); }
        using ModelFolder model = ModelFolder.Open(ModelFolder.Resolve(parse.GetValue(_model)));
        CheckUsable(model, session.Cancellation);
        if (onnx) { OnnxExporter.Write(model, output, parse.GetValue(_overwrite), session.Cancellation); }
        else { WriteFolder(model, output, layers, parse, session); }
        session.Say($"{output}: written");
        return 0;
    }

    private void CheckOptions(ParseResult parse)
    {
        bool hasLayers = parse.GetValue(_layers) is not null, hasLabels = parse.GetValue(_labels) is not null, isModern = parse.GetValue(_modern);
        bool changesFolder = parse.GetValue(_shard) is not null || isModern || hasLayers || hasLabels;
        if (parse.GetValue(_to) == "onnx" && (changesFolder || parse.GetValue(_dtype) is not (null or "float32")))
        {
            throw new UsageException("--to onnx writes float32 in one file: leave out --dtype, --max-shard-bytes, --modern-names, --layers and --num-labels");
        }
        if (hasLabels && (hasLayers || isModern))
        {
            throw new UsageException("--num-labels makes another model, in the names of today: leave out --modern-names; give --layers to a second convert");
        }
        if (!hasLabels && parse.GetValue(_seed) is not null) { throw new UsageException("--seed goes with --num-labels"); }
    }

    private void WriteFolder(ModelFolder model, string output, int[]? layers, ParseResult parse, Session session)
    {
        ModelFolderOptions options = new()
        {
            ElementType = parse.GetValue(_dtype) switch
            {
                "float32" => ElementType.F32,
                "float16" => ElementType.F16,
                "bfloat16" => ElementType.BF16,
                _ => null,
            },
            MaxShardBytes = parse.GetValue(_shard) ?? long.MaxValue,
            ModernNames = parse.GetValue(_modern),
            Layers = layers is null ? null : new KeptLayers(model, layers),
            Overwrite = parse.GetValue(_overwrite),
        };
        if (parse.GetValue(_labels) is not { } labels)
        {
            Write(model, output, options, session);
            return;
        }
        using InitializedModel classifier = InitializedModel.Classifier(model, labels, (ulong)(parse.GetValue(_seed) ?? 42));
        NewModelFolder.Write(classifier, NewModelFolder.TokenizerFiles(model), model.Path, output, options, session.Cancellation);
    }

    private static void Write(ModelFolder model, string output, ModelFolderOptions options, Session session)
    {
        long written = 0, all = ModelFolderWriter.Bytes(model, options);
        using Progress progress = new(session, "convert", 0, "MB", () => (double)written / all);
        ModelFolderWriter.Write(model, output, options with { Wrote = bytes => progress.Report((written += bytes) / 1_000_000) }, session.Cancellation);
    }

    // What could not be run is not handed on: damaged weights, and a tokenizer (where the folder has one) of another model.
    private static void CheckUsable(ModelFolder model, CancellationToken cancellation)
    {
        FiniteWeights.Check(model.Network, 1, work => work(0), cancellation.ThrowIfCancellationRequested);
        bool hasTokenizer = new[] { "tokenizer.json", "vocab.txt" }.Any(name => File.Exists(Path.Combine(model.TransformerPath, name)));
        if (hasTokenizer) { LoadedModel.OpenTokenizer(model); }
    }

    private static long? Bytes(ArgumentResult result)
    {
        string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) && bytes > 0) { return bytes; }
        result.AddError($"--max-shard-bytes {text}: give a whole number from 1 up");
        return null;
    }

    private static int[] Layers(string text)
    {
        string[] parts = text.Split(',');
        int[] layers = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out layers[i]) || (i > 0 && layers[i] <= layers[i - 1]))
            {
                throw new UsageException($"--layers {text}: give numbers from 0 up, ascending, as in 1,3,5");
            }
        }
        return layers;
    }
}
