using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>What a model is for.</summary>
public enum ModelKind
{
    /// <summary>One text to one vector.</summary>
    BiEncoder,

    /// <summary>A pair of texts (or one text) to scores.</summary>
    CrossEncoder,
}

/// <summary>A Hugging Face or sentence-transformers model folder, opened and checked: config, modules and weights agree.</summary>
/// <remarks>Weights stay in the file and are mapped; opening touches none of their pages. Keep it open as long as the network is used.</remarks>
public sealed class ModelFolder : IDisposable
{
    private readonly List<WeightSet> _weights = [];
    private string? _hash;

    /// <summary>Full path of the folder.</summary>
    public string Path { get; }

    /// <summary>What the model is for.</summary>
    public ModelKind Kind { get; }

    /// <summary>True when the folder says nothing about pooling and mean pooling was taken.</summary>
    public bool DefaultedPooling { get; }

    /// <summary>Longest input in tokens, special tokens included.</summary>
    public int MaxSequenceLength { get; }

    /// <summary>Width of an embedding, or number of labels.</summary>
    public int OutputSize => Network.OutputSize;

    /// <summary>Names of a classifier's labels in the order of its scores; empty for a bi-encoder.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>What makes scores of a classifier's logits.</summary>
    public ClassifierActivation ClassifierActivation { get; }

    /// <summary>False when the folder does not say the activation and the number of labels decided.</summary>
    public bool ActivationIsStored { get; }

    /// <summary>Named texts to put before an input.</summary>
    public IReadOnlyDictionary<string, string> Prompts { get; }

    /// <summary>The prompt that is used when none is asked for.</summary>
    public string? DefaultPromptName { get; }

    /// <summary>Whether a prompt's tokens take part in pooling.</summary>
    public bool IncludePrompt { get; } = true;

    /// <summary>How two embeddings of this model are compared.</summary>
    public SimilarityFunction SimilarityFunction { get; }

    /// <summary>How many of an embedding's first values are kept (sentence-transformers' truncate_dim); null: all.</summary>
    public int? TruncateDim { get; }

    /// <summary>What the folder leaves open and what was taken for it, a line each.</summary>
    internal IReadOnlyList<string> Notes { get; }

    /// <summary>SHA-256, in hexadecimal, over the files that decide the results. Computed when first asked for: it reads all weights.</summary>
    public string Hash => HashUntil(CancellationToken.None);

    /// <summary>Full paths of the weight files.</summary>
    public IReadOnlyList<string> WeightFiles { get; }

    /// <summary>Whether texts get lower case before the tokenizer's own normalizer.</summary>
    internal bool LowersCase { get; }

    internal Network Network { get; }

    /// <summary>All tensors of the encoder's weight files, in the order of the files, unknown ones too.</summary>
    internal IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>Folder of the encoder's config, tokenizer and weights: <see cref="Path"/>, but for old sentence-transformers folders.</summary>
    internal string TransformerPath { get; }

    /// <summary>Every set of weights with its folder's files: the encoder's first, then those of dense modules.</summary>
    internal IReadOnlyList<WeightSet> WeightSets => _weights;

    private ModelFolder(string path)
    {
        Path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        SentenceModules? modules = SentenceModules.TryOpen(Path);
        string folder = modules?.TransformerFolder ?? "";
        TransformerPath = System.IO.Path.Combine(Path, folder);
        JsonFile json = JsonFile.TryOpenObject(TransformerPath, ModelConfig.FileName) ?? throw NoConfig();
        ModelConfig config = new(json);
        Kind = modules?.HasPooling != true && config.IsClassifier ? ModelKind.CrossEncoder : ModelKind.BiEncoder;
        if (modules is { HasPooling: false } && Kind == ModelKind.BiEncoder)
        {
            throw new ModelFormatException($"{SentenceModules.FileName}: has no Pooling module. "
                + $"Add one or remove {SentenceModules.FileName} for mean pooling.");
        }
        JsonFile? sentence = JsonFile.TryOpenObject(Path, SentenceSettings.FileName);
        List<string> notes = [];
        Notes = notes;
        try
        {
            WeightSet weights = new(Path, folder, ModelConfig.FileName, EncoderNames.Prefix(config.Encoder.Architecture));
            _weights.Add(weights);
            EncoderWeights encoder = EncoderNames.Find(weights, config);
            PoolingMode[] pooling = [PoolingMode.Mean];
            HeadModule[] head = [];
            if (Kind == ModelKind.CrossEncoder) { (pooling, head) = ([PoolingMode.Cls], EncoderNames.Classifier(weights, config)); }
            else if (modules is null)
            {
                DefaultedPooling = true;
                notes.Add($"{Path}: has no {SentenceModules.FileName}: mean pooling is assumed");
            }
            else
            {
                (pooling, IncludePrompt) = modules.ReadPooling(config.Encoder.HiddenSize);
                head = modules.ReadHead(config.Encoder.HiddenSize * pooling.Length, _weights, notes);
            }
            Network = new Network(config.Encoder, encoder, pooling, head);
            Labels = Kind == ModelKind.CrossEncoder ? config.Labels : [];
            JsonFile? transformer = modules is null ? null : SentenceSettings.OpenTransformer(TransformerPath);
            MaxSequenceLength = SentenceSettings.MaxSequenceLength(transformer, TransformerPath, config.Encoder.MaxTokens);
            LowersCase = transformer?.FindBoolean("do_lower_case") == true;
            (Prompts, DefaultPromptName) = SentenceSettings.ReadPrompts(sentence);
            SimilarityFunction = SentenceSettings.ReadSimilarity(sentence);
            TruncateDim = SentenceSettings.ReadTruncateDim(sentence);
            (ClassifierActivation, ActivationIsStored) = ClassifierActivations.Read(sentence, config, Kind, notes);
        }
        catch
        {
            Dispose();
            throw;
        }
        Tensors = [.. _weights[0].Files.SelectMany(file => file.Tensors)];
        WeightFiles = [.. _weights.SelectMany(set => set.Files).Select(file => file.Path)];
    }

    /// <summary>Opens a model folder.</summary>
    /// <exception cref="ModelFormatException">The folder is not a model that can be run; the message says why and what to do.</exception>
    public static ModelFolder Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path)) { throw new ModelFormatException($"{path}: no such folder. Give the path of a model folder."); }
        try { return new ModelFolder(path); }
        catch (ModelFormatException error) { throw Locate(error, path); }
    }

    /// <summary>The error with the folder before the file that it names: of several models, which one.</summary>
    internal static ModelFormatException Locate(ModelFormatException error, string path)
    {
        string folder = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        return error.Message.Contains(folder, StringComparison.Ordinal) ? error : new ModelFormatException($"{folder}/{error.Message}", error);
    }

    /// <summary>Finds a model's folder by path, name or Hugging Face id; nothing is downloaded. Null is the default model.</summary>
    /// <exception cref="ModelFormatException">There is no such model; the message says where it was looked for and how to get it.</exception>
    public static string Resolve(string? nameOrPath) => new ModelLocator().Resolve(nameOrPath ?? ModelLocator.DefaultName);

    private ModelFormatException NoConfig()
    {
        try { using IEnumerator<string> files = Directory.EnumerateFileSystemEntries(TransformerPath).GetEnumerator(); }
        catch (UnauthorizedAccessException error)
        {
            return new ModelFormatException($"{TransformerPath}: cannot be read ({error.Message.TrimEnd('.')}). Make it readable.", error);
        }
        return new ModelFormatException($"{TransformerPath}: has no {ModelConfig.FileName}, so it is not a model folder. "
            + $"Give the folder that holds {ModelConfig.FileName} and model.safetensors.");
    }

    /// <summary><see cref="Hash"/>, which can be cancelled.</summary>
    internal string HashUntil(CancellationToken cancellation) => _hash ??= ModelHash.Compute(this, cancellation);

    /// <summary>Unmaps the weights, or what is left of them when the last network that reads them is disposed.</summary>
    public void Dispose()
    {
        foreach (WeightSet set in _weights) { set.Dispose(); }
    }
}
