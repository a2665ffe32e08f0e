using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MiniLM.Data;

/// <summary>The first half of a text's SHA-256: 16 bytes however long it is, and no two texts that anybody knows have the same.</summary>
internal sealed class TextHash
{
    private byte[] _bytes = new byte[256];

    internal UInt128 Of(string text)
    {
        if (_bytes.Length < 3 * text.Length) { _bytes = new byte[3 * text.Length]; }
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(_bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, _bytes)), hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
