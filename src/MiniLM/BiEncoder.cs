using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM;

/// <summary>Options of <see cref="BiEncoder.Embed(IReadOnlyList{string}, Span{float}, EmbedOptions?, CancellationToken)"/>.</summary>
public sealed record EmbedOptions
{
    /// <summary>Longest input in tokens; longer ones are cut. Null: the model's own limit, which is also the greatest allowed.</summary>
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
    private readonly DeviceNetwork _network;

    private BiEncoder(ModelFolder folder, WordPieceTokenizer tokenizer, DeviceNetwork network) => (Folder, Tokenizer, _network) = (folder, tokenizer, network);

    /// <summary>Opens a model folder for a device.</summary>
    /// <param name="path">A folder as <see cref="ModelFolder.Resolve"/> finds it.</param>
    /// <param name="device">Stays the caller's to dispose, after this encoder.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <exception cref="ModelFormatException">The folder is not a usable bi-encoder: a cross-encoder is refused.</exception>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    public static BiEncoder Open(string path, Device device, Precision precision = Precision.Float32)
    {
        ModelFolder folder = ModelFolder.Open(path);
        try
        {
            if (folder.Kind != ModelKind.BiEncoder)
            {
                throw new ModelFormatException($"{folder.Path}: a cross-encoder ({folder.OutputSize} label(s)): it scores pairs and has no embeddings. Use it to rerank, or choose a bi-encoder.");
            }
            WordPieceTokenizer tokenizer = OpenTokenizer(folder);
            return new BiEncoder(folder, tokenizer, device.Load(folder.Network, precision));
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The folder's tokenizer, whose ids must have rows in the embedding table.</summary>
    internal static WordPieceTokenizer OpenTokenizer(ModelFolder folder)
    {
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(folder.TransformerPath);
        int vocabulary = folder.Network.Config.VocabSize;
        if (tokenizer.VocabularySize > vocabulary)
        {
            throw new ModelFormatException($"{folder.Path}: the tokenizer has ids up to {tokenizer.VocabularySize - 1}, config.json says vocab_size {vocabulary}. They are not of one model: take both from the same source.");
        }
        return tokenizer;
    }

    /// <summary>The model.</summary>
    public ModelFolder Folder { get; }

    /// <summary>Its tokenizer.</summary>
    public WordPieceTokenizer Tokenizer { get; }

    /// <summary>Width of an embedding.</summary>
    public int Dimension => Folder.OutputSize;

    /// <summary>Embeds texts: [texts, Dimension] in their order, as the model normalizes.</summary>
    /// <param name="texts">Any number; an empty text is [CLS] [SEP].</param>
    /// <param name="embeddings">texts.Count * Dimension floats.</param>
    /// <param name="options">Null: the model's defaults.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="ArgumentException">The span has another length, or an option is out of range.</exception>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    public EncodingStatistics Embed(IReadOnlyList<string> texts, Span<float> embeddings, EmbedOptions? options = null, CancellationToken cancellation = default)
    {
        if (embeddings.Length != (long)texts.Count * Dimension)
        {
            throw new ArgumentException($"{texts.Count} texts need {(long)texts.Count * Dimension} floats, the span has {embeddings.Length}", nameof(embeddings));
        }
        options ??= new EmbedOptions();
        int maxLength = CheckMaxLength(Folder, Tokenizer, options.MaxLength, pair: false);
        string? prompt = Prompt(options.PromptName);
        int promptRows = prompt is null || Folder.IncludePrompt ? 0 : PromptRows(prompt);
        var window = new SequenceWindow(Folder.Network.Config.Architecture);
        long tokens = 0;
        int truncated = 0;
        for (int first = 0; first < texts.Count; first += SequenceWindow.Capacity)
        {
            int end = Math.Min(first + SequenceWindow.Capacity, texts.Count);
            for (int i = first; i < end; i++)
            {
                (Memory<int> ids, Memory<byte> typeIds) = window.Reserve(maxLength);
                typeIds.Span.Clear();
                window.Commit(Tokenizer.Encode(prompt is null ? texts[i] : prompt + texts[i], maxLength, ids.Span, out bool cut));
                if (cut) { truncated++; }
            }
            tokens += window.Tokens;
            try { window.Run(_network, options.BatchTokens, promptRows, embeddings[(first * Dimension)..(end * Dimension)], Dimension, cancellation); }
            catch (NonFiniteResultException error) { throw new NonFiniteResultException(first + error.Index); }
        }
        return new EncodingStatistics(texts.Count, tokens, truncated);
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

    /// <summary>The limit in force: what was asked for, within what the model and the special tokens allow.</summary>
    internal static int CheckMaxLength(ModelFolder folder, WordPieceTokenizer tokenizer, int? asked, bool pair)
    {
        int special = tokenizer.SpecialTokenCount(pair), most = folder.Network.Config.MaxTokens;
        int length = asked ?? folder.MaxSequenceLength;
        if (length <= special || length > most)
        {
            throw new ArgumentException($"a maximum length of {length} tokens: this model takes {special + 1} to {most}");
        }
        return length;
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
    public void Dispose()
    {
        _network.Dispose();
        Folder.Dispose();
    }
}
