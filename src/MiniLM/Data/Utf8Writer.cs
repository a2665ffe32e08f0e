using System.Globalization;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>Text to a stream as UTF-8; floats in the shortest form that reads back as the same bits.</summary>
/// <param name="stream">Takes the bytes, in large pieces; stays the caller's.</param>
internal sealed class Utf8Writer(Stream stream) : IDisposable
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _used;

    /// <summary>Bytes written since construction, the buffered ones included.</summary>
    internal long Length { get; private set; }

    /// <summary>Text as it is.</summary>
    internal void Write(ReadOnlySpan<char> text)
    {
        while (text.Length > 0)
        {
            Reserve(64);
            Utf8.FromUtf16(text, _buffer.AsSpan(_used), out int read, out int written);
            Advance(written);
            text = text[read..];
        }
    }

    internal void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            Reserve(1);
            int count = Math.Min(bytes.Length, _buffer.Length - _used);
            bytes[..count].CopyTo(_buffer.AsSpan(_used));
            Advance(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>A number.</summary>
    internal void Write<T>(T value) where T : struct, IUtf8SpanFormattable
    {
        Reserve(32);
        value.TryFormat(_buffer.AsSpan(_used), out int written, default, CultureInfo.InvariantCulture);
        Advance(written);
    }

    internal void Flush()
    {
        int used = _used;
        _used = 0;
        stream.Write(_buffer.AsSpan(0, used));
    }

    /// <summary>Drops what is not flushed: after an error nothing more is written.</summary>
    public void Dispose() => _used = 0;

    private void Reserve(int count)
    {
        if (_buffer.Length - _used < count) { Flush(); }
    }

    private void Advance(int count)
    {
        _used += count;
        Length += count;
    }
}
