using System.Numerics;
using System.Runtime.CompilerServices;

namespace MiniLM.Cuda.Emulator;

/// <summary>The last allocation an instruction touched: its next access is almost always there.</summary>
internal struct AccessCache
{
    internal ulong Start;
    internal long Bytes;
    internal nint Host;
}

/// <summary>32 lanes in step. Registers lie lane by lane: 32 words of 4 bytes a register, two registers in a row for 64 bits; a predicate is a mask.</summary>
/// <remarks>All memory is the block's. While all lanes that live are at one pc, Limit is out of reach; after a branch that parts them LanePc holds
/// the pc of those that wait, and Limit the lowest of these: whoever is lowest runs, and lanes that meet go on together.</remarks>
internal sealed unsafe class Warp(Block block, int index, byte* registers, uint* predicates, ulong* scratch)
{
    internal const int Lanes = 32, SlotBytes = 128;
    internal const uint Full = uint.MaxValue;

    internal readonly Block Block = block;
    internal readonly int Index = index;
    internal readonly byte* Registers = registers;
    internal readonly uint* Predicates = predicates;

    /// <summary>Addresses of an access in its space, when somebody looks at them.</summary>
    internal readonly ulong* Addresses = scratch;

    /// <summary>Where an access's bytes are on the host.</summary>
    internal readonly byte** Pointers = (byte**)(scratch + Lanes);

    /// <summary>Old values of registers while an instruction runs for some lanes only: at most 4 wide registers.</summary>
    internal readonly byte* Saved = (byte*)(scratch + 2 * Lanes);

    /// <summary>Fragments of mma as floats: <see cref="Instructions.Mma"/>.</summary>
    internal readonly float* Fragments = (float*)(scratch + 6 * Lanes);

    internal const int ScratchWords = 6 * Lanes + Instructions.Mma.FragmentFloats / 2;

    internal readonly int[] LanePc = new int[Lanes];

    /// <summary>Lanes the running instruction is for.</summary>
    internal uint Mask;

    /// <summary>Lanes that run; that have not left; that left or never were; that were at the start.</summary>
    internal uint Active, Live, Dead, Initial;

    internal int Pc, Limit;

    /// <summary>All groups of lanes are at instructions with .sync.</summary>
    internal bool AllWait;

    /// <summary>Branches left before the kernel counts as one that never ends.</summary>
    internal long Budget;

    /// <summary>Waits at a barrier, of which number, for how many threads; at bar.red with which lanes voting yes.</summary>
    internal bool IsWaiting;
    internal int BarrierId, BarrierThreads;
    internal uint BarrierVotes;

    internal readonly AsyncCopies Copies = new();

    /// <summary>Lanes that wrote each register of the text, when that is checked.</summary>
    internal uint[] Written = [];

    internal bool IsDone => Live == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint* Register(int slot) => (uint*)(Registers + slot * SlotBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong* Wide(int slot) => (ulong*)(Registers + slot * SlotBytes);

    /// <summary>Threads of the block start here.</summary>
    internal void Start(int threads, long budget)
    {
        int lanes = Math.Min(Lanes, threads - Index * Lanes);
        Initial = Live = Active = lanes == Lanes ? Full : (1u << lanes) - 1;
        Dead = ~Live;
        (Pc, Limit, AllWait, Budget, IsWaiting) = (0, int.MaxValue, false, budget, false);
        Copies.Clear();
        Written.AsSpan().Clear();
    }

    /// <summary>Lanes of a mask go to one place, the other active ones to another.</summary>
    internal void Part(uint taken, int target, int next)
    {
        for (uint rest = Active; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            LanePc[lane] = (taken >> lane & 1) != 0 ? target : next;
        }
        Choose();
    }

    /// <summary>The active lanes wait at a pc above that of others.</summary>
    internal void Park(int pc)
    {
        for (uint rest = Active; rest != 0; rest &= rest - 1) { LanePc[BitOperations.TrailingZeroCount(rest)] = pc; }
        Choose();
    }

    /// <summary>Lanes leave the kernel. False when nobody is left to run.</summary>
    internal bool Leave(uint lanes, int next)
    {
        Live &= ~lanes;
        Dead |= lanes;
        if (Live == 0) { return false; }
        uint rest = Active & ~lanes;
        if (rest == 0) { Active = 0; Choose(); return true; }
        Active = rest;
        Pc = next;
        if (Pc >= Limit) { Park(Pc); }
        return true;
    }

    /// <summary>
    /// After each lane's pc was set: the lanes at the lowest one run, but not into an instruction with .sync, where they wait for the
    /// others (a compiler may place a loop's body behind its exit, so the first to leave are not the last to come). When all wait, the
    /// lowest run on: their instruction says what is missing.
    /// </summary>
    internal void Choose()
    {
        int lowest = int.MaxValue, runnable = int.MaxValue;
        for (uint rest = Live; rest != 0; rest &= rest - 1)
        {
            int pc = LanePc[BitOperations.TrailingZeroCount(rest)];
            lowest = Math.Min(lowest, pc);
            if (!Block.Program.Gathers[pc]) { runnable = Math.Min(runnable, pc); }
        }
        AllWait = runnable == int.MaxValue;
        (Pc, Active, Limit) = (AllWait ? lowest : runnable, 0, int.MaxValue);
        for (uint rest = Live; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), pc = LanePc[lane];
            if (pc == Pc) { Active |= 1u << lane; }
            else if (pc > Pc) { Limit = Math.Min(Limit, pc); }
        }
    }

    /// <summary>A fault of the running instruction.</summary>
    /// <param name="fault">What kind.</param>
    /// <param name="lanes">The first of these lanes is named.</param>
    /// <param name="what">What happened.</param>
    internal KernelFaultException Fault(KernelFault fault, uint lanes, string what)
    {
        int lane = lanes == 0 ? 0 : BitOperations.TrailingZeroCount(lanes);
        return new KernelFaultException(fault, Block.Program.Name, Block.Program.LineOf(Pc), Block.X, Block.Y, Index, Index * Lanes + lane, $"{what} ({Block.Program.TextOf(Pc)})");
    }
}
