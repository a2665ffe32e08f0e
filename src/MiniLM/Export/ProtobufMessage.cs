using System.Text;

namespace MiniLM.Export;

/// <summary>A protobuf message under construction: small fields are kept as bytes, large data is written when the message is.</summary>
/// <remarks>Lengths stand before contents on the wire, so every part knows its length before anything is written.</remarks>
internal sealed class ProtobufMessage
{
    private readonly List<(byte[]? Bytes, Action<Stream>? Write)> _parts = [];
    private readonly MemoryStream _small = new();

    /// <summary>Length of the message in bytes.</summary>
    internal long Length { get; private set; }

    internal ProtobufMessage Integer(int field, long value)
    {
        Key(field, 0);
        Varint((ulong)value);
        return this;
    }

    internal ProtobufMessage Float(int field, float value)
    {
        Key(field, 5);
        _small.Write(BitConverter.GetBytes(value));
        Length += 4;
        return this;
    }

    internal ProtobufMessage Double(int field, double value)
    {
        Key(field, 1);
        _small.Write(BitConverter.GetBytes(value));
        Length += 8;
        return this;
    }

    internal ProtobufMessage Text(int field, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        Key(field, 2);
        Varint((ulong)bytes.Length);
        _small.Write(bytes);
        Length += bytes.Length;
        return this;
    }

    internal ProtobufMessage Message(int field, ProtobufMessage message) => Data(field, message.Length, message.WriteTo);

    /// <summary>Bytes that <paramref name="write"/> produces later, exactly <paramref name="lengthBytes"/> of them.</summary>
    internal ProtobufMessage Data(int field, long lengthBytes, Action<Stream> write)
    {
        Key(field, 2);
        Varint((ulong)lengthBytes);
        Cut();
        _parts.Add((null, write));
        Length += lengthBytes;
        return this;
    }

    internal void WriteTo(Stream stream)
    {
        Cut();
        foreach ((byte[]? bytes, Action<Stream>? write) in _parts)
        {
            if (bytes is not null) { stream.Write(bytes); } else { write!(stream); }
        }
    }

    private void Cut()
    {
        if (_small.Length == 0) { return; }
        _parts.Add((_small.ToArray(), null));
        _small.SetLength(0);
    }

    private void Key(int field, int wireType) => Varint((ulong)((field << 3) | wireType));

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _small.WriteByte((byte)(value | 0x80));
            Length++;
        }
        _small.WriteByte((byte)value);
        Length++;
    }
}
