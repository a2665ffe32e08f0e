using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MiniLM.Cuda.Emulator.Instructions;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Runs blocks on one CPU thread, one after the other.</summary>
internal abstract class BlockRunner : IDisposable
{
    internal abstract Block Block { get; }

    internal abstract void Run(uint x, uint y);

    public abstract void Dispose();
}

/// <summary>The interpreter. Warps of a block take turns at barriers, lowest first.</summary>
internal sealed unsafe class BlockRunner<TChecks, TCounts> : BlockRunner where TChecks : struct, IChecks where TCounts : struct, ICounts
{
    private readonly Warp[] _warps;
    private readonly byte* _memory;

    internal override Block Block { get; }

    internal BlockRunner(KernelProgram program, LaunchState launch)
    {
        Block = new Block(program, launch, TChecks.On, TCounts.On);
        int count = (int)(launch.Shape.Threads + Warp.Lanes - 1) / Warp.Lanes;
        int registerBytes = program.Slots * Warp.SlotBytes, predicateBytes = (program.Predicates * 4 + 63) & ~63, scratchBytes = Warp.ScratchWords * 8;
        int warpBytes = registerBytes + predicateBytes + scratchBytes + 64; // 64: neighbours' registers do not fall on the same cache sets
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)warpBytes * (nuint)count + 64, 64);
        NativeMemory.Clear(_memory, (nuint)warpBytes * (nuint)count);
        _warps = new Warp[count];
        for (int index = 0; index < count; index++)
        {
            byte* at = _memory + (nint)warpBytes * index;
            var warp = new Warp(Block, index, at, (uint*)(at + registerBytes), (ulong*)(at + registerBytes + predicateBytes));
            if (TChecks.On) { warp.Written = new uint[program.Kernel.Registers.Count]; }
            foreach (ConstantSlot constant in program.Constants)
            {
                if (constant.IsWide) { new Span<ulong>(warp.Wide(constant.Slot), Warp.Lanes).Fill(constant.Value); }
                else { new Span<uint>(warp.Register(constant.Slot), Warp.Lanes).Fill((uint)constant.Value); }
            }
            foreach ((int predicate, bool value) in program.ConstantPredicates) { warp.Predicates[predicate] = value ? Warp.Full : 0; }
            _warps[index] = warp;
        }
    }

    internal override void Run(uint x, uint y)
    {
        Block.Start(x, y);
        foreach (Warp warp in _warps)
        {
            warp.Start((int)Block.Launch.Shape.Threads, Block.Launch.Budget);
            foreach ((int slot, SpecialRegister register) in Block.Program.Specials) { Fill(warp, slot, register); }
        }
        while (true)
        {
            bool isDone = true, hasRun = false;
            foreach (Warp warp in _warps)
            {
                if (warp.IsDone) { continue; }
                isDone = false;
                if (warp.IsWaiting) { continue; }
                hasRun = true;
                Run(warp);
            }
            if (isDone) { return; }
            if (!Release() && !hasRun) { throw Deadlock(); }
        }
    }

    /// <summary>Lets those go whose barrier has all its threads.</summary>
    private bool Release()
    {
        bool hasReleased = false;
        foreach (Warp first in _warps)
        {
            if (!first.IsWaiting) { continue; }
            int arrived = 0;
            foreach (Warp warp in _warps) { if (warp.IsWaiting && warp.BarrierId == first.BarrierId) { arrived += BitOperations.PopCount(warp.Live); } }
            if (arrived < first.BarrierThreads) { continue; }
            uint yes = 0, all = 0;
            foreach (Warp warp in _warps)
            {
                if (!warp.IsWaiting || warp.BarrierId != first.BarrierId) { continue; }
                yes += (uint)BitOperations.PopCount(warp.BarrierVotes);
                all += (uint)BitOperations.PopCount(warp.Live);
            }
            uint together = 0;
            int id = first.BarrierId;
            foreach (Warp warp in _warps)
            {
                if (!warp.IsWaiting || warp.BarrierId != id) { continue; }
                together |= 1u << warp.Index;
                Leave(warp, yes, all);
            }
            if (TChecks.On)
            {
                if (BitOperations.PopCount(together) == _warps.Length) { Block.Shadow!.Order(); } else { Block.Shadow!.Order(together); }
            }
            hasReleased = true;
        }
        return hasReleased;
    }

    private void Leave(Warp warp, uint yes, uint all)
    {
        Instruction* i = Block.Program.Code + warp.Pc;
        warp.IsWaiting = false;
        if (i->Kind == InstructionKind.BarrierReduce)
        {
            warp.Mask = warp.Live;
            if (i->Choice == 0)
            {
                for (uint rest = warp.Mask; rest != 0; rest &= rest - 1) { warp.Register(i->Slots[2])[BitOperations.TrailingZeroCount(rest)] = yes; }
            }
            else { Predicates.Write(warp, i->Slots[2], (i->Choice == 1 ? yes == all : yes != 0) ? Warp.Full : 0); }
        }
        warp.Pc++;
    }

    private KernelFaultException Deadlock()
    {
        Warp waiting = Array.Find(_warps, warp => warp.IsWaiting)!;
        int gone = _warps.Count(warp => warp.IsDone),
            here = _warps.Where(warp => warp.IsWaiting && warp.BarrierId == waiting.BarrierId).Sum(warp => BitOperations.PopCount(warp.Live));
        string why = gone > 0
            ? $"{gone} of {_warps.Length} warps have left the kernel"
            : $"others wait at barrier {_warps.First(warp => warp.IsWaiting && warp.BarrierId != waiting.BarrierId).BarrierId}";
        return waiting.Fault(KernelFault.Barrier, waiting.Live,
            $"waits at barrier {waiting.BarrierId} for {waiting.BarrierThreads} threads, {here} are there, and {why}");
    }

    /// <summary>Runs a warp until it waits or is done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run(Warp w)
    {
        Instruction* code = w.Block.Program.Code;
        LineCounts* lines = w.Block.Lines;
        int pc = w.Pc;
        while (true)
        {
            if (pc >= w.Limit)
            {
                w.Park(pc);
                pc = w.Pc;
            }
            Instruction* i = code + pc;
            w.Pc = pc;
            uint mask = w.Active;
            if (i->Guard >= 0)
            {
                uint guard = w.Predicates[i->Guard];
                mask &= (i->Flags & InstructionFlags.GuardNegated) != 0 ? ~guard : guard;
            }
            if (w.IsParted && i->Kind >= InstructionKind.Members && mask != 0 && w.AwaitOthers(Needed(w, i, mask)))
            {
                pc = w.Pc;
                continue;
            }
            if (TChecks.On) { RegisterChecks.Read(w, pc, mask); }
            if (TCounts.On)
            {
                lines[pc].Warps++;
                lines[pc].Threads += BitOperations.PopCount(mask);
            }
            switch (i->Kind)
            {
                case InstructionKind.Pure:
                    if ((mask | w.Dead) == Warp.Full) { i->Execute(w, i); }
                    else if (mask != 0) { RunMasked(w, i, mask); }
                    pc++;
                    break;
                case InstructionKind.Masked:
                case InstructionKind.Members:
                case InstructionKind.Warp:
                    if (mask != 0)
                    {
                        w.Mask = mask;
                        i->Execute(w, i);
                    }
                    pc++;
                    break;
                case InstructionKind.Nothing:
                    pc++;
                    break;
                case InstructionKind.Branch:
                    if (mask == 0) { pc++; break; }
                    if (--w.Budget < 0) { throw w.Fault(KernelFault.Budget, mask, $"more than {w.Block.Launch.Budget} branches: the kernel does not end"); }
                    if (mask == w.Active) { pc = i->Target; break; }
                    if (TCounts.On) { lines[pc].Divergent++; }
                    w.Part(mask, i->Target, pc + 1);
                    pc = w.Pc;
                    break;
                case InstructionKind.BranchIndexed:
                    if (mask == 0) { pc++; break; }
                    if (--w.Budget < 0) { throw w.Fault(KernelFault.Budget, mask, $"more than {w.Block.Launch.Budget} branches: the kernel does not end"); }
                    if (BranchIndexed(w, i, mask) && TCounts.On) { lines[pc].Divergent++; }
                    pc = w.Pc;
                    break;
                case InstructionKind.Exit:
                    if (mask == 0) { pc++; break; }
                    if (TChecks.On) { CheckLeaving(w, mask); }
                    if (!w.Leave(mask, pc + 1)) { return; }
                    pc = w.Pc;
                    break;
                case InstructionKind.Barrier:
                case InstructionKind.BarrierReduce:
                    if (mask == 0 && w.Active == w.Live) { pc++; break; }
                    Arrive(w, i, mask);
                    return;
                default:
                    if (mask == 0) { pc++; break; }
                    throw w.Fault(KernelFault.Trap, mask, "a trap");
            }
            if (TChecks.On) { RegisterChecks.Write(w, i, (int)(i - code), mask); }
        }
    }

    /// <summary>Lanes that must come to an instruction together.</summary>
    private static uint Needed(Warp w, Instruction* i, uint mask) =>
        i->Kind == InstructionKind.Members ? w.Register(i->Slots[4])[BitOperations.TrailingZeroCount(mask)] & w.Initial : w.Initial;

    /// <summary>Lanes that are switched off get their old results back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunMasked(Warp w, Instruction* i, uint mask)
    {
        int bytes = (i->Is(InstructionFlags.Wide) ? 2 : 1) * Warp.SlotBytes;
        for (int k = 0; k < i->Destinations; k++)
        {
            byte* d = (byte*)w.Register(i->Slots[k]), saved = w.Saved + k * 2 * Warp.SlotBytes;
            for (int at = 0; at < bytes; at += Vector256<byte>.Count) { Vector256.Load(d + at).Store(saved + at); }
        }
        i->Execute(w, i);
        for (int k = 0; k < i->Destinations; k++)
        {
            byte* saved = w.Saved + k * 2 * Warp.SlotBytes;
            uint* d = w.Register(i->Slots[k]);
            for (int lane = 0; lane < Warp.Lanes; lane += 8)
            {
                Vector256<uint> isOn = Comparisons.Expand(mask >> lane & 255);
                if (bytes == Warp.SlotBytes)
                {
                    Vector256.ConditionalSelect(isOn, Vector256.Load(d + lane), Vector256.Load((uint*)saved + lane)).Store(d + lane);
                    continue;
                }
                (Vector256<long> low, Vector256<long> high) = Vector256.Widen(isOn.AsInt32()); // by the sign: all bits or none
                long* wide = (long*)d + lane, old = (long*)saved + lane;
                Vector256.ConditionalSelect(low, Vector256.Load(wide), Vector256.Load(old)).Store(wide);
                Vector256.ConditionalSelect(high, Vector256.Load(wide + 4), Vector256.Load(old + 4)).Store(wide + 4);
            }
        }
    }

    private static bool BranchIndexed(Warp w, Instruction* i, uint mask)
    {
        PtxInstruction source = w.Block.Program.Kernel.Instructions[w.Pc];
        PtxOperand[] targets = w.Block.Program.Kernel.BranchTargets[source.Operands[1].Name];
        uint* index = w.Register(i->Slots[0]);
        int next = w.Pc + 1, first = -1;
        bool isParted = mask != w.Active;
        for (uint rest = w.Active; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if ((mask >> lane & 1) == 0) { w.LanePc[lane] = next; continue; }
            if (index[lane] >= (uint)targets.Length) { throw w.Fault(KernelFault.BranchIndex, 1u << lane, $"branch {index[lane]} of {targets.Length}"); }
            w.LanePc[lane] = targets[index[lane]].Target;
            if (first < 0) { first = w.LanePc[lane]; }
            isParted |= w.LanePc[lane] != first;
        }
        w.Choose();
        return isParted;
    }

    /// <summary>A barrier is for whole warps: lanes that left, or that a branch keeps away, never come.</summary>
    private static void Arrive(Warp w, Instruction* i, uint mask)
    {
        if (mask != w.Initial)
        {
            uint missing = w.Initial & ~mask;
            string where = (missing & ~w.Live) == missing ? "have left the kernel"
                : (missing & w.Active) == missing ? "are switched off by the guard"
                : "are elsewhere";
            throw w.Fault(KernelFault.Barrier, missing, $"a barrier needs the whole warp; lanes 0x{missing:x8} {where}");
        }
        uint* id = w.Register(i->Slots[0]);
        int first = BitOperations.TrailingZeroCount(mask);
        w.BarrierId = (int)id[first];
        int threads = (int)w.Block.Launch.Shape.Threads;
        w.BarrierThreads = i->Target == 1 ? (int)w.Register(i->Slots[1])[first] : threads;
        if (w.BarrierId is < 0 or > 15) { throw w.Fault(KernelFault.Barrier, mask, $"barrier {w.BarrierId}: there are 0 to 15"); }
        if (i->Target == 1
            && (w.BarrierThreads is <= 0 || w.BarrierThreads % Warp.Lanes != 0 || w.BarrierThreads > (threads + Warp.Lanes - 1) / Warp.Lanes * Warp.Lanes))
        {
            throw w.Fault(KernelFault.Barrier, mask, $"a barrier for {w.BarrierThreads} threads of {threads}");
        }
        w.BarrierVotes = 0;
        if (i->Kind == InstructionKind.BarrierReduce)
        {
            uint votes = w.Predicates[i->Slots[3]];
            w.BarrierVotes = (i->Is(InstructionFlags.ExtraNegated) ? ~votes : votes) & w.Live;
            if (TChecks.On) { RegisterChecks.Write(w, i, w.Pc, mask); }
        }
        w.IsWaiting = true;
    }

    private static void CheckLeaving(Warp w, uint mask)
    {
        if (w.Copies.IsEmpty || (w.Copies.First.Lanes & mask) == 0) { return; }
        AsyncCopies.Copy copy = w.Copies.First;
        throw w.Fault(KernelFault.AsyncCopy, copy.Lanes & mask,
            $"leaves the kernel while the cp.async of line {w.Block.Program.LineOf(copy.Pc)} is on its way");
    }

    private void Fill(Warp warp, int slot, SpecialRegister register)
    {
        uint* d = warp.Register(slot);
        LaunchState launch = Block.Launch;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            d[lane] = register switch
            {
                SpecialRegister.TidX => (uint)(warp.Index * Warp.Lanes + lane),
                SpecialRegister.NtidX => launch.Shape.Threads,
                SpecialRegister.CtaidX => Block.X,
                SpecialRegister.CtaidY => Block.Y,
                SpecialRegister.NctaidX => launch.Shape.GridX,
                SpecialRegister.NctaidY => launch.Shape.GridY,
                SpecialRegister.Zero => 0,
                SpecialRegister.One => 1,
                SpecialRegister.LaneId => (uint)lane,
                SpecialRegister.WarpId => (uint)warp.Index,
                SpecialRegister.WarpCount => (uint)_warps.Length,
                SpecialRegister.WarpSize => Warp.Lanes,
                SpecialRegister.LaneMaskEq => 1u << lane,
                SpecialRegister.LaneMaskLe => (uint)((2UL << lane) - 1),
                SpecialRegister.LaneMaskLt => (1u << lane) - 1,
                SpecialRegister.LaneMaskGe => ~((1u << lane) - 1),
                SpecialRegister.LaneMaskGt => ~(uint)((2UL << lane) - 1),
                SpecialRegister.TotalShared => Block.SharedBytes,
                _ => launch.Shape.SharedBytes,
            };
        }
    }

    public override void Dispose()
    {
        Block.Dispose();
        NativeMemory.AlignedFree(_memory);
    }
}

/// <summary>Uninitialised registers: a mask of the lanes that wrote each.</summary>
internal static unsafe class RegisterChecks
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Read(Warp w, int pc, uint mask)
    {
        uint[] written = w.Written;
        foreach (int register in w.Block.Program.Reads[pc])
        {
            // The guard itself is read by all lanes that are here.
            uint missing = mask & ~written[register];
            if (missing != 0)
            {
                throw w.Fault(KernelFault.UninitializedRegister, missing,
                    $"reads {w.Block.Program.Kernel.Registers[register].Name}, which this lane has not written");
            }
        }
        short guard = w.Block.Program.Code[pc].Guard;
        if (guard >= 0)
        {
            int register = w.Block.Program.Kernel.Instructions[pc].Guard;
            uint missing = w.Active & ~written[register];
            if (missing != 0)
            {
                throw w.Fault(KernelFault.UninitializedRegister, missing,
                    $"reads {w.Block.Program.Kernel.Registers[register].Name}, which this lane has not written");
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Write(Warp w, Instruction* i, int pc, uint mask)
    {
        foreach (int register in w.Block.Program.Writes[pc]) { w.Written[register] |= mask; }
    }
}
