namespace MiniLM.Text;

/// <summary>
/// WordPiece exactly as Hugging Face's <c>tokenizers</c> does it for BERT-style models: same ids, tokens, offsets, truncation and padding. Immutable
/// after loading, so one instance serves any number of threads.
/// </summary>
public sealed partial class WordPieceTokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly Dictionary<int, AddedToken> _addedById = [];
    private readonly Dictionary<string, int> _addedIds = new(StringComparer.Ordinal);
    private readonly TokenPipeline _pipeline;
    private readonly StreamingEncoder? _streaming;
    private readonly PostProcessor _postProcessor;
    private readonly DetailedEncoder _detailed;
    private readonly string _prefix;
    private readonly bool _cleanUpDecoded;

    private WordPieceTokenizer(TokenizerDefinition definition)
    {
        string file = definition.File;
        _prefix = definition.ContinuingPrefix;
        _cleanUpDecoded = definition.CleanUpDecoded;
        _vocabulary = new Vocabulary(definition.TokenBlock, [.. definition.Tokens], System.Text.Encoding.UTF8.GetBytes(_prefix), file);
        VocabularySize = _vocabulary.Size;
        int unknownId = Require(definition.UnknownToken, "unk_token", file);
        List<AddedToken> addedTokens = ResolveAddedTokens(definition);
        _postProcessor = definition.PostProcessor ?? (definition.BertTemplate is { } bert
            ? PostProcessor.Bert((bert.Cls, Require(bert.Cls, "cls_token", file)), (bert.Sep, Require(bert.Sep, "sep_token", file)))
            : PostProcessor.None);
        CheckIds(definition.FileOptions, file);
        WordPieceModel model = new(_vocabulary, unknownId, definition.MaxInputCharsPerWord, definition.PreTokenizer);
        _pipeline = new TokenPipeline(definition.Normalizer, model, addedTokens);
        _streaming = _pipeline.CanStream ? new StreamingEncoder(_pipeline, addedTokens) : null;
        FileOptions = definition.FileOptions;
        TruncationSide = definition.TruncationSide;
        ModelMaxLength = definition.ModelMaxLength;
        PadTokenId = FileOptions.PadId
            ?? (definition.PadToken is { } pad ? TokenToId(pad) : null)
            ?? TokenToId("[PAD]") ?? TokenToId("<pad>") ?? 0;
        _detailed = new DetailedEncoder(_postProcessor, IdToToken, PadTokenId);
    }

    /// <summary>Largest id + 1, added tokens included.</summary>
    public int VocabularySize { get; private set; }

    /// <summary>Id of the padding: that of the padding section of tokenizer.json, else of the configured pad token, else of [PAD] or &lt;pad&gt;, else
    /// 0.</summary>
    public int PadTokenId { get; }

    /// <summary>model_max_length of tokenizer_config.json; null when absent or above a million (which stands for "no limit").</summary>
    public int? ModelMaxLength { get; }

    /// <summary>Truncation and padding as the tokenizer.json asks for; never used unless given to
    /// <see cref="Encode(string, string?, EncodeOptions?)"/>.</summary>
    public EncodeOptions FileOptions { get; }

    /// <summary>Where texts that are too long are cut: truncation_side of tokenizer_config.json, else as the tokenizer.json asks for.</summary>
    public SequenceSide TruncationSide { get; }

    internal BertNormalizer Normalizer => _pipeline.Normalizer.Bert;

    /// <summary>Loads a tokenizer.</summary>
    /// <param name="path">A folder with tokenizer.json or vocab.txt (and tokenizer_config.json), or one of these two files.</param>
    /// <exception cref="TokenizerException">A file is missing, damaged, or asks for something that is not supported.</exception>
    public static WordPieceTokenizer Load(string path) => Load(path, lowersCase: false);

    /// <summary>The same, with lower case before its own normalizer where that does not begin with it.</summary>
    internal static WordPieceTokenizer Load(string path, bool lowersCase)
    {
        ArgumentNullException.ThrowIfNull(path);
        TokenizerDefinition definition = TokenizerFiles.Read(path);
        if (lowersCase) { definition.Normalizer = definition.Normalizer.AfterLowercase(); }
        return new WordPieceTokenizer(definition);
    }

    /// <summary>Text of a token.</summary>
    /// <param name="id">Its id.</param>
    /// <exception cref="TokenizerException">No token has this id.</exception>
    public string IdToToken(int id)
    {
        return FindToken(id) ?? throw new TokenizerException($"no token has id {id}; the vocabulary ends at {VocabularySize - 1}.");
    }

    /// <summary>Id of a token; null when the vocabulary has no such token.</summary>
    /// <param name="token">Its text, with the prefix of continuing pieces (##ing).</param>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _addedIds.TryGetValue(token, out int id) ? id : _vocabulary.Find(token);
    }

    /// <summary>How many special tokens the post-processor adds.</summary>
    /// <param name="pair">For two texts instead of one.</param>
    public int SpecialTokenCount(bool pair) => pair ? _postProcessor.PairSpecialCount : _postProcessor.SingleSpecialCount;

    /// <summary>Whether decoding may leave the token out.</summary>
    internal bool IsSpecial(int id) => _addedById.TryGetValue(id, out AddedToken? token) && token.Special;

    private string? FindToken(int id) => _addedById.TryGetValue(id, out AddedToken? added) ? added.Content : _vocabulary.Text(id);

    private int Require(string token, string field, string file)
    {
        return _vocabulary.Find(token) ?? throw new TokenizerException($"{file}: {field} '{token}' is not in the vocabulary.");
    }

    /// <summary>Ids that come from the file without passing through the vocabulary must not lead past the embedding table either.</summary>
    private void CheckIds(EncodeOptions fileOptions, string file)
    {
        foreach (TemplatePiece piece in _postProcessor.Single.Concat(_postProcessor.Pair))
        {
            for (int index = 0; index < piece.Ids.Length; index++)
            {
                if (piece.Ids[index] >= VocabularySize)
                {
                    throw new TokenizerException(
                        $"{file}: post_processor gives '{piece.Tokens[index]}' id {piece.Ids[index]}; the vocabulary ends at {VocabularySize - 1}.");
                }
            }
        }
        if (fileOptions.PadId >= VocabularySize)
        {
            throw new TokenizerException($"{file}: padding.pad_id is {fileOptions.PadId}; the vocabulary ends at {VocabularySize - 1}.");
        }
    }

    /// <summary>Gives each added token the id of the vocabulary if its text is there, as the original does, and checks the others.</summary>
    private List<AddedToken> ResolveAddedTokens(TokenizerDefinition definition)
    {
        List<AddedToken> resolved = [];
        IEnumerable<AddedToken> tokens = definition.AddedTokens;
        // Without a list in the file: the special tokens of the configuration that the vocabulary has.
        tokens = tokens.Concat(definition.SpecialTokens.Distinct().Where(token => _vocabulary.Find(token) is not null)
            .Select(token => new AddedToken(_vocabulary.Find(token)!.Value, token, false, false, false, Normalized: false, Special: true)));
        foreach (AddedToken token in tokens)
        {
            if (token.Content.Length == 0) { continue; }
            int? known = _vocabulary.Find(token.Content);
            AddedToken final = token with { Id = known ?? (token.Id == AddedToken.NextId ? VocabularySize : token.Id) };
            string? owner = known is null ? FindToken(final.Id) : null;
            if (owner is not null && owner != final.Content)
            {
                throw new TokenizerException(
                    $"{definition.File}: added token '{final.Content}' has id {final.Id}, which belongs to '{owner}'. Every token needs its own id.");
            }
            _addedById[final.Id] = final;
            _addedIds[final.Content] = final.Id;
            VocabularySize = Math.Max(VocabularySize, final.Id + 1);
            resolved.Add(final);
        }
        return resolved;
    }
}
