using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Text;

/// <summary>A key of at most 15 bytes in two words: the bytes, zero-padded, and the length in the last byte (so no key is 0, 0).</summary>
internal readonly record struct ShortKey(ulong Low, ulong High)
{
    internal const int MaxLength = 15;

    private static ReadOnlySpan<byte> Masks =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>Reads 16 bytes at <paramref name="source"/>, whatever the length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ShortKey Load(ref byte source, int length)
    {
        Vector128<byte> mask = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(Masks), (nuint)(16 - length));
        Vector128<ulong> key = (Vector128.LoadUnsafe(ref source) & mask).AsUInt64();
        return new ShortKey(key[0], key[1] | ((ulong)(uint)length << 56));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Hash() => (uint)(((Low * 0x9E3779B97F4A7C15) + (High * 0xC2B2AE3D27D4EB4F)) >> 32);
}

/// <summary>
/// Token bytes to id, open addressing with linear probing at half load or less. Keys of up to 15 bytes lie in the slots, so that a hit costs one
/// cache line; longer ones are compared in the vocabulary's block.
/// </summary>
internal sealed class PieceTable
{
    private readonly Slot[] _slots;
    private readonly uint _mask;
    private readonly LongSlot[] _longSlots;
    private readonly byte[] _block;
    private ulong _longLengths;

    internal PieceTable(byte[] block, int shortCount, int longCount)
    {
        _block = block;
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(shortCount * 2, 2))];
        _mask = (uint)_slots.Length - 1;
        _longSlots = new LongSlot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(longCount * 2, 2))];
    }

    /// <summary>Length in bytes of the longest key.</summary>
    internal int MaxLength { get; private set; }

    /// <summary>Adds or replaces (the last entry of a repeated token counts, as in the original).</summary>
    internal void Add(int offset, int length, int id)
    {
        MaxLength = Math.Max(MaxLength, length);
        if (length <= ShortKey.MaxLength)
        {
            ShortKey key = LoadFromBlock(offset, length);
            uint index = key.Hash() & _mask;
            while (true)
            {
                // Field by field: the equality that a record generates goes through comparers, and this runs 36,000 times at start-up.
                ref Slot place = ref _slots[index];
                if (place.Key.High == 0 || (place.Key.High == key.High && place.Key.Low == key.Low))
                {
                    place = new Slot(key, id);
                    return;
                }
                index = (index + 1) & _mask;
            }
        }
        _longLengths |= 1UL << Math.Min(length, 63);
        uint mask = (uint)_longSlots.Length - 1;
        ReadOnlySpan<byte> bytes = _block.AsSpan(offset, length);
        uint slot = Hash(bytes) & mask;
        while (_longSlots[slot].Length != 0 && !bytes.SequenceEqual(_block.AsSpan(_longSlots[slot].Offset, _longSlots[slot].Length)))
        {
            slot = (slot + 1) & mask;
        }
        _longSlots[slot] = new LongSlot(offset, length, id);
    }

    /// <summary>Id, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Find(ShortKey key)
    {
        ref Slot slots = ref MemoryMarshal.GetArrayDataReference(_slots);
        uint index = key.Hash() & _mask;
        while (true)
        {
            ref Slot slot = ref Unsafe.Add(ref slots, index);
            if (slot.Key.Low == key.Low && slot.Key.High == key.High) { return slot.Id; }
            if (slot.Key.High == 0) { return -1; }
            index = (index + 1) & _mask;
        }
    }

    /// <summary>Whether a key of more than 15 bytes has this length (all of 63 and more are one).</summary>
    internal bool HasLongLength(int length) => (_longLengths >> Math.Min(length, 63) & 1) != 0;

    /// <summary>Id of a key of any length, or -1.</summary>
    internal int Find(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= ShortKey.MaxLength)
        {
            Span<byte> padded = stackalloc byte[16];
            bytes.CopyTo(padded);
            return bytes.IsEmpty ? -1 : Find(ShortKey.Load(ref padded[0], bytes.Length));
        }
        if (!HasLongLength(bytes.Length)) { return -1; }
        uint mask = (uint)_longSlots.Length - 1;
        for (uint slot = Hash(bytes) & mask; _longSlots[slot].Length != 0; slot = (slot + 1) & mask)
        {
            if (bytes.SequenceEqual(_block.AsSpan(_longSlots[slot].Offset, _longSlots[slot].Length))) { return _longSlots[slot].Id; }
        }
        return -1;
    }

    private ShortKey LoadFromBlock(int offset, int length)
    {
        if (offset + 16 <= _block.Length) { return ShortKey.Load(ref _block[offset], length); }
        Span<byte> padded = stackalloc byte[16];
        _block.AsSpan(offset, length).CopyTo(padded);
        return ShortKey.Load(ref padded[0], length);
    }

    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        uint hash = 2166136261;
        foreach (byte value in bytes) { hash = (hash ^ value) * 16777619; }
        return hash ^ (hash >> 15);
    }

    private readonly record struct Slot(ShortKey Key, int Id);

    private readonly record struct LongSlot(int Offset, int Length, int Id);
}
