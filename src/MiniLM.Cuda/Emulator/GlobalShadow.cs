using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator;

/// <summary>Who reads and writes global memory in a launch. Blocks run in no order:
/// a word written by two, or written by one and read by another, has no defined value.</summary>
/// <remarks>Also knows which bytes were ever written. Words are shared by the CPU threads that run blocks, so they change by compare-and-swap.
/// A word: 24 bits launch, 20 bits writer, 20 bits reader (block + 1, all ones for several readers). Atomics are left out.</remarks>
internal sealed unsafe class GlobalShadow(GlobalMemory memory, uint launch, long blocks)
{
    /// <summary>More blocks than this do not fit a word, and are not compared.</summary>
    internal const long MostBlocks = (long)Several - 2, MostLaunches = 1 << 24;

    private const ulong Several = (1 << 20) - 1;

    private readonly bool _comparesBlocks = blocks <= MostBlocks;
    private readonly ulong _launch = (ulong)launch << 40;

    /// <summary>Gets the tables of all allocations ready.</summary>
    internal void Prepare()
    {
        foreach (Allocation allocation in memory.Allocations) { allocation.TrackUsers(); }
    }

    /// <summary>Checks and remembers an access; its bounds are known to be good.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Access(Warp w, uint mask, int bytes, AccessKind kind)
    {
        Allocation? allocation = null;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = w.Addresses[lane];
            if (allocation is null || address - allocation.Start >= (ulong)allocation.Bytes) { allocation = memory.Find(address)!; }
            long at = (long)(address - allocation.Start);
            Initialize(w, lane, allocation, at, bytes, kind);
            if (!_comparesBlocks || kind == AccessKind.Atomic) { continue; }
            if (kind == AccessKind.Read && bytes == 16 && IsReadBefore(allocation.Users + (at >> 2), w.Block.Number + 1)) { continue; }
            for (long word = at >> 2, end = at + bytes - 1 >> 2; word <= end; word++)
            {
                uint other = kind == AccessKind.Read ? Read(allocation.Users + word, w.Block.Number + 1) : Write(allocation.Users + word, w.Block.Number + 1);
                if (other != 0) { throw Conflict(w, lane, allocation, word, other - 1, kind); }
            }
        }
    }

    /// <summary>Whether four words have no writer, and this block or several among their readers: most of a matrix that many blocks read.
    /// A writer that comes now sees the readers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsReadBefore(ulong* words, uint block)
    {
        Vector256<ulong> users = Vector256.Load(words);
        return (Vector256.Equals(users, Vector256.Create(_launch | Several)) | Vector256.Equals(users, Vector256.Create(_launch | block)))
            == Vector256<ulong>.AllBitsSet;
    }

    private static void Initialize(Warp w, int lane, Allocation allocation, long at, int bytes, AccessKind kind)
    {
        // Aligned accesses of at most 16 bytes stay in one word of the bitmap; a cp.async of an odd size is looked at from its start.
        int bit = (int)(at & 31), inWord = Math.Min(bytes, 32 - bit);
        uint bits = (uint)((1UL << inWord) - 1) << bit;
        ref uint word = ref allocation.Initialized[at >> 5], stored = ref allocation.Stored[at >> 5];
        if (kind != AccessKind.Read && (Volatile.Read(ref stored) & bits) != bits) { Interlocked.Or(ref stored, bits); }
        if ((Volatile.Read(ref word) & bits) == bits) { return; }
        if (kind == AccessKind.Write) { Interlocked.Or(ref word, bits); return; }
        ulong address = allocation.Start + (ulong)at;
        throw w.Fault(KernelFault.UninitializedMemory, 1u << lane,
            $"reads {bytes} bytes of global memory at 0x{address:x}, {w.Block.Memory.Describe(address)}, that nobody has written");
    }

    /// <summary>Who used a word: nobody yet, where an earlier launch left it.</summary>
    private ulong OfThisLaunch(ulong word) => word >> 40 == _launch >> 40 ? word : _launch;

    /// <summary>Returns the other block + 1 that has written the word; 0 if all is well.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private uint Read(ulong* word, uint block)
    {
        while (true)
        {
            ulong old = Volatile.Read(ref *word), users = OfThisLaunch(old);
            (uint writer, uint reader) = ((uint)(users >> 20 & Several), (uint)(users & Several));
            if (writer != 0 && writer != block) { return writer; }
            if (reader == block || reader == Several) { return 0; }
            ulong now = users & ~Several | (reader == 0 ? block : Several);
            if (Interlocked.CompareExchange(ref *word, now, old) == old) { return 0; }
        }
    }

    /// <summary>Returns another block + 1 that has written or read the word; 0 if all is well.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private uint Write(ulong* word, uint block)
    {
        while (true)
        {
            ulong old = Volatile.Read(ref *word), users = OfThisLaunch(old);
            (uint writer, uint reader) = ((uint)(users >> 20 & Several), (uint)(users & Several));
            if (writer != 0 && writer != block) { return writer; }
            if (reader != 0 && reader != block) { return reader; }
            if (writer == block) { return 0; }
            ulong now = users | (ulong)block << 20;
            if (Interlocked.CompareExchange(ref *word, now, old) == old) { return 0; }
        }
    }

    private KernelFaultException Conflict(Warp w, int lane, Allocation allocation, long word, uint other, AccessKind kind)
    {
        uint width = w.Block.Launch.Shape.GridX;
        string who = other + 1 == (uint)Several ? "another block" : $"block ({other % width}, {other / width})";
        string did = (allocation.Users[word] >> 20 & Several) == other + 1 ? "writes" : "reads";
        ulong address = allocation.Start + (ulong)word * 4;
        string does = kind == AccessKind.Read ? "reads" : "writes";
        return w.Fault(KernelFault.GlobalRace, 1u << lane,
            $"{does} global memory at 0x{address:x}, {memory.Describe(address)}, which {who} {did} in the same launch");
    }
}
