using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Text;

namespace MiniLM;

/// <summary>What is embedded; retrieval models put other prompts before queries than before documents.</summary>
public enum EmbedTask
{
    /// <summary>Any text, as sentence-transformers' encode: the model's default prompt, if it names one.</summary>
    Text,

    /// <summary>A query, as encode_query: the prompt "query", if the model has it, and never the default.</summary>
    Query,

    /// <summary>A document, as encode_document: the prompt "document", if the model has it, and never the default.</summary>
    Document,
}

/// <summary>Options of <see cref="BiEncoder.Embed(IReadOnlyList{string}, Span{float}, EmbedOptions?, CancellationToken)"/>.</summary>
public sealed record EmbedOptions
{
    /// <summary>Longest input in tokens; longer ones are cut. Null: the model's own limit (all-MiniLM-L6-v2: 256);
    /// up to its positions (512) may be asked for.</summary>
    public int? MaxLength { get; init; }

    /// <summary>One of the model's prompts by name, put before every text. Null: that of <see cref="Task"/>.</summary>
    public string? PromptName { get; init; }

    /// <summary>What the text is; it says which prompt is taken when none is asked for.</summary>
    public EmbedTask Task { get; init; }

    /// <summary>How many of an embedding's first values are kept (truncate_dim); null: as many as the model says.</summary>
    public int? Dimensions { get; init; }

    /// <summary>Whether embeddings, cut, get length 1 (normalize_embeddings).</summary>
    public bool Normalize { get; init; }

    /// <summary>Tokens of one batch; null: as many as suit the device. A matter of speed only: results do not depend on it.</summary>
    public int? BatchTokens { get; init; }
}

/// <summary>Texts to vectors: tokenizer, encoder, pooling and the modules behind it.</summary>
/// <remarks>Thread-safe. A text's vector is the same bits alone and in any batch, for any number of threads of one device tier.</remarks>
public sealed class BiEncoder : IDisposable
{
    private readonly LoadedModel _model;

    private BiEncoder(LoadedModel model) => _model = model;

    /// <summary>Opens a model folder for a device.</summary>
    /// <param name="path">A folder as <see cref="ModelFolder.Resolve"/> finds it.</param>
    /// <param name="device">Stays the caller's to dispose, after this encoder.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="ModelFormatException">The folder is not a usable bi-encoder: a cross-encoder is refused.</exception>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    public static BiEncoder Open(string path, Device device, Precision precision = Precision.Float32, CancellationToken cancellation = default) =>
        Open(ModelFolder.Open(path), device, precision, cancellation);

    /// <summary>Makes an encoder of a folder that is open.</summary>
    /// <param name="folder">Becomes the encoder's, and is closed when this call fails.</param>
    /// <param name="device">Stays the caller's to dispose, after this encoder.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="ModelFormatException">It is not a usable bi-encoder: a cross-encoder is refused.</exception>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    public static BiEncoder Open(ModelFolder folder, Device device, Precision precision = Precision.Float32, CancellationToken cancellation = default) =>
        new(LoadedModel.Load(folder, ModelKind.BiEncoder,
        "a cross-encoder: it scores pairs and has no embeddings. Use it to rerank, or choose a bi-encoder.", device, precision, cancellation));

    /// <summary>The model.</summary>
    public ModelFolder Folder => _model.Folder;

    /// <summary>Its tokenizer.</summary>
    public WordPieceTokenizer Tokenizer => _model.Tokenizer;

    /// <summary>Width of an embedding, as the model says.</summary>
    public int Dimension => DimensionOf(null);

    /// <summary>Width of an embedding with some options; never more than the model gives.</summary>
    /// <param name="options">Null: the model's defaults.</param>
    public int DimensionOf(EmbedOptions? options) => Math.Min(options?.Dimensions ?? Folder.TruncateDim ?? int.MaxValue, Folder.OutputSize);

    /// <summary>How near two embeddings are; greater is nearer.</summary>
    /// <param name="a">Of <see cref="Embed(string, EmbedOptions?)"/>.</param>
    /// <param name="b">Another of the same length.</param>
    /// <param name="function">Null: the model's own (<see cref="ModelFolder.SimilarityFunction"/>).</param>
    /// <exception cref="ArgumentException">They differ in length.</exception>
    public float Similarity(ReadOnlySpan<float> a, ReadOnlySpan<float> b, SimilarityFunction? function = null) => a.Length == b.Length
        ? (float)(function ?? Folder.SimilarityFunction).Of(a, b)
        : throw new ArgumentException($"embeddings of {a.Length} and {b.Length} values", nameof(b));

    /// <summary>Embeds texts: [texts, <see cref="DimensionOf"/>] in their order, as the model normalizes.</summary>
    /// <param name="texts">Any number; an empty text is [CLS] [SEP].</param>
    /// <param name="embeddings">texts.Count * DimensionOf(options) floats.</param>
    /// <param name="options">Null: the model's defaults.</param>
    /// <param name="cancellation">Looked at all along, also within a layer.</param>
    /// <exception cref="ArgumentException">The span has another length, or an option is out of range.</exception>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    public EncodingStatistics Embed(IReadOnlyList<string> texts, Span<float> embeddings, EmbedOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new EmbedOptions();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Dimensions ?? 1, nameof(options));
        int width = DimensionOf(options);
        if (embeddings.Length != (long)texts.Count * width)
        {
            throw new ArgumentException($"{texts.Count} texts need {(long)texts.Count * width} floats, the span has {embeddings.Length}",
                nameof(embeddings));
        }
        int maxLength = LoadedModel.MaxLength(Folder, Tokenizer, options.MaxLength, pair: false);
        string? prompt = PromptName(options) is { } name && Folder.Prompts[name] is { Length: > 0 } text ? text : null;
        int promptRows = prompt is null || Folder.IncludePrompt ? 0 : PromptRows(prompt);
        int Encode(int index, Span<int> ids, Span<byte> typeIds, out bool truncated) =>
            Tokenizer.Encode(prompt is null ? texts[index] : prompt + texts[index], maxLength, ids, out truncated);
        int whole = Folder.OutputSize;
        Span<float> rows = width == whole ? embeddings : new float[texts.Count * whole];
        EncodingStatistics statistics = new SequenceRunner(_model.Network, Folder.Network.Config.Architecture)
            .Run(Encode, maxLength, options.BatchTokens, promptRows, rows, whole, cancellation);
        for (int i = 0; i < texts.Count; i++)
        {
            Span<float> embedding = embeddings.Slice(i * width, width);
            if (width < whole) { rows.Slice(i * whole, width).CopyTo(embedding); }
            if (options.Normalize) { UnitLength.Normalize(embedding); }
        }
        return statistics;
    }

    /// <summary>Embeds one text: [<see cref="DimensionOf"/>].</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">Null: the model's defaults.</param>
    public float[] Embed(string text, EmbedOptions? options = null)
    {
        float[] embedding = new float[DimensionOf(options)];
        Embed([text], embedding, options);
        return embedding;
    }

    /// <summary>The prompt that some options put before a text; null: none.</summary>
    /// <exception cref="ArgumentException">The model has no such prompt.</exception>
    internal string? PromptName(EmbedOptions options)
    {
        if (options.PromptName is not { } name)
        {
            name = options.Task switch { EmbedTask.Query => "query", EmbedTask.Document => "document", _ => Folder.DefaultPromptName };
            return name is not null && Folder.Prompts.ContainsKey(name) ? name : null;
        }
        if (Folder.Prompts.ContainsKey(name)) { return name; }
        string known = Folder.Prompts.Count == 0 ? "it has none" : "it has " + string.Join(", ", Folder.Prompts.Keys);
        throw new ArgumentException($"the model has no prompt '{name}': {known}");
    }

    // sentence-transformers leaves out the prompt's tokens with [CLS], but not the [SEP] that follows them when it stands alone.
    private int PromptRows(string prompt)
    {
        int[] ids = new int[Folder.Network.Config.MaxTokens];
        return Tokenizer.Encode(prompt, ids.Length, ids, out _) - 1;
    }

    /// <summary>Closes the model and its mapped file.</summary>
    public void Dispose() => _model.Dispose();
}
