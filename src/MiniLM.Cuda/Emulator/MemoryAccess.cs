using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MiniLM.Cuda.Emulator.Instructions;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>How an access uses memory, for checks.</summary>
internal enum AccessKind { Read, Write, Atomic }

/// <summary>ld and st. First each lane's address becomes a pointer on the host, with bounds and alignment;
/// then <see cref="LaneMoves"/> moves the data.</summary>
/// <typeparam name="TChecks">Whether memory is checked beyond bounds and alignment.</typeparam>
/// <typeparam name="TCounts">Whether sectors and wavefronts are counted.</typeparam>
internal static unsafe class MemoryAccess<TChecks, TCounts> where TChecks : struct, IChecks where TCounts : struct, ICounts
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void LoadGlobal(Warp w, Instruction* i)
    {
        int bytes = i->ElementBytes * i->Elements;
        ResolveGlobal(w, w.Wide(i->Slots[4]), i->Immediate, w.Mask, bytes, bytes, AccessKind.Read);
        LaneMoves.Load(w, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void LoadShared(Warp w, Instruction* i)
    {
        ResolveShared(w, i, w.Mask, i->ElementBytes * i->Elements, AccessKind.Read);
        LaneMoves.Load(w, i);
    }

    internal static void LoadLocal(Warp w, Instruction* i)
    {
        ResolveLocal(w, i, w.Mask, i->ElementBytes * i->Elements);
        LaneMoves.Load(w, i);
    }

    internal static void LoadGeneric(Warp w, Instruction* i)
    {
        ResolveGeneric(w, i, AccessKind.Read);
        LaneMoves.Load(w, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void StoreGlobal(Warp w, Instruction* i)
    {
        int bytes = i->ElementBytes * i->Elements;
        ResolveGlobal(w, w.Wide(i->Slots[4]), i->Immediate, w.Mask, bytes, bytes, AccessKind.Write);
        Store(w, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void StoreShared(Warp w, Instruction* i)
    {
        ResolveShared(w, i, w.Mask, i->ElementBytes * i->Elements, AccessKind.Write);
        Store(w, i);
    }

    internal static void StoreLocal(Warp w, Instruction* i)
    {
        ResolveLocal(w, i, w.Mask, i->ElementBytes * i->Elements);
        LaneMoves.Store(w, i);
    }

    internal static void StoreGeneric(Warp w, Instruction* i)
    {
        ResolveGeneric(w, i, AccessKind.Write);
        Store(w, i);
    }

    private static void Store(Warp w, Instruction* i)
    {
        LaneMoves.Store(w, i);
        if (TChecks.On)
        {
            uint lost = LaneMoves.LostStores(w, i);
            if (lost != 0) { throw w.Fault(KernelFault.SharedRace, lost, "two lanes store different values to one place in one instruction"); }
        }
    }

    /// <summary>Pointers of global addresses.</summary>
    /// <param name="w">The warp.</param>
    /// <param name="address">32 addresses.</param>
    /// <param name="offset">Added to each.</param>
    /// <param name="mask">Lanes that take part.</param>
    /// <param name="bytes">Bytes of each lane.</param>
    /// <param name="alignment">What an address must be a multiple of.</param>
    /// <param name="kind">For the checks.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ResolveGlobal(Warp w, ulong* address, long offset, uint mask, int bytes, int alignment, AccessKind kind)
    {
        AccessCache* cache = w.Block.Caches + w.Pc;
        bool isDone = false;
        if (mask == Warp.Full)
        {
            // One allocation for all lanes, which is nearly always so: sign bits collect what is outside, low bits what is misaligned.
            Vector256<long> shift = Vector256.Create(offset - (long)cache->Start), last = Vector256.Create(cache->Bytes - bytes),
                host = Vector256.Create((long)cache->Host);
            Vector256<long> outside = Vector256<long>.Zero, low = Vector256<long>.Zero;
            for (int lane = 0; lane < Warp.Lanes; lane += 4)
            {
                Vector256<long> from = Vector256.Load((long*)address + lane) + shift;
                outside |= Vector256.GreaterThan(from, last) | from;
                low |= from;
                (from + host).Store((long*)w.Pointers + lane);
            }
            isDone = outside.ExtractMostSignificantBits() == 0 && ((low[0] | low[1] | low[2] | low[3]) & (alignment - 1)) == 0;
        }
        if (!isDone) { ResolveGlobalByLane(w, address, offset, mask, bytes, alignment); }
        if (TChecks.On || TCounts.On)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++) { w.Addresses[lane] = address[lane] + (ulong)offset; }
            if (TCounts.On) { w.Block.Lines[w.Pc].CountGlobal(w, mask, bytes, kind); }
            if (TChecks.On) { w.Block.Launch.Shadow!.Access(w, mask, bytes, kind); }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ResolveGlobalByLane(Warp w, ulong* address, long offset, uint mask, int bytes, int alignment)
    {
        AccessCache* cache = w.Block.Caches + w.Pc;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong at = address[lane] + (ulong)offset;
            if ((at & (ulong)(alignment - 1)) != 0)
            {
                throw w.Fault(KernelFault.Misaligned, 1u << lane,
                    $"misaligned access of {alignment} bytes to global memory at 0x{at:x}, {w.Block.Memory.Describe(at)}");
            }
            ulong from = at - cache->Start;
            if (from >= (ulong)cache->Bytes || (ulong)cache->Bytes - from < (ulong)bytes)
            {
                Allocation? allocation = w.Block.Memory.Find(at);
                if (allocation is null || (ulong)allocation.Bytes - (at - allocation.Start) < (ulong)bytes)
                {
                    throw w.Fault(KernelFault.OutOfBounds, 1u << lane,
                        $"access of {bytes} bytes outside of global memory at 0x{at:x}, {w.Block.Memory.Describe(at)}");
                }
                (cache->Start, cache->Bytes, cache->Host, cache->Touched) = (allocation.Start, allocation.Bytes, (nint)allocation.Host,
                    (nint)allocation.Touched);
                from = at - allocation.Start;
            }
            w.Pointers[lane] = (byte*)cache->Host + from;
        }
    }

    /// <summary>Pointers of shared addresses, which have 32 bits or are in 64-bit registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ResolveShared(Warp w, Instruction* i, uint mask, int bytes, AccessKind kind)
    {
        uint* address = w.Register(i->Slots[4]);
        if (i->Is(InstructionFlags.WideAddress)) { address = Narrow(w, i); }
        ResolveShared(w, address, (uint)i->Immediate, mask, bytes, kind);
    }

    private static uint* Narrow(Warp w, Instruction* i)
    {
        // Addresses are written after this is read: the low halves of the same scratch.
        ulong* wide = w.Wide(i->Slots[4]);
        uint* narrow = (uint*)w.Saved;
        for (int lane = 0; lane < Warp.Lanes; lane++) { narrow[lane] = wide[lane] >> 32 == 0 ? (uint)wide[lane] : uint.MaxValue & ~15u; }
        return narrow;
    }

    /// <summary>Pointers of shared addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ResolveShared(Warp w, uint* address, uint offset, uint mask, int bytes, AccessKind kind)
    {
        uint size = w.Block.SharedBytes;
        bool isDone = false;
        if (mask == Warp.Full && size >= (uint)bytes)
        {
            Vector256<uint> shift = Vector256.Create(offset - Lowering.SharedBase), most = Vector256<uint>.Zero, low = Vector256<uint>.Zero;
            Vector256<ulong> host = Vector256.Create((ulong)w.Block.Shared);
            for (int lane = 0; lane < Warp.Lanes; lane += 8)
            {
                Vector256<uint> from = Vector256.Load(address + lane) + shift;
                most = Vector256.Max(most, from);
                low |= from;
                (Vector256<ulong> first, Vector256<ulong> second) = Vector256.Widen(from);
                (first + host).Store((ulong*)w.Pointers + lane);
                (second + host).Store((ulong*)w.Pointers + lane + 4);
            }
            isDone = Vector256.GreaterThan(most, Vector256.Create(size - (uint)bytes)).ExtractMostSignificantBits() == 0
                && Vector256.EqualsAll(low & Vector256.Create((uint)bytes - 1), Vector256<uint>.Zero);
        }
        if (!isDone) { ResolveSharedByLane(w, address, offset, mask, bytes); }
        if (TChecks.On || TCounts.On)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++) { w.Addresses[lane] = address[lane] + offset - Lowering.SharedBase; }
            if (TCounts.On) { w.Block.Lines[w.Pc].CountShared(w.Addresses, mask, bytes); }
            if (TChecks.On) { w.Block.Shadow!.Access(w, mask, bytes, kind); }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ResolveSharedByLane(Warp w, uint* address, uint offset, uint mask, int bytes)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint from = address[lane] + offset - Lowering.SharedBase;
            if ((from & (uint)(bytes - 1)) != 0)
            {
                throw w.Fault(KernelFault.Misaligned, 1u << lane, $"misaligned access of {bytes} bytes to shared memory at byte {(int)from}");
            }
            if (from >= w.Block.SharedBytes || w.Block.SharedBytes - from < (uint)bytes)
            {
                throw w.Fault(KernelFault.OutOfBounds, 1u << lane,
                    $"access of {bytes} bytes outside of shared memory at byte {(int)from} of {w.Block.SharedBytes}");
            }
            w.Pointers[lane] = w.Block.Shared + from;
        }
    }

    private static void ResolveLocal(Warp w, Instruction* i, uint mask, int bytes)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong at = (i->Is(InstructionFlags.WideAddress) ? w.Wide(i->Slots[4])[lane] : w.Register(i->Slots[4])[lane]) + (ulong)i->Immediate;
            ResolveLocalLane(w, lane, at, bytes);
        }
    }

    private static void ResolveLocalLane(Warp w, int lane, ulong at, int bytes)
    {
        uint size = (uint)w.Block.Program.LocalBytes;
        if ((at & (ulong)(bytes - 1)) != 0)
        {
            throw w.Fault(KernelFault.Misaligned, 1u << lane, $"misaligned access of {bytes} bytes to local memory at byte {at}");
        }
        if (at >= size || size - at < (ulong)bytes)
        {
            throw w.Fault(KernelFault.OutOfBounds, 1u << lane, $"access of {bytes} bytes outside of local memory at byte {(long)at} of {size}");
        }
        w.Pointers[lane] = w.Block.Local + (ulong)(w.Index * Warp.Lanes + lane) * (ulong)w.Block.Program.LocalStride + at;
    }

    /// <summary>Each lane's address says which space it is in.</summary>
    private static void ResolveGeneric(Warp w, Instruction* i, AccessKind kind)
    {
        ResolveGeneric(w, w.Wide(i->Slots[4]), i->Immediate, i->ElementBytes * i->Elements, kind);
    }

    internal static void ResolveGeneric(Warp w, ulong* address, long offset, int bytes, AccessKind kind)
    {
        uint global = 0, shared = 0;
        uint* narrow = (uint*)w.Saved;
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong at = address[lane] + (ulong)offset;
            switch (GenericAddress.SpaceOf(at))
            {
                case PtxSpace.Shared:
                    shared |= 1u << lane;
                    narrow[lane] = (uint)(at - Lowering.SharedWindow);
                    break;
                case PtxSpace.Local: ResolveLocalLane(w, lane, at - Lowering.LocalWindow, bytes); break;
                default: global |= 1u << lane; break;
            }
        }
        if (global != 0) { ResolveGlobal(w, address, offset, global, bytes, bytes, kind); }
        if (shared != 0) { ResolveShared(w, narrow, 0, shared, bytes, kind); }
    }
}
