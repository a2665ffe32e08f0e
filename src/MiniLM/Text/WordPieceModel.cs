using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MiniLM.Text;

/// <summary>Pre-tokenizer and WordPiece on normalized UTF-8.</summary>
internal sealed class WordPieceModel
{
    private readonly PieceTable _words;
    private readonly PieceTable _continuations;
    private readonly int _maxCodePoints;
    private readonly CodePointFlags _separators;
    private readonly bool _endsAtSymbols;

    internal WordPieceModel(Vocabulary vocabulary, int unknownId, int maxCodePoints, PreTokenizer preTokenizer = PreTokenizer.Bert)
    {
        PreTokenizer = preTokenizer;
        _separators = CodePointFlags.WhiteSpace | (preTokenizer.HasFlag(PreTokenizer.Bert) ? CodePointFlags.Punctuation : 0);
        _endsAtSymbols = preTokenizer.HasFlag(PreTokenizer.Whitespace);
        _words = vocabulary.Words;
        _continuations = vocabulary.Continuations;
        UnknownId = unknownId;
        _maxCodePoints = maxCodePoints;
    }

    internal int UnknownId { get; }

    internal PreTokenizer PreTokenizer { get; }

    /// <summary>Tokens of text[start..end]; false when the sink wants no more.</summary>
    internal bool Encode<TSink>(NormalizedText text, int start, int end, PieceBuffer pieces, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        ReadOnlySpan<byte> bytes = text.Bytes;
        int wordStart = start;
        int codePoints = 0;
        CodePointFlags kind = 0; // of the word's characters, where it ends with them
        for (int index = start; index < end;)
        {
            int codePoint = Utf8.Read(bytes, index, out int length);
            CodePointFlags all = UnicodeTables.Flags(codePoint), flags = all & _separators;
            if (flags == 0)
            {
                if (_endsAtSymbols && kind != (all & CodePointFlags.RegexWord))
                {
                    if (codePoints > 0 && !EncodeWord(text.Buffer, wordStart, index, codePoints, pieces, ref sink)) { return false; }
                    (kind, wordStart, codePoints) = (all & CodePointFlags.RegexWord, index, 0);
                }
                codePoints++;
                index += length;
                continue;
            }
            if (codePoints > 0 && !EncodeWord(text.Buffer, wordStart, index, codePoints, pieces, ref sink)) { return false; }
            if ((flags & CodePointFlags.WhiteSpace) == 0 && !EncodeWord(text.Buffer, index, index + length, 1, pieces, ref sink)) { return false; }
            index += length;
            wordStart = index;
            codePoints = 0;
        }
        return codePoints == 0 || EncodeWord(text.Buffer, wordStart, end, codePoints, pieces, ref sink);
    }

    /// <summary>Id of a word that is one token, else -1. Reads 16 bytes at <paramref name="word"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int FindShortWord(ref byte word, int length) => length <= _maxCodePoints ? _words.Find(ShortKey.Load(ref word, length)) : UnknownId;

    /// <summary>Greedy longest match from the left; a gap anywhere makes the whole word unknown.</summary>
    internal bool EncodeWord<TSink>(byte[] buffer, int start, int end, int codePoints, PieceBuffer pieces, ref TSink sink)
        where TSink : struct, ITokenSink, allows ref struct
    {
        if (codePoints > _maxCodePoints) { return sink.Add(UnknownId, start, end); }
        int length = LongestMatch(_words, buffer, start, end, out int id);
        if (start + length == end) { return sink.Add(id, start, end); }
        pieces.Clear();
        int position = start;
        while (length > 0)
        {
            position += length;
            pieces.Add(id, position);
            if (position == end)
            {
                int pieceStart = start;
                for (int index = 0; index < pieces.Count; index++)
                {
                    (int pieceId, int pieceEnd) = pieces[index];
                    if (!sink.Add(pieceId, pieceStart, pieceEnd)) { return false; }
                    pieceStart = pieceEnd;
                }
                return true;
            }
            length = LongestMatch(_continuations, buffer, position, end, out id);
        }
        return sink.Add(UnknownId, start, end);
    }

    /// <summary>Bytes of the longest key that begins at <paramref name="start"/>; 0 = none. The buffer has 16 bytes of slack behind its text.</summary>
    private static int LongestMatch(PieceTable table, byte[] buffer, int start, int end, out int id)
    {
        int length = Math.Min(end - start, table.MaxLength);
        for (; length > ShortKey.MaxLength; length--)
        {
            if (!table.HasLongLength(length) || (start + length < end && Utf8.IsContinuation(buffer[start + length]))) { continue; }
            id = table.Find(buffer.AsSpan(start, length));
            if (id >= 0) { return length; }
        }
        ref byte first = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(buffer), start);
        for (; length > 0; length--)
        {
            // Only whole code points: a key may end inside one only in a damaged vocabulary.
            if (start + length < end && Utf8.IsContinuation(buffer[start + length])) { continue; }
            id = table.Find(ShortKey.Load(ref first, length));
            if (id >= 0) { return length; }
        }
        id = -1;
        return 0;
    }
}

/// <summary>Pieces of one word, kept until the whole word is known to have no gap.</summary>
internal sealed class PieceBuffer
{
    private (int Id, int End)[] _pieces = new (int, int)[128];

    internal int Count { get; private set; }

    internal (int Id, int End) this[int index] => _pieces[index];

    internal void Clear() => Count = 0;

    internal void Add(int id, int end)
    {
        if (Count == _pieces.Length) { Array.Resize(ref _pieces, Count * 2); }
        _pieces[Count++] = (id, end);
    }
}
