using System.Text.Json;

namespace MiniLM.Data;

/// <summary>The elements of one JSON array, streaming, however its lines are broken.</summary>
/// <param name="stream">Disposed with the source.</param>
/// <param name="name">For messages.</param>
internal sealed class JsonArraySource(Stream stream, string name) : JsonSource
{
    private byte[] _buffer = new byte[1 << 16];
    private int _read, _end; // what the reader has consumed of the buffer, and what is in it
    private long _offset; // of the buffer in the stream
    private int _counted; // up to where line feeds are in _lines
    private long _lines = 1;
    private int _level = 1; // depth of an element: below the array, or by itself after Seek
    private bool _isEnded, _isMarkSkipped;
    private JsonReaderState _state;

    internal override long Position => throw new DataFormatException(
        $"{name}: is one JSON array, whose rows cannot be told apart byte for byte. Write a line each, as 'jq -c .[]' does.");

    internal override double? ShareRead => DataFile.ShareRead(stream, _offset + _read);

    internal override bool CanSeek => stream.CanSeek;

    internal override bool IsArray => true;

    internal override void Seek(long start)
    {
        stream.Position = _offset = start;
        (_read, _end, _counted, _level, _isEnded, _isMarkSkipped, _state) = (0, 0, 0, 0, false, true, default);
    }

    internal override bool Next(out ReadOnlySpan<byte> value)
    {
        try { return Find(out value); }
        catch (JsonException error)
        {
            Line = (error.LineNumber ?? 0) + 1;
            throw Wrong($"not a JSON array ({JsonLines.Reason(error)}). Correct the file.");
        }
    }

    private bool Find(out ReadOnlySpan<byte> value)
    {
        SkipMark();
        for (int start = -1; ;)
        {
            Utf8JsonReader reader = new(_buffer.AsSpan(_read, _end - _read), _isEnded, _state);
            while (reader.Read())
            {
                if (reader.CurrentDepth < _level || (start < 0 && reader.CurrentDepth > _level)) { continue; } // the array's own brackets
                if (start < 0) { start = Begin(_read + (int)reader.TokenStartIndex); }
                if (reader.CurrentDepth > _level || reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray) { continue; }
                Consume(reader);
                value = _buffer.AsSpan(start, _read - start);
                return true;
            }
            Consume(reader);
            if (_isEnded)
            {
                value = default;
                return false;
            }
            Fill(ref start);
        }
    }

    private void Consume(in Utf8JsonReader reader) => (_read, _state) = (_read + (int)reader.BytesConsumed, reader.CurrentState);

    private int Begin(int at)
    {
        _lines += _buffer.AsSpan(_counted, at - _counted).Count((byte)'\n');
        (_counted, Line, Start) = (at, _lines, _offset + at);
        return at;
    }

    // Keeps what is not consumed, and of an element that has begun all.
    private void Fill(ref int start)
    {
        int from = start < 0 ? _read : start;
        _lines += _buffer.AsSpan(_counted, Math.Max(from - _counted, 0)).Count((byte)'\n');
        _counted = Math.Max(_counted, from);
        _buffer.AsSpan(from, _end - from).CopyTo(_buffer);
        (_read, _end, _counted, _offset) = (_read - from, _end - from, _counted - from, _offset + from);
        if (start >= 0) { start = 0; }
        if (_end == _buffer.Length)
        {
            if (_end >= LineReader.MaxLineBytes) { throw Wrong($"a value of more than {LineReader.MaxLineBytes} bytes. Split it."); }
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }
        int read = DataFile.Read(stream, _buffer.AsSpan(_end), name);
        _isEnded = read == 0;
        _end += read;
    }

    private void SkipMark()
    {
        if (_isMarkSkipped) { return; }
        _isMarkSkipped = true;
        for (int read; _end < 3 && (read = DataFile.Read(stream, _buffer.AsSpan(_end), name)) > 0; _end += read) { }
        if (_buffer.AsSpan(0, _end).StartsWith("\ufeff"u8)) { _read = _counted = 3; }
    }

    internal override DataFormatException Wrong(string what) => new($"{name}:{Line}: {what}");

    public override void Dispose() => stream.Dispose();
}
