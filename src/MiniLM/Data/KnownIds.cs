using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MiniLM.Data;

/// <summary>Ids seen so far, as the first half of their SHA-256: 16 bytes each however long they are.</summary>
internal sealed class KnownIds
{
    private readonly HashSet<UInt128> _seen = [];
    private byte[] _bytes = new byte[256];

    /// <summary>False when the id was there before.</summary>
    internal bool Add(string id)
    {
        if (_bytes.Length < 3 * id.Length) { _bytes = new byte[3 * id.Length]; }
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(_bytes.AsSpan(0, Encoding.UTF8.GetBytes(id, _bytes)), hash);
        return _seen.Add(BinaryPrimitives.ReadUInt128LittleEndian(hash));
    }
}
