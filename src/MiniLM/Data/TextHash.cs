using System.Buffers.Binary;
using System.Text;

namespace MiniLM.Data;

/// <summary>The first half of a text's SHA-256: 16 bytes however long it is, and no two texts that anybody knows have the same.</summary>
internal sealed class TextHash
{
    private readonly Sha256 _hash = new();
    private byte[] _bytes = new byte[256];

    internal UInt128 Of(string text)
    {
        if (_bytes.Length < 3 * text.Length) { _bytes = new byte[3 * text.Length]; }
        Span<byte> hash = stackalloc byte[Sha256.HashBytes];
        _hash.Append(_bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, _bytes)));
        _hash.Finish(hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
