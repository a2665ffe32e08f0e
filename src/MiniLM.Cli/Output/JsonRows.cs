using System.Buffers;
using System.Globalization;
using System.Text.Unicode;

namespace MiniLM.Cli.Output;

/// <summary>Result rows as JSON lines; floats in the shortest form that reads back as the same bits.</summary>
/// <param name="stream">Takes the bytes, in large pieces; stays the caller's.</param>
internal sealed class JsonRows(Stream stream) : IDisposable
{
    private static readonly SearchValues<char> Escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(code => (char)code), '"', '\\']);

    private readonly byte[] _buffer = new byte[1 << 16];
    private int _used;

    /// <summary>Bytes written since construction, the buffered ones included.</summary>
    internal long Length { get; private set; }

    /// <summary>{"embedding":[...]}</summary>
    internal void WriteEmbedding(ReadOnlySpan<float> embedding)
    {
        Write("{\"embedding\":"u8);
        WriteArray(embedding);
        Write("}\n"u8);
    }

    /// <summary>{"index":i,"score":x,"logits":[...]}; without logits when there are none.</summary>
    internal void WriteScore(long index, float score, ReadOnlySpan<float> logits)
    {
        Write("{\"index\":"u8);
        Write(index);
        Write(",\"score\":"u8);
        Write(score);
        if (logits.Length > 0)
        {
            Write(",\"logits\":"u8);
            WriteArray(logits);
        }
        Write("}\n"u8);
    }

    /// <summary>A line of a TREC run. The shortest form of a float tells unequal ones apart.</summary>
    internal void WriteRun(string query, string document, int rank, float score)
    {
        Write(query);
        Write(" Q0 "u8);
        Write(document);
        Write(" "u8);
        Write(rank);
        Write(" "u8);
        Write(score);
        Write(" minilm\n"u8);
    }

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

    /// <summary>Text as a JSON string.</summary>
    internal void WriteString(ReadOnlySpan<char> text)
    {
        Write("\""u8);
        while (text.Length > 0)
        {
            int plain = text.IndexOfAny(Escaped);
            if (plain < 0) { plain = text.Length; }
            Write(text[..plain]);
            if (plain == text.Length) { break; }
            char c = text[plain];
            if (c is '"' or '\\') { Write(c == '"' ? "\\\""u8 : "\\\\"u8); }
            else { Write(string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")); }
            text = text[(plain + 1)..];
        }
        Write("\""u8);
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

    internal void Write(float value)
    {
        Reserve(32);
        value.TryFormat(_buffer.AsSpan(_used), out int written, default, CultureInfo.InvariantCulture);
        Advance(written);
    }

    internal void Write(long value)
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

    private void WriteArray(ReadOnlySpan<float> values)
    {
        Write("["u8);
        for (int i = 0; i < values.Length; i++)
        {
            if (i > 0) { Write(","u8); }
            Write(values[i]);
        }
        Write("]"u8);
    }

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
