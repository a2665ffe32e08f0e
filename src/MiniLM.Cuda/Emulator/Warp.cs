using System.Numerics;
using System.Runtime.CompilerServices;

namespace MiniLM.Cuda.Emulator;

/// <summary>The last allocation an instruction touched: its next access is almost always there.</summary>
internal struct AccessCache
{
    internal ulong Start;
    internal long Bytes;
    internal nint Host;

    /// <summary><see cref="Allocation.Touched"/>.</summary>
    internal nint Touched;
}

/// <summary>32 lanes in step. Registers lie lane by lane: 32 words of 4 bytes a register, two registers in a row for 64 bits; a predicate is a mask.</summary>
/// <remarks>All memory is the block's. While all lanes that live are at one pc, Limit is out of reach; after a branch that parts them LanePc holds
/// the pc of those that wait, and Limit the lowest of these: whoever is lowest runs, and lanes that meet go on together. Lanes at an instruction that needs
/// others (shfl.sync, mma, a barrier) are held until those come: a compiler may place a loop's body behind its exit,
/// and then the first to leave it wait there.</remarks>
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

    /// <summary>Lanes that wait at an instruction for others that it needs (shfl.sync, mma, a barrier).</summary>
    internal uint Held;

    internal int Pc, Limit;

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

    /// <summary>Whether a branch has parted the lanes.</summary>
    internal bool IsParted => Active != Live;

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
        (Held, Pc, Limit, Budget, IsWaiting) = (0, 0, int.MaxValue, budget, false);
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

    /// <summary>The lanes at the lowest pc run, after each lane's was set; held ones do not count.</summary>
    internal void Choose()
    {
        int lowest = int.MaxValue, second = int.MaxValue;
        uint there = 0;
        // When only held lanes are left they look again, and see that those they wait for do not come.
        if ((Live & ~Held) == 0) { Held = 0; }
        for (uint rest = Live & ~Held; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), pc = LanePc[lane];
            if (pc < lowest) { (second, lowest, there) = (lowest, pc, 1u << lane); }
            else if (pc == lowest) { there |= 1u << lane; }
            else if (pc < second) { second = pc; }
        }
        (Active, Pc, Limit) = (there, lowest, second);
    }

    /// <summary>The active lanes are at an instruction that needs others. Those come as far as they can first; lanes that wait here already join.</summary>
    /// <returns>Whether to look again at the pc, which may be another one; false when all are here, or when those that are missing cannot come.</returns>
    internal bool AwaitOthers(uint needed)
    {
        if ((needed & Live & ~Active) == 0) { return false; }
        uint joining = 0;
        for (uint rest = Held; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (LanePc[lane] == Pc) { joining |= 1u << lane; }
        }
        if (joining != 0)
        {
            Held &= ~joining;
            Active |= joining;
            return true;
        }
        if ((Live & ~Active & ~Held) == 0) { return false; }
        for (uint rest = Active; rest != 0; rest &= rest - 1) { LanePc[BitOperations.TrailingZeroCount(rest)] = Pc; }
        Held |= Active;
        Choose();
        return true;
    }

    /// <summary>A fault of the running instruction.</summary>
    /// <param name="fault">What kind.</param>
    /// <param name="lanes">The first of these lanes is named.</param>
    /// <param name="what">What happened.</param>
    internal KernelFaultException Fault(KernelFault fault, uint lanes, string what)
    {
        int lane = lanes == 0 ? 0 : BitOperations.TrailingZeroCount(lanes);
        return new KernelFaultException(fault, Block.Program.Name, Block.Program.LineOf(Pc), Block.X, Block.Y, Index, Index * Lanes + lane,
            $"{what} ({Block.Program.TextOf(Pc)})");
    }
}
