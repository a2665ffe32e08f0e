using System.Buffers;
using Microsoft.ML.Tokenizers;
using WordPieceTokenizer = MiniLM.Text.WordPieceTokenizer;

namespace MiniLM.Extensions;

/// <summary>
/// Lets code written for Microsoft.ML.Tokenizers (text chunkers, token counters) use MiniLM's tokenizer. As with its other tokenizers without
/// options, no special tokens are added. Text is never handed back normalized: offsets and indices are those of the text given.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
public sealed class WordPieceTokenizerAdapter(WordPieceTokenizer tokenizer) : Tokenizer
{
    private readonly WordPieceTokenizer _tokenizer = tokenizer ?? throw new ArgumentNullException(nameof(tokenizer));

    /// <summary>Null: normalization is part of the tokenizer and keeps offsets to the original text.</summary>
    public override Normalizer? Normalizer => null;

    /// <summary>Null: splitting is part of the tokenizer.</summary>
    public override PreTokenizer? PreTokenizer => null;

    /// <summary>Text of ids, special tokens left out.</summary>
    /// <param name="ids">The ids.</param>
    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return _tokenizer.Decode(ids.ToArray());
    }

    /// <summary>Text of as many ids as fit, special tokens left out.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="destination">Takes the text.</param>
    /// <param name="idsConsumed">How many ids were used.</param>
    /// <param name="charsWritten">How many characters were written.</param>
    /// <returns>Done, or DestinationTooSmall when ids are left.</returns>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int[] all = ids.ToArray();
        string text = _tokenizer.Decode(all);
        idsConsumed = all.Length;
        // Each token adds to the end only, so the longest fitting prefix of ids is the answer.
        while (text.Length > destination.Length) { text = _tokenizer.Decode(all.AsSpan(0, --idsConsumed)); }
        text.CopyTo(destination);
        charsWritten = text.Length;
        return idsConsumed == all.Length ? OperationStatus.Done : OperationStatus.DestinationTooSmall;
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        string source = text ?? textSpan.ToString();
        List<Text.TokenDetail> tokens = _tokenizer.Tokenize(source);
        int count = Math.Min(tokens.Count, settings.MaxTokenCount);
        EncodedToken[] encoded = new EncodedToken[count];
        for (int index = 0; index < count; index++)
        {
            Text.TokenDetail token = tokens[index];
            encoded[index] = new EncodedToken(token.Id, token.Text ?? _tokenizer.IdToToken(token.Id), new Range(token.Start, token.End));
        }
        return new EncodeResults<EncodedToken> { Tokens = encoded, NormalizedText = null, CharsConsumed = Consumed(tokens, count, source.Length) };
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        string source = text ?? textSpan.ToString();
        List<Text.TokenDetail> tokens = _tokenizer.Tokenize(source);
        int count = Math.Min(tokens.Count, settings.MaxTokenCount);
        return new EncodeResults<int>
        {
            Tokens = [.. tokens.Take(count).Select(token => token.Id)],
            NormalizedText = null,
            CharsConsumed = Consumed(tokens, count, source.Length)
        };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        return settings.MaxTokenCount <= 0 ? 0 : _tokenizer.CountTokens(text is null ? textSpan : text, settings.MaxTokenCount);
    }

    /// <inheritdoc/>
    protected override int GetIndexByTokenCount(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd,
        out string? normalizedText, out int tokenCount)
    {
        string source = text ?? textSpan.ToString();
        normalizedText = null;
        List<Text.TokenDetail> tokens = _tokenizer.Tokenize(source);
        tokenCount = Math.Min(tokens.Count, settings.MaxTokenCount);
        if (!fromEnd) { return Consumed(tokens, tokenCount, source.Length); }
        if (tokenCount == tokens.Count) { return 0; }
        // The pieces of one character share its offsets: they stay together on the left side.
        while (tokenCount > 0 && tokens[^tokenCount].Start < tokens[tokens.Count - tokenCount - 1].End) { tokenCount--; }
        return tokenCount == 0 ? source.Length : tokens[^tokenCount].Start;
    }

    /// <summary>Characters that the first tokens take; all when no token is left over.</summary>
    private static int Consumed(List<Text.TokenDetail> tokens, int count, int length) => count == tokens.Count ? length : count == 0 ? 0
        : tokens[count - 1].End;
}
