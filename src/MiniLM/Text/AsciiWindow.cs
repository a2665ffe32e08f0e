using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Text;

/// <summary>
/// A stretch of text as bytes (lower-cased if asked; other than ASCII as 0xFF or another byte above 0x7F), with one bit a character that says
/// "not an ASCII letter or digit", so that words are found by bit scans.
/// </summary>
internal sealed class AsciiWindow
{
    internal const int Capacity = 1024;

    internal byte[] Bytes { get; } = new byte[Capacity + NormalizedText.Slack];

    internal ulong[] Boundaries { get; } = new ulong[Capacity / 64];

    internal void Read(ReadOnlySpan<char> text, bool lowercase)
    {
        ref ushort source = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(text));
        ref byte target = ref MemoryMarshal.GetArrayDataReference(Bytes);
        Vector256<byte> caseBit = Vector256.Create(lowercase ? (byte)0x20 : (byte)0);
        int index = 0;
        for (; index + 64 <= text.Length; index += 64)
        {
            ulong low = Read32(ref Unsafe.Add(ref source, index), ref Unsafe.Add(ref target, index), caseBit);
            ulong high = Read32(ref Unsafe.Add(ref source, index + 32), ref Unsafe.Add(ref target, index + 32), caseBit);
            Boundaries[index / 64] = low | (high << 32);
        }
        int rest = text.Length - index;
        if (rest == 0) { return; }
        // Zeros behind the text would count as boundaries: their bits are cleared.
        Span<ushort> padded = stackalloc ushort[64];
        padded.Clear();
        MemoryMarshal.Cast<char, ushort>(text[index..]).CopyTo(padded);
        ref ushort tail = ref MemoryMarshal.GetReference(padded);
        ulong bits = Read32(ref tail, ref Unsafe.Add(ref target, index), caseBit);
        if (rest > 32) { bits |= (ulong)Read32(ref Unsafe.Add(ref tail, 32), ref Unsafe.Add(ref target, index + 32), caseBit) << 32; }
        Boundaries[index / 64] = bits & ((1UL << rest) - 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Read32(ref ushort source, ref byte target, Vector256<byte> caseBit)
    {
        Vector256<ushort> limit = Vector256.Create((ushort)0xFF);
        Vector256<ushort> low = Vector256.Min(Vector256.LoadUnsafe(ref source), limit);
        Vector256<ushort> high = Vector256.Min(Vector256.LoadUnsafe(ref source, 16), limit);
        Vector256<byte> bytes = Vector256.Narrow(low, high);
        Vector256<byte> letters = Vector256.LessThan((bytes | Vector256.Create((byte)0x20)) - Vector256.Create((byte)'a'), Vector256.Create((byte)26));
        Vector256<byte> digits = Vector256.LessThan(bytes - Vector256.Create((byte)'0'), Vector256.Create((byte)10));
        (bytes | (letters & caseBit)).StoreUnsafe(ref target);
        return ~(letters | digits).ExtractMostSignificantBits();
    }
}
