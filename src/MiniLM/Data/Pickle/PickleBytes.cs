using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace MiniLM.Data.Pickle;

/// <summary>The bytes of a pickle, opcode by opcode: no length that it claims is believed beyond its own end.</summary>
/// <param name="bytes">The whole pickle.</param>
/// <param name="name">For messages.</param>
internal sealed class PickleBytes(byte[] bytes, string name)
{
    private int _at;

    /// <summary>Where the opcode last read is.</summary>
    internal int Offset { get; private set; }

    /// <summary>The opcode last read.</summary>
    internal PickleOpcode Opcode { get; private set; }

    internal bool IsEnd => _at == bytes.Length;

    internal PickleOpcode Next()
    {
        if (IsEnd) { throw new DataFormatException($"{name}: byte {_at}: ends before a STOP. An incomplete file: copy it again."); }
        Offset = _at;
        return Opcode = (PickleOpcode)bytes[_at++];
    }

    /// <summary>The next bytes.</summary>
    /// <exception cref="DataFormatException">There are not so many.</exception>
    internal ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(bytes.Length - _at)) { throw Wrong($"{length} bytes from here, and the file has {bytes.Length - _at}. Copy it again."); }
        ReadOnlySpan<byte> taken = bytes.AsSpan(_at, (int)length);
        _at += (int)length;
        return taken;
    }

    internal byte Byte() => Take(1)[0];

    internal ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    internal uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    internal ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A frame's length says nothing that is needed; it must lie in the file.</summary>
    internal void SkipFrameLength()
    {
        ulong length = UInt64();
        if (length > (ulong)(bytes.Length - _at)) { throw Wrong($"a frame of {length} bytes, and the file has {bytes.Length - _at}. Copy it again."); }
    }

    /// <summary>The argument of an opcode of protocol 0: up to a line feed, which is consumed.</summary>
    internal ReadOnlySpan<byte> Line()
    {
        int length = bytes.AsSpan(_at).IndexOf((byte)'\n');
        if (length < 0) { throw Wrong("its line does not end. An incomplete file: copy it again."); }
        ReadOnlySpan<byte> line = bytes.AsSpan(_at, length);
        _at += length + 1;
        return line;
    }

    internal string Text(ReadOnlySpan<byte> utf8) =>
        Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : throw Wrong("a text that is not UTF-8. Write the file anew.");

    /// <summary>The error of the opcode last read.</summary>
    internal DataFormatException Wrong(string what) => new(
        $"{name}: byte {Offset} ({(Enum.IsDefined(Opcode) ? Opcode.ToString() : $"0x{(byte)Opcode:x2}")}): {what}");
}
