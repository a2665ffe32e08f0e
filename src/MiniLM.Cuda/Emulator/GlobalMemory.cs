using System.Numerics;
using System.Runtime.InteropServices;

namespace MiniLM.Cuda.Emulator;

/// <summary>A piece of global memory. Its addresses are the emulated GPU's; Host is where the bytes are.</summary>
internal sealed unsafe class Allocation : IDisposable
{
    internal ulong Start { get; }

    internal long Bytes { get; }

    internal byte* Host { get; private set; }

    /// <summary>A bit for each byte that was uploaded or stored; null without checks.</summary>
    internal uint* Initialized { get; private set; }

    /// <summary>A bit for each byte that a launch has stored; null without checks.</summary>
    internal uint* Stored { get; private set; }

    /// <summary>Who read and wrote each 4-byte word in this launch (<see cref="GlobalShadow"/>); null until a launch needs it.</summary>
    internal ulong* Users { get; private set; }

    /// <summary>Two bytes for each 32-byte sector, not 0 when this launch has read and when it has written it; null unless launches are counted.</summary>
    internal byte* Touched { get; private set; }

    internal Allocation(ulong start, long bytes, bool isChecked, bool isCounted)
    {
        (Start, Bytes) = (start, bytes);
        Host = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        NativeMemory.Fill(Host, (nuint)bytes, GlobalMemory.Poison);
        if (isChecked)
        {
            Initialized = (uint*)NativeMemory.AllocZeroed((nuint)(bytes + 31) / 32, sizeof(uint));
            Stored = (uint*)NativeMemory.AllocZeroed((nuint)(bytes + 31) / 32, sizeof(uint));
        }
        if (isCounted) { Touched = (byte*)NativeMemory.AllocZeroed((nuint)Sectors, 2); }
    }

    private long Sectors => (Bytes + 31) / 32;

    /// <summary>Sectors read and written since the last call.</summary>
    internal (long Read, long Written) TakeTouched()
    {
        (long read, long written) = (0, 0);
        for (long sector = 0; sector < Sectors; sector++)
        {
            read += Touched[2 * sector];
            written += Touched[2 * sector + 1];
        }
        NativeMemory.Clear(Touched, (nuint)(2 * Sectors));
        return (read, written);
    }

    internal void TrackUsers()
    {
        if (Users == null) { Users = (ulong*)NativeMemory.AllocZeroed((nuint)(Bytes + 3) / 4, sizeof(ulong)); }
    }

    internal void ForgetUsers()
    {
        NativeMemory.Free(Users);
        Users = null;
    }

    /// <summary>What launches have stored is unknown from now on, but for zeros: padding is zero from the start, and who works in place stores
    /// it anew.</summary>
    internal void ForgetStores()
    {
        for (long word = 0; word < (Bytes + 31) / 32; word++)
        {
            for (uint rest = Stored[word]; rest != 0; rest &= rest - 1)
            {
                int bit = BitOperations.TrailingZeroCount(rest);
                ref byte value = ref Host[word * 32 + bit];
                if (value == 0) { continue; }
                value = GlobalMemory.Poison;
                Initialized[word] &= ~(1u << bit);
            }
            Stored[word] = 0;
        }
    }

    internal void MarkInitialized(long from, long bytes)
    {
        if (Initialized == null) { return; }
        for (long at = from, end = from + bytes; at < end;)
        {
            int bit = (int)(at & 31);
            int count = (int)Math.Min(32 - bit, end - at);
            uint bits = (uint)((1UL << count) - 1 << bit);
            Initialized[at >> 5] |= bits;
            Stored[at >> 5] &= ~bits;
            at += count;
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Host);
        NativeMemory.Free(Initialized);
        NativeMemory.Free(Stored);
        NativeMemory.Free(Touched);
        ForgetUsers();
        Host = null;
        Initialized = null;
        Stored = null;
        Touched = null;
    }
}

/// <summary>Global memory: allocations at rising addresses that are never given out again, with gaps,
/// so that a pointer that strays or outlives its buffer is caught.</summary>
internal sealed class GlobalMemory(long totalBytes, bool isChecked, bool isCounted) : IDisposable
{
    /// <summary>0x7e7e is a NaN in fp16, and the pattern is a large number in fp32 and an absurd index.</summary>
    internal const byte Poison = 0x7e;

    private const ulong FirstAddress = 0x7_0000_0000, Alignment = 256, Gap = 4096;

    private readonly List<Allocation> _allocations = []; // by address
    private readonly HashSet<ulong> _freed = [];
    private ulong _next = FirstAddress;
    private long _used;

    /// <summary>Allocations by address.</summary>
    internal IReadOnlyList<Allocation> Allocations => _allocations;

    /// <summary>Bytes given out.</summary>
    internal long UsedBytes => _used;

    /// <summary>Distinct sectors that a launch has read and written.</summary>
    internal (long Read, long Written) TakeTouched()
    {
        (long read, long written) = (0, 0);
        foreach (Allocation allocation in _allocations)
        {
            (long r, long w) = allocation.TakeTouched();
            (read, written) = (read + r, written + w);
        }
        return (read, written);
    }

    internal ulong Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        if (bytes > totalBytes - _used)
        {
            throw new GpuOutOfMemoryException($"the emulated GPU has {totalBytes} bytes, of which {totalBytes - _used} are free; {bytes} were asked for");
        }
        ulong start = _next;
        Allocation allocation;
        try { allocation = new Allocation(start, bytes, isChecked, isCounted); }
        catch (OutOfMemoryException) { throw new GpuOutOfMemoryException($"this machine has no {bytes} bytes for the emulated GPU"); }
        _allocations.Add(allocation);
        _used += bytes;
        _next = (start + (ulong)bytes + Gap + Alignment - 1) & ~(Alignment - 1);
        return start;
    }

    internal void Free(ulong address)
    {
        int index = IndexOf(address);
        if (index < 0 || _allocations[index].Start != address)
        {
            throw new GpuException($"0x{address:x} was {(_freed.Contains(address) ? "freed before" : "never allocated")}");
        }
        _used -= _allocations[index].Bytes;
        _allocations[index].Dispose();
        _allocations.RemoveAt(index);
        _freed.Add(address);
    }

    /// <summary>The allocation that holds an address, or null.</summary>
    internal Allocation? Find(ulong address)
    {
        int index = IndexOf(address);
        return index >= 0 && address - _allocations[index].Start < (ulong)_allocations[index].Bytes ? _allocations[index] : null;
    }

    /// <summary>The allocation that holds a range of the host's calls.</summary>
    internal Allocation Require(ulong address, long bytes, string what)
    {
        Allocation? allocation = Find(address);
        if (bytes == 0 && allocation is null) { throw new GpuException($"{what}: 0x{address:x} is in no allocation"); }
        return allocation is not null && (ulong)bytes <= (ulong)allocation.Bytes - (address - allocation.Start)
            ? allocation
            : throw new GpuException($"{what} of {bytes} bytes at 0x{address:x}: {Describe(address)}");
    }

    /// <summary>Where an address is, for messages.</summary>
    internal string Describe(ulong address)
    {
        int index = IndexOf(address);
        if (index < 0) { return address < 4096 ? "a null pointer" : "before all allocations"; }
        Allocation before = _allocations[index];
        ulong offset = address - before.Start;
        return offset < (ulong)before.Bytes
            ? $"byte {offset} of the {before.Bytes} bytes at 0x{before.Start:x}"
            : $"{offset - (ulong)before.Bytes} bytes past the end of the {before.Bytes} bytes at 0x{before.Start:x}";
    }

    /// <summary>The last allocation that starts at or before an address; -1 if there is none.</summary>
    private int IndexOf(ulong address)
    {
        int low = 0, high = _allocations.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_allocations[middle].Start <= address) { low = middle + 1; } else { high = middle; }
        }
        return low - 1;
    }

    public void Dispose()
    {
        foreach (Allocation allocation in _allocations) { allocation.Dispose(); }
        _allocations.Clear();
        _used = 0;
    }
}
