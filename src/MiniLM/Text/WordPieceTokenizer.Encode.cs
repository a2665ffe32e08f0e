namespace MiniLM.Text;

/// <content>Encoding: ids only without allocation, and in full detail.</content>
public sealed partial class WordPieceTokenizer
{
    /// <summary>Ids of one text with its special tokens, cut at <see cref="TruncationSide"/>; allocates nothing after warm-up and, cut on the right,
    /// reads no more of the text than it needs.</summary>
    /// <param name="text">The text; lone surrogates count as U+FFFD.</param>
    /// <param name="maxLength">Most ids, special tokens included.</param>
    /// <param name="ids">Takes the ids; holds at least <paramref name="maxLength"/>.</param>
    /// <param name="truncated">Whether something was cut.</param>
    /// <returns>Number of ids.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> has no room for the special tokens.</exception>
    /// <exception cref="ArgumentException"><paramref name="ids"/> is too short.</exception>
    public int Encode(ReadOnlySpan<char> text, int maxLength, Span<int> ids, out bool truncated)
    {
        CheckLengths(maxLength, _postProcessor.SingleSpecialCount, ids.Length, nameof(ids));
        int room = maxLength - _postProcessor.SingleSpecialCount;
        int position = 0;
        truncated = false;
        foreach (TemplatePiece piece in _postProcessor.Single)
        {
            if (piece.Sequence < 0)
            {
                foreach (int id in piece.Ids) { ids[position++] = id; }
                continue;
            }
            IdSink sink = new(ids.Slice(position, room), CutsLeft);
            EncodeIds(text, ref sink);
            sink.Order();
            truncated = sink.Overflowed;
            position += sink.Count;
        }
        return position;
    }

    /// <summary>Ids and type ids of a pair with its special tokens, cut at <see cref="TruncationSide"/>; allocates nothing after warm-up.</summary>
    /// <param name="first">The first text.</param>
    /// <param name="second">The second text; an empty one is still a second text.</param>
    /// <param name="maxLength">Most ids, special tokens included.</param>
    /// <param name="strategy">Which text is cut; with <see cref="Truncation.None"/> a pair that does not fit is an error.</param>
    /// <param name="ids">Takes the ids; holds at least <paramref name="maxLength"/>.</param>
    /// <param name="typeIds">Takes the type ids; holds at least <paramref name="maxLength"/>.</param>
    /// <param name="truncated">Whether something was cut.</param>
    /// <returns>Number of ids.</returns>
    /// <exception cref="TokenizerException">The strategy cannot make the pair fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> has no room for the special tokens.</exception>
    /// <exception cref="ArgumentException"><paramref name="ids"/> or <paramref name="typeIds"/> is too short.</exception>
    public int Encode(ReadOnlySpan<char> first, ReadOnlySpan<char> second, int maxLength, Truncation strategy, Span<int> ids, Span<byte> typeIds,
        out bool truncated)
    {
        int specials = _postProcessor.PairSpecialCount;
        CheckLengths(maxLength, specials, ids.Length, nameof(ids));
        CheckLengths(maxLength, specials, typeIds.Length, nameof(typeIds));
        int room = maxLength - specials;
        // One token more than fits shows that something is cut.
        int limit = room + 1;
        Span<int> scratch = EncodeScratch.Current.Ids(2 * limit);
        IdSink firstSink = new(scratch[..limit], CutsLeft);
        IdSink secondSink = new(scratch[limit..], CutsLeft);
        EncodeIds(first, ref firstSink);
        EncodeIds(second, ref secondSink);
        firstSink.Order();
        secondSink.Order();
        int firstCount = firstSink.Count + (CutsLeft ? firstSink.Lost : 0);
        int secondCount = secondSink.Count + (CutsLeft ? secondSink.Lost : 0);
        if (!CutsLeft && strategy == Truncation.LongestFirst && firstCount == limit && secondCount == limit && room % 2 == 1)
        {
            (firstCount, secondCount) = CompareLengths(first, second, limit);
        }
        return Join(scratch[..firstSink.Count], firstCount, scratch.Slice(limit, secondSink.Count), secondCount, maxLength, strategy, ids, typeIds,
            out truncated);
    }

    /// <summary>A pair of texts that were tokenized apart, as <see cref="Encode(ReadOnlySpan{char}, ReadOnlySpan{char}, int, Truncation, Span{int},
    /// Span{byte}, out bool)"/> makes it of the texts.</summary>
    /// <param name="first">Tokens of the first text without special ones: all, or one more than fits, those that cutting leaves.</param>
    /// <param name="firstCount">How many the text has.</param>
    /// <param name="second">As the first.</param>
    /// <param name="secondCount">As the first.</param>
    /// <param name="maxLength">Most ids, special tokens included.</param>
    /// <param name="strategy">Which text is cut.</param>
    /// <param name="ids">Takes the ids.</param>
    /// <param name="typeIds">Takes the type ids.</param>
    /// <param name="truncated">Whether something was cut.</param>
    /// <returns>Number of ids.</returns>
    internal int Join(ReadOnlySpan<int> first, int firstCount, ReadOnlySpan<int> second, int secondCount, int maxLength, Truncation strategy, Span<int> ids,
        Span<byte> typeIds, out bool truncated)
    {
        int room = maxLength - _postProcessor.PairSpecialCount;
        (int keptFirst, int keptSecond) = TruncationRule.Apply(firstCount, secondCount, room, strategy);
        truncated = keptFirst < firstCount || keptSecond < secondCount;
        if (keptFirst + keptSecond > room)
        {
            throw new TokenizerException($"the pair has more than {maxLength} tokens and Truncation.None forbids to cut it.");
        }
        int position = 0;
        foreach (TemplatePiece piece in _postProcessor.Pair)
        {
            ReadOnlySpan<int> source = piece.Sequence switch
            {
                < 0 => piece.Ids,
                0 => first.Slice(CutsLeft ? first.Length - keptFirst : 0, keptFirst),
                _ => second.Slice(CutsLeft ? second.Length - keptSecond : 0, keptSecond),
            };
            source.CopyTo(ids[position..]);
            typeIds.Slice(position, source.Length).Fill((byte)piece.TypeId);
            position += source.Length;
        }
        return position;
    }

    /// <summary>One text or pair in full detail.</summary>
    /// <param name="first">The text.</param>
    /// <param name="second">The second text of a pair; null = no pair, an empty one is still a pair.</param>
    /// <param name="options">Truncation, padding, special tokens; null = special tokens, nothing cut, no padding.</param>
    /// <exception cref="TokenizerException">The strategy cannot make the texts fit.</exception>
    public TokenEncoding Encode(string first, string? second = null, EncodeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(first);
        return Encode(first, second, options ?? new EncodeOptions(), CancellationToken.None);
    }

    /// <summary>The same, which ends early where the token asks for it: a text may be of any length.</summary>
    internal TokenEncoding Encode(string first, string? second, EncodeOptions options, CancellationToken cancellation) =>
        _detailed.Pad([EncodeUnpadded(first, second, options, cancellation)], options)[0];

    /// <summary>Several texts or pairs in full detail, padded to one length if the options ask for it.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="options">Truncation, padding, special tokens.</param>
    /// <exception cref="TokenizerException">The strategy cannot make the texts fit.</exception>
    public IReadOnlyList<TokenEncoding> EncodeBatch(IReadOnlyList<(string First, string? Second)> texts, EncodeOptions options)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(options);
        return _detailed.Pad([.. texts.Select(text => EncodeUnpadded(text.First, text.Second, options))], options);
    }

    /// <summary>Number of tokens of a text without special tokens, counted up to a limit.</summary>
    internal int CountTokens(ReadOnlySpan<char> text, int limit = int.MaxValue)
    {
        CountSink sink = new(limit);
        EncodeIds(text, ref sink);
        return sink.Count;
    }

    /// <summary>Tokens of a text without special tokens, no more than there is room for: those that cutting leaves.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ids">Takes them.</param>
    /// <param name="written">How many it took.</param>
    /// <returns>How many the text has.</returns>
    internal int EncodePart(ReadOnlySpan<char> text, Span<int> ids, out int written)
    {
        IdSink sink = new(ids, CutsLeft);
        EncodeIds(text, ref sink);
        sink.Order();
        written = sink.Count;
        return !sink.Overflowed ? sink.Count : CutsLeft ? sink.Count + sink.Lost : CountTokens(text);
    }

    /// <summary>Tokens of a text without special tokens, with offsets.</summary>
    internal List<TokenDetail> Tokenize(string text, CancellationToken cancellation = default)
    {
        EncodeScratch scratch = EncodeScratch.Current;
        List<TokenDetail> tokens = [];
        DetailSink sink = new(text, scratch.Normalized, tokens, cancellation);
        _pipeline.Encode<TrackOrigins, DetailSink>(text, scratch, ref sink, cancellation);
        return tokens;
    }

    private bool CutsLeft => TruncationSide == SequenceSide.Left;

    private static void CheckLengths(int maxLength, int specials, int capacity, string parameter)
    {
        if (maxLength < specials)
        {
            throw new ArgumentOutOfRangeException(nameof(maxLength), maxLength, $"{specials} special tokens do not fit in {maxLength}");
        }
        if (capacity < maxLength) { throw new ArgumentException($"holds {capacity}, less than maxLength {maxLength}", parameter); }
    }

    private void EncodeIds<TSink>(ReadOnlySpan<char> text, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        EncodeScratch scratch = EncodeScratch.Current;
        if (_streaming is { } streaming) { streaming.Encode(text, scratch, ref sink); }
        else { _pipeline.EncodeChunks(text, scratch, ref sink); }
    }

    private TokenEncoding EncodeUnpadded(string first, string? second, EncodeOptions options, CancellationToken cancellation = default)
    {
        return _detailed.Build(Tokenize(first, cancellation), second is null ? null : Tokenize(second, cancellation), options, cancellation);
    }

    /// <summary>
    /// Lengths that compare like the true ones: at an odd room the text that was longer keeps one token more, so both have to be read until one
    /// ends. Doubling keeps that within a small factor of the shorter text, however long the other is.
    /// </summary>
    private (int First, int Second) CompareLengths(ReadOnlySpan<char> first, ReadOnlySpan<char> second, int limit)
    {
        while (true)
        {
            limit = limit <= int.MaxValue / 2 ? limit * 2 : int.MaxValue;
            int firstCount = CountTokens(first, limit);
            int secondCount = CountTokens(second, limit);
            if (firstCount < limit || secondCount < limit || limit == int.MaxValue) { return (firstCount, secondCount); }
        }
    }
}
