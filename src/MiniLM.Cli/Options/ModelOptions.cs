using System.CommandLine;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Cuda;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Cli.Options;

/// <summary>Which model, on which device, in which arithmetic.</summary>
internal sealed class ModelOptions
{
    private readonly Option<string?> _model = new("--model") { Description = "folder, shipped name or Hub id in the local cache", HelpName = "M" };
    private readonly Option<string?> _device = DeviceOption.Create();
    private readonly Option<string?> _precision =
        NamedOption.Create("--precision", "arithmetic (float32)", "float32", "bfloat16x3", "bfloat16", "float16", "int8");
    private readonly Option<int?> _threads = NumberOption.Create("--threads", "threads that compute (all that this process may use)",
        most: CpuDevice.MostThreads);
    private readonly Option<int?> _batchTokens =
        NumberOption.Create("--batch-tokens", "tokens of one batch; results do not depend on it (as suits the device: 8192 or near it)");
    private readonly Option<int?> _maxLength = NumberOption.Create("--max-length", "longest input in tokens (the model's limit)");
    private readonly Option<string?> _prompt = new("--prompt-name") { Description = "one of the model's prompts, put before every text", HelpName = "NAME" };
    private readonly Option<int?> _dimensions = NumberOption.Create("--dimensions", "values kept of an embedding, the first (as the model says)");
    private readonly Option<bool> _normalize = new("--normalize") { Description = "embeddings, cut, get length 1" };
    private readonly Option<string?> _similarity = NamedOption.Create(
        "--similarity", "how embeddings are compared; distances are negative (as the model says)", SimilarityNames.All);

    /// <param name="command">Takes the options.</param>
    /// <param name="hasEmbeddings">With what is of embeddings: --prompt-name, --dimensions, --normalize.</param>
    /// <param name="hasSimilarity">With --similarity.</param>
    /// <param name="hasBatches">With --batch-tokens and --max-length.</param>
    internal ModelOptions(Command command, bool hasEmbeddings = false, bool hasSimilarity = false, bool hasBatches = true)
    {
        command.Options.Add(_model);
        command.Options.Add(_device);
        command.Options.Add(_precision);
        command.Options.Add(_threads);
        if (hasBatches)
        {
            command.Options.Add(_batchTokens);
            command.Options.Add(_maxLength);
        }
        List<Option> ofEmbeddings = hasEmbeddings ? [_prompt, _dimensions, _normalize] : [];
        if (hasSimilarity) { ofEmbeddings.Add(_similarity); }
        foreach (Option option in ofEmbeddings) { command.Options.Add(option); }
        OfEmbeddings = [.. ofEmbeddings.Select(option => option.Name)];
    }

    /// <summary>Options that a model without embeddings has no use for.</summary>
    internal IReadOnlyList<string> OfEmbeddings { get; }

    internal string? ModelName(ParseResult parse) => parse.GetValue(_model);

    /// <summary>The folder that --model names; absent: the shipped model.</summary>
    internal string ResolveModel(ParseResult parse) => ModelFolder.Resolve(parse.GetValue(_model));

    internal int? MaxLength(ParseResult parse) => parse.GetValue(_maxLength);

    internal int? Threads(ParseResult parse) => parse.GetValue(_threads);

    internal int? BatchTokens(ParseResult parse) => parse.GetValue(_batchTokens);

    internal string? PromptName(ParseResult parse) => parse.GetValue(_prompt);

    /// <summary>Null: the model's own.</summary>
    internal SimilarityFunction? Similarity(ParseResult parse) => parse.GetValue(_similarity) is { } name ? SimilarityNames.Find(name) : null;

    internal string DeviceName(ParseResult parse) => parse.GetValue(_device) ?? "cpu";

    internal string PrecisionName(ParseResult parse) => parse.GetValue(_precision) ?? "float32";

    internal Precision Precision(ParseResult parse) => PrecisionName(parse) switch
    {
        "bfloat16x3" => Compute.Precision.BFloat16x3,
        "bfloat16" => Compute.Precision.BFloat16,
        "float16" => Compute.Precision.Float16,
        "int8" => Compute.Precision.Int8,
        _ => Compute.Precision.Float32,
    };

    internal EmbedOptions Embedding(ParseResult parse, EmbedTask task = EmbedTask.Text) => new()
    {
        MaxLength = MaxLength(parse),
        PromptName = PromptName(parse),
        Task = task,
        Dimensions = parse.GetValue(_dimensions),
        Normalize = parse.GetValue(_normalize),
        BatchTokens = BatchTokens(parse),
    };

    /// <summary>The model as an encoder of texts; what its folder leaves open is said.</summary>
    /// <exception cref="UsageException">It does not take an option's value.</exception>
    internal BiEncoder OpenEncoder(ParseResult parse, Device device, Session session, string? folder = null)
    {
        BiEncoder encoder = BiEncoder.Open(folder ?? ResolveModel(parse), device, Precision(parse), session.Cancellation);
        try { Check(parse, encoder); }
        catch
        {
            encoder.Dispose();
            throw;
        }
        SayNotes(encoder.Folder, session);
        return encoder;
    }

    /// <summary>What a folder leaves open, and what was taken for it.</summary>
    internal static void SayNotes(ModelFolder folder, Session session)
    {
        foreach (string note in folder.Notes) { session.Note(note); }
    }

    /// <summary>Says which of the model's prompts is put before texts though nobody asked for one.</summary>
    internal void SayPrompt(ParseResult parse, BiEncoder encoder, EmbedOptions options, string texts, Session session)
    {
        if (PromptName(parse) is null && encoder.PromptName(options) is { } name && encoder.Folder.Prompts[name] is { Length: > 0 } prompt)
        {
            session.Note($"before the {texts} stands the model's prompt {Quoted.Text(name)}: {Quoted.Text(prompt)}");
        }
    }

    /// <summary>The device, checked for the precision; the caller disposes it after what it loads.</summary>
    /// <exception cref="NotSupportedException">This build cannot: exit code 1.</exception>
    internal Device OpenDevice(ParseResult parse, Session? session = null)
    {
        string name = DeviceName(parse);
        Device device = DeviceOption.Open(name, parse.GetValue(_threads), session);
        if (device.Supports(Precision(parse)))
        {
            session?.Detail($"{device.Name}: {device.Description}");
            return device;
        }
        device.Dispose();
        throw new NotSupportedException($"--precision {PrecisionName(parse)}: the {name} device has no such kernels"
            + $"{(device is CudaDevice ? " on this GPU" : " in this build yet")}. Use float32.");
    }

    /// <summary>The model and how it is computed, as a result depends on it.</summary>
    internal void AddTo(RunIdentity identity, ParseResult parse, Device device, ModelFolder folder)
    {
        identity.Add("version", VersionText.Version);
        identity.Add("model_hash", folder.HashUntil(identity.Cancellation));
        identity.Add("precision", PrecisionName(parse));
        identity.Add("device", device.Identity);
        identity.Add("max_length", MaxLength(parse));
        identity.Add("prompt_name", PromptName(parse));
        identity.Add("dimensions", parse.GetValue(_dimensions));
        identity.Add("normalize", parse.GetValue(_normalize) ? "true" : "");
        identity.Add("similarity", parse.GetValue(_similarity));
    }

    /// <summary>Options that only the opened model can judge.</summary>
    /// <exception cref="UsageException">The model has no such prompt, or does not take such a length.</exception>
    internal void Check(ParseResult parse, BiEncoder encoder)
    {
        CheckLength(parse, encoder.Folder, encoder.Tokenizer, pair: false);
        CheckPrompt("--prompt-name", PromptName(parse), encoder.Folder);
    }

    /// <summary>A prompt that the model has; null: none is asked for.</summary>
    internal static void CheckPrompt(string option, string? name, ModelFolder folder)
    {
        if (name is null || folder.Prompts.ContainsKey(name)) { return; }
        string known = folder.Prompts.Count == 0 ? "the model has none" : "the model has " + string.Join(", ", folder.Prompts.Keys);
        throw new UsageException($"{option} {name}: {known}");
    }

    /// <summary>--max-length within what the model takes.</summary>
    internal void CheckLength(ParseResult parse, ModelFolder folder, WordPieceTokenizer tokenizer, bool pair)
    {
        try { LoadedModel.MaxLength(folder, tokenizer, MaxLength(parse), pair); }
        catch (ArgumentException error) when (MaxLength(parse) is not null) { throw new UsageException($"--max-length: {error.Message}"); }
    }
}
