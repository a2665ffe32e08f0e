using System.Text.Json;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>sentence-transformers' <c>modules.json</c>: a Transformer, a Pooling, then Dense, Normalize and Dropout (without
/// effect here) in any order.</summary>
internal sealed class SentenceModules
{
    internal const string FileName = "modules.json";

    /// <summary>Names of the modules that are known.</summary>
    internal static readonly string[] Types = ["Transformer", "Pooling", "Normalize", "Dense", "Dropout"];

    private readonly string _root;
    private readonly List<(string Type, string Folder)> _modules = [];

    /// <summary>Folder of the encoder's config and weights, relative to the model; usually empty.</summary>
    internal string TransformerFolder { get; }

    internal bool HasPooling => _modules.Exists(module => module.Type == "Pooling");

    private SentenceModules(string root, JsonFile json)
    {
        _root = root;
        if (json.Root.ValueKind != JsonValueKind.Array)
        {
            throw new ModelFormatException($"{FileName}: is not a JSON list. Download or export the model again.");
        }
        foreach (JsonElement module in json.Root.EnumerateArray())
        {
            string type = JsonFile.Find(module, "type") is { } t ? json.String(t, "type") : throw json.Wrong("a module", module, "an object with 'type'");
            string folder = JsonFile.Find(module, "path") is { } p ? json.String(p, "path") : "";
            string name = type[(type.LastIndexOf('.') + 1)..];
            if (!Types.Contains(name))
            {
                throw new ModelFormatException($"{FileName}: module {Quoted.Text(type)} is not supported. "
                    + "Use a model of Transformer, Pooling, Dense, Normalize and Dropout.");
            }
            if (Path.IsPathRooted(folder) || folder.AsSpan().ContainsAny(':', '\0') || folder.Split('/', '\\').Contains(".."))
            {
                throw new ModelFormatException($"{FileName}: the path {Quoted.Text(folder)} leads out of the model folder. Fix {FileName}.");
            }
            _modules.Add((name, folder.Replace('\\', '/').TrimEnd('/')));
        }
        bool ordered = _modules.Count > 0 && _modules[0].Type == "Transformer"
            && _modules.FindIndex(module => module.Type == "Pooling") is -1 or 1
            && _modules.Count(module => module.Type is "Transformer" or "Pooling") <= 2 && _modules.Count(module => module.Type == "Transformer") == 1;
        if (!ordered)
        {
            throw new ModelFormatException($"{FileName}: the modules are {string.Join(", ", _modules.Select(module => module.Type))}. "
                + "Use a model of one Transformer, one Pooling, then Dense and Normalize.");
        }
        TransformerFolder = _modules[0].Folder;
    }

    /// <summary>Null when the folder has no <c>modules.json</c>.</summary>
    internal static SentenceModules? TryOpen(string root) => JsonFile.TryOpen(root, FileName) is { } json ? new SentenceModules(root, json) : null;

    /// <summary>The pooling's modes in the order of concatenation, and whether a prompt's rows are pooled.</summary>
    internal (PoolingMode[] Modes, bool IncludePrompt) ReadPooling(int hiddenSize)
    {
        string name = Display(_modules.Find(module => module.Type == "Pooling").Folder, "config.json");
        JsonFile json = JsonFile.TryOpenObject(_root, name)
            ?? throw new ModelFormatException($"{name}: is missing, {FileName} names it. Download the model again.");
        foreach (string key in new[] { "word_embedding_dimension", "embedding_dimension" })
        {
            if (json.FindInteger(key, 1, int.MaxValue) is { } width && width != hiddenSize)
            {
                throw new ModelFormatException($"{name}: {key} is {width}, the encoder's width is {hiddenSize}. Fix {name} or export the model again.");
            }
        }
        return (PoolingNames.Read(json), json.FindBoolean("include_prompt") ?? true);
    }

    /// <summary>The modules after pooling.</summary>
    /// <param name="pooledSize">Width of what they read.</param>
    /// <param name="opened">Takes the weight files of dense modules; its owner disposes them.</param>
    /// <param name="notes">Takes what was assumed.</param>
    internal HeadModule[] ReadHead(int pooledSize, List<WeightSet> opened, List<string> notes)
    {
        List<HeadModule> head = [];
        int width = pooledSize;
        foreach ((string type, string folder) in _modules)
        {
            if (type == "Normalize") { head.Add(new NormalizeModule()); }
            if (type == "Dense")
            {
                DenseModule dense = ReadDense(folder, width, opened, notes);
                width = dense.Linear.Outputs;
                head.Add(dense);
            }
        }
        return [.. head];
    }

    private DenseModule ReadDense(string folder, int width, List<WeightSet> opened, List<string> notes)
    {
        string name = Display(folder, "config.json");
        JsonFile json = JsonFile.TryOpenObject(_root, name)
            ?? throw new ModelFormatException($"{name}: is missing, {FileName} names it. Download the model again.");
        int inputs = json.Integer("in_features", 1, 1 << 20), outputs = json.Integer("out_features", 1, 1 << 20);
        if (inputs != width)
        {
            throw new ModelFormatException($"{name}: in_features is {inputs}, the module before gives {width}. Fix {name} or export the model again.");
        }
        foreach (string key in new[] { "module_input_name", "module_output_name" })
        {
            if (json.FindString(key) is { } value and not "sentence_embedding")
            {
                throw new ModelFormatException($"{name}: {key} {Quoted.Text(value)} is not supported. Use a model whose Dense works on 'sentence_embedding'.");
            }
        }
        if (json.FindBoolean("use_residual") == true)
        {
            throw new ModelFormatException($"{name}: use_residual is not supported. Use a model whose Dense has no residual.");
        }
        WeightSet weights = new(_root, folder, name);
        opened.Add(weights);
        Dimension to = new(outputs, "out_features"), from = new(inputs, "in_features");
        Tensor? bias = json.FindBoolean("bias") ?? true ? weights.Require("linear.bias", to) : null;
        return new DenseModule(new Linear(weights.Require("linear.weight", to, from), bias), ReadActivation(json, notes));
    }

    private static Activation ReadActivation(JsonFile json, List<string> notes)
    {
        string value = json.FindString("activation_function") ?? "torch.nn.modules.activation.Tanh";
        if (!value.StartsWith("torch.", StringComparison.Ordinal)) // code of the author's own: sentence-transformers does not run it unasked either
        {
            notes.Add($"{json.Name}: activation_function {Quoted.Text(value)} is code of the author's own: Tanh is taken instead");
            return Activation.Tanh;
        }
        return value[(value.LastIndexOf('.') + 1)..] switch
        {
            "Tanh" => Activation.Tanh,
            "Identity" => Activation.Identity,
            "ReLU" => Activation.Relu,
            "GELU" => Activation.Gelu,
            _ => throw new ModelFormatException(
                $"{json.Name}: activation_function {Quoted.Text(value)} is not supported. Use a model with Tanh, Identity, ReLU or GELU."),
        };
    }

    private static string Display(string folder, string file) => folder.Length == 0 ? file : $"{folder}/{file}";
}
