using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>Rows of a delimited file, streaming: what Python's csv module reads (QUOTE_MINIMAL, or QUOTE_NONE with quotes off).</summary>
/// <remarks>
/// Rows end with LF, CR LF or CR outside quotes. A quote opens a quoted field only as its first byte; "" in it is a quote; what follows the
/// closing quote is appended. Blank rows are left out, rows of empty fields are not. Rows may differ in length: that is for the caller.
/// </remarks>
internal sealed class Table : IDisposable
{
    private const int MaxRowBytes = 1 << 28;

    private readonly Stream _stream;
    private readonly byte _delimiter;
    private readonly bool _quotes;
    private readonly SearchValues<byte> _stops;
    private readonly List<int> _ends = [];
    private readonly byte[] _buffer = new byte[1 << 16];
    private byte[] _row = new byte[1 << 12];
    private int _start, _end, _used;
    private long _nextLine = 1;
    private long _offset; // of the buffer in the stream

    /// <param name="stream">Disposed with the table.</param>
    /// <param name="name">For messages.</param>
    /// <param name="delimiter">Tab, comma, semicolon ...</param>
    /// <param name="quotes">Whether quotes quote; else they are text.</param>
    internal Table(Stream stream, string name, char delimiter, bool quotes)
    {
        (_stream, Name, _delimiter, _quotes) = (stream, name, (byte)delimiter, quotes);
        _stops = SearchValues.Create([_delimiter, (byte)'\r', (byte)'\n']);
    }

    internal string Name { get; }

    /// <summary>Line on which the row last read begins, from 1.</summary>
    internal long Line { get; private set; } = 1;

    /// <summary>Where the next row begins in the stream.</summary>
    internal long Position => _offset + _start;

    /// <summary>Where the row last read begins in the stream.</summary>
    internal long Start { get; private set; }

    /// <summary>See <see cref="DataFile.ShareRead"/>.</summary>
    internal double? ShareRead => DataFile.ShareRead(_stream, Position);

    /// <summary>Whether <see cref="Seek"/> can go back.</summary>
    internal bool CanSeek => _stream.CanSeek;

    /// <summary>Goes to a row that was read before; <see cref="Line"/> is then of no row.</summary>
    /// <param name="start">Its <see cref="Start"/>.</param>
    internal void Seek(long start)
    {
        _stream.Position = _offset = start;
        (_start, _end) = (0, 0);
    }

    /// <summary>What may separate the names of a header that was read as one field; null: nothing.</summary>
    internal static string? OtherDelimiter(string header) =>
        header.Contains(';') ? ";" : header.Contains('|') ? "|" : header.Contains('\t') ? "tab" : null;

    /// <summary>The remedy for a header or a line whose one field looks like several; null: it does not, or nobody can say --delimiter.</summary>
    internal static string? OtherDelimiter(string[] fields, RowFormat format) =>
        fields.Length == 1 && format.Options.Contains("--delimiter") && OtherDelimiter(fields[0]) is { } delimiter
            ? $"Say what separates its columns: --delimiter '{delimiter}'." : null;

    /// <summary>Fields of the row last read.</summary>
    internal int Count => _ends.Count;

    /// <summary>Refuses the row last read where text is behind its header's columns: a separator in a text without quotes moves all fields behind it.</summary>
    /// <param name="width">Fields of the header.</param>
    /// <param name="remedy">A sentence.</param>
    internal void RequireWidth(int width, string remedy)
    {
        if (Count > width && _ends[^1] > _ends[width - 1]) { throw Wrong($"has {Count} fields, and its header {width}. {remedy}"); }
    }

    /// <summary>Text of a field of the row last read.</summary>
    internal string Field(int index)
    {
        int start = index == 0 ? 0 : _ends[index - 1];
        return Encoding.UTF8.GetString(_row, start, _ends[index] - start);
    }

    /// <summary>The next row.</summary>
    /// <exception cref="DataFormatException">Not UTF-8, or a quote that is never closed.</exception>
    internal bool Read()
    {
        if (_nextLine == 1 && _end == 0) { SkipMark(); }
        while (true)
        {
            (_used, Line, Start) = (0, _nextLine, _offset + _start);
            _ends.Clear();
            bool isBlank = ReadRow(out bool isEnd);
            if (!isBlank) { return true; }
            if (isEnd) { return false; }
        }
    }

    /// <summary>The error of the row last read.</summary>
    internal DataFormatException Wrong(string what) => new($"{Name}:{Line}: {what}");

    private bool ReadRow(out bool isEnd)
    {
        bool isBlank = true;
        isEnd = false;
        while (true)
        {
            if (_quotes && Peek() == '"')
            {
                isBlank = false;
                ReadQuoted();
            }
            int stop = CopyField();
            int start = _ends.Count == 0 ? 0 : _ends[^1];
            isBlank &= _used == start;
            if (!Utf8.IsValid(_row.AsSpan(start, _used - start))) { throw Wrong("not UTF-8. Save the file as UTF-8."); }
            _ends.Add(_used);
            if (stop == _delimiter)
            {
                isBlank = false;
                continue;
            }
            isEnd = stop < 0;
            if (stop == '\r' && Peek() == '\n') { _start++; }
            _nextLine++;
            return isBlank;
        }
    }

    private void ReadQuoted()
    {
        long opened = _nextLine;
        _start++;
        while (true)
        {
            if (Peek() < 0)
            {
                throw new DataFormatException($"{Name}:{opened}: a quote is opened and never closed. Close it, or read quotes as text: --quotes off.");
            }
            ReadOnlySpan<byte> rest = _buffer.AsSpan(_start, _end - _start);
            int length = rest.IndexOf((byte)'"');
            ReadOnlySpan<byte> part = length < 0 ? rest : rest[..length];
            _nextLine += part.Count((byte)'\n');
            Append(part);
            _start += part.Length;
            if (length < 0) { continue; }
            _start++;
            if (Peek() != '"') { return; }
            Append("\""u8);
            _start++;
        }
    }

    // Up to the delimiter or the row's end, which is consumed; -1: the input's end.
    private int CopyField()
    {
        while (Peek() >= 0)
        {
            ReadOnlySpan<byte> rest = _buffer.AsSpan(_start, _end - _start);
            int length = rest.IndexOfAny(_stops);
            Append(length < 0 ? rest : rest[..length]);
            if (length < 0)
            {
                _start = _end;
                continue;
            }
            _start += length + 1;
            return rest[length];
        }
        return -1;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_used + bytes.Length > _row.Length)
        {
            if (_used + bytes.Length > MaxRowBytes) { throw Wrong($"a row of more than {MaxRowBytes} bytes. If a quote in it is text: --quotes off."); }
            Array.Resize(ref _row, Math.Max(2 * _row.Length, _used + bytes.Length));
        }
        bytes.CopyTo(_row.AsSpan(_used));
        _used += bytes.Length;
    }

    private int Peek()
    {
        if (_start == _end)
        {
            _offset += _end;
            (_start, _end) = (0, DataFile.Read(_stream, _buffer, Name));
        }
        return _start == _end ? -1 : _buffer[_start];
    }

    private void SkipMark()
    {
        for (int read; _end < 3 && (read = DataFile.Read(_stream, _buffer.AsSpan(_end), Name)) > 0; _end += read) { }
        if (_buffer.AsSpan(0, _end).StartsWith("\ufeff"u8)) { _start = 3; }
    }

    public void Dispose() => _stream.Dispose();
}
