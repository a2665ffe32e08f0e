namespace MiniLM.Data;

/// <summary>A stream whose first bytes have been looked at.</summary>
internal sealed class PeekedStream : SequentialStream
{
    private readonly Stream _stream;
    private readonly byte[] _first = new byte[64];
    private int _at, _count;

    internal PeekedStream(Stream stream)
    {
        _stream = stream;
        for (int read; _count < _first.Length && !HasText && (read = stream.Read(_first, _count, _first.Length - _count)) > 0; _count += read) { }
    }

    /// <summary>Whether the first character that is not white space is a brace.</summary>
    internal bool StartsWithBrace => Text is [(byte)'{', ..];

    private bool HasText => _count >= 3 && Text.Length > 0;

    private ReadOnlySpan<byte> Text
    {
        get
        {
            ReadOnlySpan<byte> bytes = _first.AsSpan(0, _count);
            return (bytes.StartsWith("\ufeff"u8) ? bytes[3..] : bytes).TrimStart(" \t\r\n"u8);
        }
    }

    public override bool CanRead => true;

    public override int Read(Span<byte> buffer)
    {
        if (_at == _count) { return _stream.Read(buffer); }
        int count = Math.Min(buffer.Length, _count - _at);
        _first.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) { _stream.Dispose(); }
        base.Dispose(disposing);
    }
}
