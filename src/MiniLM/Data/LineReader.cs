namespace MiniLM.Data;

/// <summary>Lines of bytes in bounded memory: they end with LF or CR LF, and with nothing else (U+2028 is text); a byte order mark is left out.</summary>
/// <param name="stream">Disposed with the reader.</param>
/// <param name="name">For messages.</param>
internal sealed class LineReader(Stream stream, string name) : IDisposable
{
    /// <summary>Most bytes of one line.</summary>
    internal const int MaxLineBytes = 1 << 30;

    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;
    private long _offset; // of the buffer in the stream
    private bool _isEnded;

    internal string Name => name;

    /// <summary>Number of the line last read, from 1.</summary>
    internal long Number { get; private set; }

    /// <summary>Where the line last read begins in the stream.</summary>
    internal long Start { get; private set; }

    /// <summary>Where the next line begins in the stream.</summary>
    internal long Position => _offset + _start;

    /// <summary>See <see cref="DataFile.ShareRead"/>.</summary>
    internal double? ShareRead => DataFile.ShareRead(stream, Position);

    /// <summary>Whether <see cref="Seek"/> can go back.</summary>
    internal bool CanSeek => stream.CanSeek;

    /// <summary>Goes to a line that was read before; <see cref="Number"/> is then of no line.</summary>
    /// <param name="start">Its <see cref="Start"/>.</param>
    internal void Seek(long start)
    {
        stream.Position = _offset = start;
        (_start, _end, _isEnded) = (0, 0, false);
    }

    /// <summary>The next line without its end; valid until the next call.</summary>
    internal bool Read(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        while (true)
        {
            int length = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                line = Take(searched + length, 1);
                return true;
            }
            searched = _end - _start;
            if (_isEnded || !Fill())
            {
                line = Take(searched, 0);
                return searched > 0;
            }
        }
    }

    /// <summary>The error of the line last read.</summary>
    internal DataFormatException Wrong(string what) => new($"{name}:{Number}: {what}");

    private ReadOnlySpan<byte> Take(int length, int terminator)
    {
        ReadOnlySpan<byte> line = _buffer.AsSpan(_start, length);
        Start = _offset + _start;
        _start += length + terminator;
        Number++;
        if (Start == 0 && line.StartsWith("\ufeff"u8))
        {
            line = line[3..];
            Start = 3;
        }
        return terminator == 1 && line.Length > 0 && line[^1] == '\r' ? line[..^1] : line;
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _offset += _start;
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_end >= MaxLineBytes) { throw new DataFormatException($"{name}:{Number + 1}: a line of more than {MaxLineBytes} bytes. Split it."); }
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }
        int read = DataFile.Read(stream, _buffer.AsSpan(_end), name);
        _end += read;
        _isEnded = read == 0;
        return !_isEnded;
    }

    public void Dispose() => stream.Dispose();
}
