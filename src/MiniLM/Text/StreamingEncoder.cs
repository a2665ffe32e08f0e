using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MiniLM.Text;

/// <summary>
/// Ids without offsets, window by window: ASCII is lower-cased and split 32 characters at a time, and whole words are looked up from registers. A
/// stretch with any other character goes through the same steps as in <see cref="TokenPipeline"/>, from the start of its word to the next ASCII
/// space or punctuation, where neither normalization nor a word can reach across.
/// </summary>
internal sealed class StreamingEncoder
{
    private const int WhiteSpace = -1;
    private const int Other = -2;
    private const int Trigger = -3;

    private const int LongStretch = 1024;

    private readonly TokenPipeline _pipeline;
    private readonly WordPieceModel _model;
    private readonly bool _lowercase;

    // By byte: the id of a punctuation character, or one of the constants above.
    private readonly int[] _actions = new int[256];
    private readonly int[] _punctuationIds = new int[128];

    internal StreamingEncoder(TokenPipeline pipeline, IEnumerable<AddedToken> addedTokens)
    {
        _pipeline = pipeline;
        _model = pipeline.Model;
        _lowercase = pipeline.Normalizer.Bert.Lowercase;
        Array.Fill(_actions, Other);
        byte[] word = new byte[NormalizedText.Slack];
        for (int value = 0x20; value < 0x7F; value++)
        {
            if ((UnicodeTables.Flags(value) & CodePointFlags.Punctuation) == 0) { continue; }
            word[0] = (byte)value;
            int id = _model.FindShortWord(ref word[0], 1);
            _punctuationIds[value] = _actions[value] = id < 0 ? _model.UnknownId : id;
        }
        foreach (char space in " \t\r\n") { _actions[space] = WhiteSpace; }
        foreach (AddedToken token in addedTokens)
        {
            if (token.Content.Length > 0) { _actions[token.Content[0]] = Trigger; }
        }
    }

    /// <summary>False when the sink wanted no more.</summary>
    internal bool Encode<TSink>(ReadOnlySpan<char> text, EncodeScratch scratch, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        for (int position = 0; position < text.Length;)
        {
            int length = Math.Min(text.Length - position, AsciiWindow.Capacity);
            scratch.Window.Read(text.Slice(position, length), _lowercase);
            position = EncodeWindow(text, position, length, scratch, ref sink);
            if (position < 0) { return false; }
        }
        return true;
    }

    /// <summary>Returns where the next window begins; -1 when the sink wants no more.</summary>
    private int EncodeWindow<TSink>(ReadOnlySpan<char> text, int position, int length, EncodeScratch scratch, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        AsciiWindow window = scratch.Window;
        byte[] bytes = window.Bytes;
        ref byte first = ref MemoryMarshal.GetArrayDataReference(bytes);
        ref int actions = ref MemoryMarshal.GetArrayDataReference(_actions);
        int wordStart = 0;
        for (int block = 0; block < length; block += 64)
        {
            for (ulong boundaries = window.Boundaries[block >> 6]; boundaries != 0; boundaries &= boundaries - 1)
            {
                int at = block + BitOperations.TrailingZeroCount(boundaries);
                if (at < wordStart) { continue; }
                int action = Unsafe.Add(ref actions, Unsafe.Add(ref first, at));
                if (action == Other)
                {
                    int end = StretchEnd(text, position + wordStart, position + at);
                    if (!EncodeStretch(text[(position + wordStart)..end], scratch, ref sink)) { return -1; }
                    wordStart = end - position;
                    if (wordStart >= length) { return end; }
                    continue;
                }
                if (at > wordStart && !EncodeWord(bytes, ref first, wordStart, at, scratch, ref sink)) { return -1; }
                wordStart = at + 1;
                if (action == WhiteSpace) { continue; }
                if (action == Trigger)
                {
                    if (_pipeline.RawTokens.MatchAt(text, position + at, out int matched) is { } token)
                    {
                        if (!sink.AddMatched(token.Id, position + at, position + at + matched, raw: true)) { return -1; }
                        wordStart = at + matched;
                        if (wordStart >= length) { return position + wordStart; }
                        continue;
                    }
                    action = _punctuationIds[bytes[at]];
                }
                if (!sink.Add(action, at, at + 1)) { return -1; }
            }
        }
        if (position + length == text.Length)
        {
            return wordStart == length || EncodeWord(bytes, ref first, wordStart, length, scratch, ref sink) ? text.Length : -1;
        }
        if (wordStart > 0) { return position + wordStart; }
        int longEnd = StretchEnd(text, position, position + length);
        return EncodeStretch(text[position..longEnd], scratch, ref sink) ? longEnd : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool EncodeWord<TSink>(byte[] bytes, ref byte first, int start, int end, EncodeScratch scratch, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        int length = end - start;
        if (length <= ShortKey.MaxLength)
        {
            int id = _model.FindShortWord(ref Unsafe.Add(ref first, start), length);
            if (id >= 0) { return sink.Add(id, start, end); }
        }
        return _model.EncodeWord(bytes, start, end, length, scratch.Pieces, ref sink);
    }

    private bool EncodeStretch<TSink>(ReadOnlySpan<char> stretch, EncodeScratch scratch, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct => _pipeline.EncodeRawPart<IgnoreOrigins, TSink>(stretch, 0, scratch, ref sink);

    /// <summary>First place at or behind <paramref name="index"/> where the text may be cut: before ASCII space or punctuation, or if that is far before
    /// another separator.</summary>
    private int StretchEnd(ReadOnlySpan<char> text, int start, int index)
    {
        while (index < text.Length)
        {
            char unit = text[index];
            if (unit < 0x80)
            {
                if (_actions[unit] != Other && !char.IsAsciiLetterOrDigit(unit)) { break; }
                index++;
                continue;
            }
            int codePoint = Utf8.ReadUtf16(text, index, out int length);
            if (index - start >= LongStretch && IsSeparator(codePoint)) { break; }
            index += length;
        }
        return index;
    }

    // All of these are starters that survive normalization as themselves, or as a space, so no combining character is cut off its run.
    private bool IsSeparator(int codePoint)
    {
        CodePointFlags flags = UnicodeTables.Flags(codePoint);
        return (flags & CodePointFlags.CleanRemoved) == 0
            && ((flags & (CodePointFlags.WhiteSpace | CodePointFlags.Punctuation)) != 0
                || (_pipeline.Normalizer.Bert.HandleChineseChars && (flags & CodePointFlags.CjkSpaced) != 0));
    }
}
