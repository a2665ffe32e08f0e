using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM;

/// <summary>Options of <see cref="BiEncoder.Embed(IReadOnlyList{string}, Span{float}, EmbedOptions?, CancellationToken)"/>.</summary>
public sealed record EmbedOptions
{
    /// <summary>Longest input in tokens; longer ones are cut. Null: the model's own limit (all-MiniLM-L6-v2: 256);
    /// up to its positions (512) may be asked for.</summary>
    public int? MaxLength { get; init; }

    /// <summary>One of the model's prompts by name, put before every text. Null: the model's default prompt, if it names one.</summary>
    public string? PromptName { get; init; }

    /// <summary>Tokens of one batch on the device. A matter of speed only: results do not depend on it.</summary>
    public int BatchTokens { get; init; } = 8192;
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

    /// <summary>Width of an embedding.</summary>
    public int Dimension => Folder.OutputSize;

    /// <summary>Embeds texts: [texts, Dimension] in their order, as the model normalizes.</summary>
    /// <param name="texts">Any number; an empty text is [CLS] [SEP].</param>
    /// <param name="embeddings">texts.Count * Dimension floats.</param>
    /// <param name="options">Null: the model's defaults.</param>
    /// <param name="cancellation">Looked at all along, also within a layer.</param>
    /// <exception cref="ArgumentException">The span has another length, or an option is out of range.</exception>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    public EncodingStatistics Embed(IReadOnlyList<string> texts, Span<float> embeddings, EmbedOptions? options = null, CancellationToken cancellation = default)
    {
        if (embeddings.Length != (long)texts.Count * Dimension)
        {
            throw new ArgumentException($"{texts.Count} texts need {(long)texts.Count * Dimension} floats, the span has {embeddings.Length}",
                nameof(embeddings));
        }
        options ??= new EmbedOptions();
        int maxLength = LoadedModel.MaxLength(Folder, Tokenizer, options.MaxLength, pair: false);
        string? prompt = Prompt(options.PromptName);
        int promptRows = prompt is null || Folder.IncludePrompt ? 0 : PromptRows(prompt);
        int Encode(int index, Span<int> ids, Span<byte> typeIds, out bool truncated) =>
            Tokenizer.Encode(prompt is null ? texts[index] : prompt + texts[index], maxLength, ids, out truncated);
        return new SequenceRunner(_model.Network, Folder.Network.Config.Architecture)
            .Run(Encode, maxLength, options.BatchTokens, promptRows, embeddings, Dimension, cancellation);
    }

    /// <summary>Embeds one text: [Dimension].</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">Null: the model's defaults.</param>
    public float[] Embed(string text, EmbedOptions? options = null)
    {
        float[] embedding = new float[Dimension];
        Embed([text], embedding, options);
        return embedding;
    }

    private string? Prompt(string? name)
    {
        name ??= Folder.DefaultPromptName;
        if (name is null) { return null; }
        if (Folder.Prompts.TryGetValue(name, out string? prompt)) { return prompt.Length == 0 ? null : prompt; }
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
