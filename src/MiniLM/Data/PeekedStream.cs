namespace MiniLM.Data;

/// <summary>A text's stream whose first bytes are looked at: when somebody asks how it starts, or reads.</summary>
/// <param name="stream">Disposed with this one.</param>
/// <param name="name">For messages.</param>
internal sealed class PeekedStream(Stream stream, string name) : SequentialStream
{
    private readonly byte[] _first = new byte[1 << 12]; // white space may come before what says how the text starts
    private int _at, _count;
    private bool _isPeeked;

    /// <summary>How the text begins; a pipe that says nothing lets it wait.</summary>
    /// <exception cref="DataFormatException">It is UTF-16, or compressed.</exception>
    internal TextStart Start
    {
        get
        {
            Peek();
            return Text switch
            {
                [(byte)'{', ..] => TextStart.Object,
                [(byte)'[', .. var rest] when Trim(rest) is [(byte)'{' or (byte)'"' or (byte)']', ..] => TextStart.Array,
                _ => TextStart.Other,
            };
        }
    }

    // The first character that is not white space was seen, and behind a bracket one more.
    private bool IsClear => _count >= 3 && Text.Length > 0 && (Text[0] != '[' || Trim(Text[1..]).Length > 0);

    private ReadOnlySpan<byte> Text
    {
        get
        {
            ReadOnlySpan<byte> bytes = _first.AsSpan(0, _count);
            return Trim(bytes.StartsWith("\ufeff"u8) ? bytes[3..] : bytes);
        }
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> bytes) => bytes.TrimStart(" \t\r\n"u8);

    private void Peek()
    {
        if (_isPeeked) { return; }
        _isPeeked = true;
        for (int read; _count < _first.Length && !IsClear && (read = DataFile.Read(stream, _first.AsSpan(_count), name)) > 0; _count += read) { }
        // By its mark, or by a zero in the first character.
        bool isUtf16 = _count >= 2 && ((_first[0], _first[1]) is (0xFF, 0xFE) or (0xFE, 0xFF) || (_first[0] == 0) != (_first[1] == 0));
        if (_first is [0x1F, 0x8B, ..]) { throw new DataFormatException($"{name}: is compressed by gzip. Call it .gz, or expand it: gunzip."); }
        if (isUtf16) { throw new DataFormatException($"{name}: is UTF-16, not UTF-8. Convert it: iconv -f UTF-16 -t UTF-8."); }
    }

    internal Stream Inner => stream;

    public override bool CanRead => true;

    public override bool CanSeek => stream.CanSeek;

    public override long Position
    {
        get => stream.Position - (_count - _at);
        set => (stream.Position, _at, _isPeeked) = (value, _count, true);
    }

    public override int Read(Span<byte> buffer)
    {
        Peek();
        if (_at == _count) { return stream.Read(buffer); }
        int count = Math.Min(buffer.Length, _count - _at);
        _first.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) { stream.Dispose(); }
        base.Dispose(disposing);
    }
}
