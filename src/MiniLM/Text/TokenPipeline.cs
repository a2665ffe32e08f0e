namespace MiniLM.Text;

/// <summary>Text to tokens without special tokens: added tokens of the raw text, normalizer, added tokens of the normalized text, words, WordPiece.</summary>
internal sealed class TokenPipeline
{
    private const int ChunkLength = 1024;

    private readonly AddedTokenMatcher<char> _raw;
    private readonly AddedTokenMatcher<byte> _normalized;
    private readonly bool _cutAtSpaces;

    internal TokenPipeline(Normalizer normalizer, WordPieceModel model, IReadOnlyList<AddedToken> addedTokens)
    {
        Normalizer = normalizer;
        Model = model;
        _raw = new AddedTokenMatcher<char>(addedTokens.Where(token => !token.Normalized).Select(token => (token.Content.ToCharArray(), token)),
            Utf8.ReadUtf16, Utf8.ReadUtf16Before);
        List<(byte[] Pattern, AddedToken Token)> normalized = [];
        NormalizedText content = new();
        foreach (AddedToken token in addedTokens.Where(token => token.Normalized))
        {
            content.Clear();
            normalizer.Normalize<IgnoreOrigins>(token.Content, 0, content);
            normalized.Add((content.Bytes.ToArray(), token));
        }
        _normalized = new AddedTokenMatcher<byte>(normalized, Utf8.Read, Utf8.ReadBefore);
        _cutAtSpaces = normalizer.CanCutAtSpaces && !addedTokens.Any(token => token.Content.Contains(' '))
            && !normalized.Exists(entry => entry.Pattern.Contains((byte)' '));
        CanStream = normalizer.Steps.Length == 0 && model.PreTokenizer == PreTokenizer.Bert
            && addedTokens.All(token => !token.Normalized && !token.SingleWord && (token.Content.Length == 0 || IsAsciiPunctuation(token.Content[0])));
    }

    internal Normalizer Normalizer { get; }

    internal WordPieceModel Model { get; }

    internal AddedTokenMatcher<char> RawTokens => _raw;

    /// <summary>Added tokens are all found at a punctuation character of the raw text: <see cref="StreamingEncoder"/> gives the same ids.</summary>
    internal bool CanStream { get; }

    /// <summary>All steps for the whole text; false when the sink wanted no more.</summary>
    internal bool Encode<TTracking, TSink>(ReadOnlySpan<char> text, EncodeScratch scratch, ref TSink sink, CancellationToken cancellation = default)
        where TTracking : struct, IOriginTracking
        where TSink : struct, ITokenSink, allows ref struct
    {
        if (_raw.IsEmpty) { return EncodeRawPart<TTracking, TSink>(text, 0, scratch, ref sink, cancellation); }
        List<TextPart> parts = scratch.RawParts;
        parts.Clear();
        _raw.Split(text, parts);
        foreach (TextPart part in parts)
        {
            bool more = part.Token is { } token
                ? sink.AddMatched(token.Id, part.Start, part.End, raw: true)
                : EncodeRawPart<TTracking, TSink>(text[part.Start..part.End], part.Start, scratch, ref sink, cancellation);
            if (!more) { return false; }
        }
        return true;
    }

    /// <summary>Ids only: the text is cut at spaces where no added token can reach across, so that a full sink ends the work early.</summary>
    internal bool EncodeChunks<TSink>(ReadOnlySpan<char> text, EncodeScratch scratch, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        while (_cutAtSpaces && text.Length > ChunkLength)
        {
            int space = text[ChunkLength..].IndexOf(' ');
            if (space < 0) { break; }
            if (!Encode<IgnoreOrigins, TSink>(text[..(ChunkLength + space)], scratch, ref sink)) { return false; }
            text = text[(ChunkLength + space)..];
        }
        return Encode<IgnoreOrigins, TSink>(text, scratch, ref sink);
    }

    /// <summary>A piece without added tokens of the raw text.</summary>
    internal bool EncodeRawPart<TTracking, TSink>(
        ReadOnlySpan<char> text, int origin, EncodeScratch scratch, ref TSink sink, CancellationToken cancellation = default)
        where TTracking : struct, IOriginTracking
        where TSink : struct, ITokenSink, allows ref struct
    {
        NormalizedText normalized = scratch.Normalized;
        normalized.Clear();
        Normalizer.Normalize<TTracking>(text, origin, normalized, cancellation);
        if (_normalized.IsEmpty) { return Model.Encode(normalized, 0, normalized.Length, scratch.Pieces, ref sink); }
        List<TextPart> parts = scratch.NormalizedParts;
        parts.Clear();
        _normalized.Split(normalized.Bytes, parts);
        foreach (TextPart part in parts)
        {
            bool more = part.Token is { } token
                ? sink.AddMatched(token.Id, part.Start, part.End, raw: false)
                : Model.Encode(normalized, part.Start, part.End, scratch.Pieces, ref sink);
            if (!more) { return false; }
        }
        return true;
    }

    private static bool IsAsciiPunctuation(char value) => value < 0x80 && (UnicodeTables.Flags(value) & CodePointFlags.Punctuation) != 0;
}
