using System.Numerics;
using System.Runtime.CompilerServices;

namespace MiniLM.Cuda.Emulator;

/// <summary>Counters of one instruction of a kernel.</summary>
internal unsafe struct LineCounts
{
    /// <summary>Times a warp ran it, and the lanes that took part.</summary>
    internal long Warps, Threads;

    /// <summary>Branches at which a warp parted.</summary>
    internal long Divergent;

    /// <summary>Accesses of a warp to global memory, the 32-byte sectors they touch, the fewest that could hold their
    /// bytes, and the bytes of all lanes.</summary>
    internal long GlobalRequests, Sectors, IdealSectors, GlobalBytes;

    /// <summary>Accesses of a warp to shared memory, the passes over the 32 banks they take, the fewest there could be, and the bytes of all lanes.</summary>
    internal long SharedRequests, Wavefronts, IdealWavefronts, SharedBytes;

    internal void Add(in LineCounts other)
    {
        Warps += other.Warps;
        Threads += other.Threads;
        Divergent += other.Divergent;
        GlobalRequests += other.GlobalRequests;
        Sectors += other.Sectors;
        IdealSectors += other.IdealSectors;
        GlobalBytes += other.GlobalBytes;
        SharedRequests += other.SharedRequests;
        Wavefronts += other.Wavefronts;
        IdealWavefronts += other.IdealWavefronts;
        SharedBytes += other.SharedBytes;
    }

    /// <summary>Distinct sectors, and the distinct bytes of them as a bit mask each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void CountGlobal(Warp w, uint mask, int bytes, AccessKind kind)
    {
        ulong* addresses = w.Addresses;
        ulong* sectors = stackalloc ulong[2 * Warp.Lanes];
        uint* used = stackalloc uint[2 * Warp.Lanes];
        int count = 0;
        ulong highest = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            ulong address = addresses[BitOperations.TrailingZeroCount(rest)], sector = address >> 5;
            // Accesses are aligned to their size, at most 16 bytes: none crosses a sector.
            uint bits = (uint)((1UL << bytes) - 1) << (int)(address & 31);
            int k = count - 1;
            if (sector > highest) { (highest, k) = (sector, -1); } // a new one: addresses rise with lanes, mostly
            while (k >= 0 && sectors[k] != sector) { k--; }
            if (k < 0)
            {
                k = count++;
                (sectors[k], used[k]) = (sector, 0);
            }
            used[k] |= bits;
        }
        int distinct = 0;
        for (int k = 0; k < count; k++)
        {
            distinct += BitOperations.PopCount(used[k]);
            Touch(w, sectors[k] << 5, kind);
        }
        GlobalRequests++;
        Sectors += count;
        IdealSectors += (distinct + 31) / 32;
        GlobalBytes += (long)BitOperations.PopCount(mask) * bytes;
    }

    /// <summary>Marks a sector for this launch. All threads store the same value, so no order is needed.</summary>
    private static void Touch(Warp w, ulong address, AccessKind kind)
    {
        AccessCache* cache = w.Block.Caches + w.Pc;
        ulong start = cache->Start;
        byte* touched = (byte*)cache->Touched;
        if (address - start >= (ulong)cache->Bytes)
        {
            Allocation other = w.Block.Memory.Find(address)!; // lanes of one instruction may be in several
            start = other.Start;
            touched = other.Touched;
        }
        touched += (address - start) / 32 * 2;
        if (kind != AccessKind.Write) { touched[0] = 1; }
        if (kind != AccessKind.Read) { touched[1] = 1; }
    }

    /// <summary>Lanes go together as long as they fit 128 bytes: 32 of 4 bytes or fewer, 16 of 8, 8 of 16.
    /// A pass serves one word of each bank, to any number of lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void CountShared(ulong* offsets, uint mask, int bytes)
    {
        int lanes = bytes <= 4 ? 32 : 128 / bytes;
        uint* words = stackalloc uint[32];
        byte* ways = stackalloc byte[32];
        for (int from = 0; from < Warp.Lanes; from += lanes)
        {
            uint group = lanes == 32 ? mask : mask >> from & (1u << lanes) - 1;
            if (group == 0) { continue; }
            IdealWavefronts++;
            if (IsFreeOfConflicts(offsets + from, group, Math.Max(bytes, 4), lanes))
            {
                Wavefronts++;
                continue;
            }
            int count = 0, most = 0;
            new Span<byte>(ways, 32).Clear();
            for (uint rest = group; rest != 0; rest &= rest - 1)
            {
                ulong offset = offsets[from + BitOperations.TrailingZeroCount(rest)];
                for (uint word = (uint)(offset >> 2), end = (uint)(offset + (ulong)bytes - 1 >> 2); word <= end; word++)
                {
                    int bank = (int)(word & 31);
                    bool isKnown = false;
                    if (ways[bank] != 0) { for (int k = count - 1; k >= 0 && !isKnown; k--) { isKnown = words[k] == word; } }
                    if (isKnown) { continue; }
                    words[count++] = word;
                    most = Math.Max(most, ++ways[bank]);
                }
            }
            Wavefronts += most;
        }
        SharedRequests++;
        SharedBytes += (long)BitOperations.PopCount(mask) * bytes;
    }

    /// <summary>Whether lanes use banks of their own, as they nearly always do; those that share a word are looked at one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsFreeOfConflicts(ulong* offsets, uint mask, int bytes, int lanes)
    {
        int shift = BitOperations.Log2((uint)bytes);
        uint used = 0, twice = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            uint banks = 1u << (int)(offsets[BitOperations.TrailingZeroCount(rest)] >> shift & (uint)(lanes - 1));
            twice |= used & banks;
            used |= banks;
        }
        return twice == 0;
    }
}
