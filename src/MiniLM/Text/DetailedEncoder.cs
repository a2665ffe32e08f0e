namespace MiniLM.Text;

/// <summary>Truncation, post-processor and padding of tokens that are already found, with every detail.</summary>
internal sealed class DetailedEncoder(PostProcessor postProcessor, Func<int, string> tokenText, int padTokenId)
{
    internal TokenEncoding Build(List<TokenDetail> first, List<TokenDetail>? second, EncodeOptions options, CancellationToken cancellation)
    {
        TemplatePiece[] template = second is null ? postProcessor.Single : postProcessor.Pair;
        int specials = !options.AddSpecialTokens ? 0 : second is null ? postProcessor.SingleSpecialCount : postProcessor.PairSpecialCount;
        int keptFirst = first.Count;
        int keptSecond = second?.Count ?? 0;
        if (options.MaxLength is { } maxLength)
        {
            (keptFirst, keptSecond) = TruncationRule.Apply(first.Count, second?.Count, maxLength - specials, options.Truncation);
        }
        TokenEncoding encoding = new(keptFirst + keptSecond + specials) { IsTruncated = keptFirst + keptSecond < first.Count + (second?.Count ?? 0) };
        int position = 0;
        foreach (TemplatePiece piece in template)
        {
            if (piece.Sequence < 0)
            {
                for (int index = 0; options.AddSpecialTokens && index < piece.Ids.Length; index++)
                {
                    Set(encoding, position++, piece.Ids[index], piece.TypeId, piece.Tokens[index], default, special: true, sequence: -1);
                }
                continue;
            }
            List<TokenDetail> tokens = piece.Sequence == 0 ? first : second!;
            int kept = piece.Sequence == 0 ? keptFirst : keptSecond;
            int skipped = options.TruncationSide == SequenceSide.Left ? tokens.Count - kept : 0;
            for (int index = 0; index < kept; index++)
            {
                if (index % DetailSink.CancellationStride == 0) { cancellation.ThrowIfCancellationRequested(); }
                TokenDetail token = tokens[skipped + index];
                string text = token.Text ?? tokenText(token.Id);
                (int, int) offsets = (token.Start, token.End);
                if (postProcessor.TrimOffsets) { offsets = Trim(text, token.Start, token.End, index == 0 || token.Start == 0); }
                Set(encoding, position++, token.Id, piece.TypeId, text, offsets, special: false, piece.Sequence);
            }
        }
        return encoding;
    }

    /// <summary>Fills all encodings up to one length, or returns them as they are.</summary>
    internal TokenEncoding[] Pad(TokenEncoding[] encodings, EncodeOptions options)
    {
        if (options.Padding == Padding.None) { return encodings; }
        int length = options.Padding == Padding.Fixed
            ? options.PadToLength ?? options.MaxLength ?? throw new TokenizerException("Padding.Fixed needs PadToLength or MaxLength.")
            : encodings.Length == 0 ? 0 : encodings.Max(encoding => encoding.Ids.Length);
        if (options.PadToMultipleOf is { } multiple and > 0 && length % multiple > 0) { length += multiple - (length % multiple); }
        return [.. encodings.Select(encoding => encoding.Ids.Length >= length ? encoding : Pad(encoding, length, options))];
    }

    private TokenEncoding Pad(TokenEncoding encoding, int length, EncodeOptions options)
    {
        int count = encoding.Ids.Length;
        int shift = options.PaddingSide == SequenceSide.Left ? length - count : 0;
        int padId = options.PadId ?? padTokenId;
        string padToken = options.PadToken ?? tokenText(padId);
        TokenEncoding padded = new(length) { IsTruncated = encoding.IsTruncated };
        for (int index = 0; index < length; index++)
        {
            int source = index - shift;
            if ((uint)source < (uint)count)
            {
                Set(padded, index, encoding.Ids[source], encoding.TypeIds[source], encoding.Tokens[source], encoding.Offsets[source],
                    encoding.SpecialTokensMask[source] != 0, encoding.SequenceIds[source]);
                continue;
            }
            Set(padded, index, padId, options.PadTypeId, padToken, default, special: true, sequence: -1);
            padded.AttentionMask[index] = 0;
        }
        return padded;
    }

    private static void Set(TokenEncoding encoding, int index, int id, int typeId, string token, (int Start, int End) offsets, bool special, int sequence)
    {
        encoding.Ids[index] = id;
        encoding.TypeIds[index] = typeId;
        encoding.Tokens[index] = token;
        encoding.Offsets[index] = offsets;
        encoding.SpecialTokensMask[index] = special ? (byte)1 : (byte)0;
        encoding.AttentionMask[index] = 1;
        encoding.SequenceIds[index] = sequence;
    }

    /// <summary>RobertaProcessing's trim_offsets. It was made for byte-level tokens, so U+0120, their sign for a space, counts as one too.</summary>
    private (int Start, int End) Trim(string token, int start, int end, bool isFirst)
    {
        int leading = 0;
        while (leading < token.Length && IsSpace(token[leading])) { leading++; }
        int trailing = 0;
        while (trailing < token.Length && IsSpace(token[token.Length - 1 - trailing])) { trailing++; }
        if (leading > 0)
        {
            if (isFirst && postProcessor.AddPrefixSpace) { leading--; }
            start = Math.Min(start + leading, end);
        }
        if (trailing > 0 && end >= trailing) { end = Math.Max(end - trailing, start); }
        return (start, end);
    }

    private static bool IsSpace(char value) => value == '\u0120' || (UnicodeTables.Flags(value) & CodePointFlags.WhiteSpace) != 0;
}
