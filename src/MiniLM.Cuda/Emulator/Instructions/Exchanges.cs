using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>shfl.sync, vote.sync, redux.sync, activemask: values of other lanes of the warp.</summary>
internal static unsafe class Exchanges
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["shfl"] = Shuffle;
        table["vote"] = Vote;
        table["redux"] = Reduce;
        table["activemask"] = ActiveMask;
    }

    private static void Shuffle(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool isSync = m.Take("sync");
        string? mode = m.TakeOneOf("up", "down", "bfly", "idx");
        m.End();
        if (!isSync || mode is null || type != PtxType.B32) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        l.Count(s, 5);
        PtxOperand to = s.Operands[0];
        i.Slots[0] = l.Out(s, to.Elements.Length == 2 ? to.Elements[0] : to, PtxType.B32);
        if (to.Elements.Length == 2)
        {
            i.Slots[5] = l.Out(s, to.Elements[1], PtxType.Pred);
            i.Flags |= InstructionFlags.Second;
        }
        i.Slots[1] = l.In(s, s.Operands[1], PtxType.B32);
        for (int k = 2; k < 5; k++) { i.Slots[k] = l.In(s, s.Operands[k], PtxType.U32); }
        i.Choice = (byte)(mode switch { "up" => 0, "down" => 1, "bfly" => 2, _ => 3 });
        i.Kind = InstructionKind.Members;
        bool isButterfly = mode == "bfly" && to.Elements.Length != 2 && IsConstant(s.Operands[3], 31) && IsConstant(s.Operands[4], uint.MaxValue)
            && s.Operands[2].Kind == PtxOperandKind.Immediate;
        if (isButterfly) { i.Auxiliary = (int)s.Operands[2].Bits & 31; }
        i.Execute = isButterfly ? &RunButterfly : &RunShuffle;
    }

    private static bool IsConstant(PtxOperand operand, uint value) => operand.Kind == PtxOperandKind.Immediate && (uint)operand.Bits == value;

    /// <summary>Lanes of the member mask must all be here: each must name the same mask, and itself in it.</summary>
    private static void RequireMembers(Warp w, int slot, string what)
    {
        uint* members = w.Register(slot);
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint mask = members[lane];
            // -1 means all lanes that the block has: those of a last warp that is not full do not exist.
            uint missing = mask & w.Initial & ~w.Mask;
            if (missing != 0) { throw w.Fault(KernelFault.DivergentWarp, missing, $"{what} waits for lanes 0x{mask:x8}, and only 0x{w.Mask:x8} are here"); }
            if ((mask >> lane & 1) == 0) { throw w.Fault(KernelFault.DivergentWarp, 1u << lane, $"{what} with lanes 0x{mask:x8} is run by lane {lane}"); }
        }
    }

    /// <summary>Nearly all exchanges of our kernels: each lane of a whole warp has the value of lane ^ constant.</summary>
    private static void RunButterfly(Warp w, Instruction* i)
    {
        if (w.Mask != Warp.Full)
        {
            RunShuffle(w, i);
            return;
        }
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]);
        Vector256<uint> within = Vector256<uint>.Indices ^ Vector256.Create((uint)i->Auxiliary & 7);
        Vector256<uint> first = Vector256.Load(a), second = Vector256.Load(a + 8), third = Vector256.Load(a + 16), fourth = Vector256.Load(a + 24);
        int across = i->Auxiliary & ~7;
        Vector256.Shuffle(first, within).Store(d + across);
        Vector256.Shuffle(second, within).Store(d + (8 ^ across));
        Vector256.Shuffle(third, within).Store(d + (16 ^ across));
        Vector256.Shuffle(fourth, within).Store(d + (24 ^ across));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunShuffle(Warp w, Instruction* i)
    {
        RequireMembers(w, i->Slots[4], "shfl.sync");
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]), c = w.Register(i->Slots[3]);
        uint inRange = 0;
        uint* values = (uint*)w.Saved;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            int segment = (int)(c[lane] >> 8 & 31), clamp = (int)(c[lane] & 31), amount = (int)(b[lane] & 31);
            int most = lane & segment | clamp & ~segment, least = lane & segment;
            (int from, bool isInRange) = i->Choice switch
            {
                0 => (lane - amount, lane - amount >= most),
                1 => (lane + amount, lane + amount <= most),
                2 => (lane ^ amount, (lane ^ amount) <= most),
                _ => (least | amount & ~segment, (least | amount & ~segment) <= most),
            };
            if (!isInRange) { from = lane; }
            if (isInRange) { inRange |= 1u << lane; }
            if ((w.Mask >> lane & 1) == 0) { continue; }
            if ((w.Mask >> from & 1) == 0) { throw w.Fault(KernelFault.DivergentWarp, 1u << lane, $"shfl.sync reads lane {from}, which is not here"); }
            values[lane] = a[from];
        }
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            d[lane] = values[lane];
        }
        if (i->Is(InstructionFlags.Second)) { Predicates.Write(w, i->Slots[5], inRange); }
    }

    private static void Vote(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool isSync = m.Take("sync");
        string? mode = m.TakeOneOf("all", "any", "uni", "ballot");
        m.End();
        if (!isSync || mode is null || type != (mode == "ballot" ? PtxType.B32 : PtxType.Pred))
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        l.Count(s, 3);
        i.Slots[0] = l.Out(s, s.Operands[0], type);
        i.Slots[1] = l.In(s, s.Operands[1], PtxType.Pred);
        if (s.Operands[1].Negated) { i.Flags |= InstructionFlags.ExtraNegated; }
        i.Slots[4] = l.In(s, s.Operands[2], PtxType.U32);
        i.Choice = (byte)(mode switch { "all" => 0, "any" => 1, "uni" => 2, _ => 3 });
        i.Kind = InstructionKind.Members;
        i.Execute = &RunVote;
    }

    private static void RunVote(Warp w, Instruction* i)
    {
        RequireMembers(w, i->Slots[4], "vote.sync");
        uint votes = w.Predicates[i->Slots[1]];
        if (i->Is(InstructionFlags.ExtraNegated)) { votes = ~votes; }
        votes &= w.Mask;
        if (i->Choice == 3)
        {
            for (uint rest = w.Mask; rest != 0; rest &= rest - 1) { w.Register(i->Slots[0])[BitOperations.TrailingZeroCount(rest)] = votes; }
            return;
        }
        bool isTrue = i->Choice switch { 0 => votes == w.Mask, 1 => votes != 0, _ => votes == 0 || votes == w.Mask };
        Predicates.Write(w, i->Slots[0], isTrue ? Warp.Full : 0);
    }

    private static void Reduce(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool isSync = m.Take("sync");
        string? name = m.TakeOneOf("add", "min", "max", "and", "or", "xor");
        m.End();
        bool isLogic = name is "and" or "or" or "xor";
        if (!isSync || name is null || !(isLogic ? type == PtxType.B32 : type is PtxType.U32 or PtxType.S32))
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        l.Count(s, 3);
        i.Slots[0] = l.Out(s, s.Operands[0], type);
        i.Slots[1] = l.In(s, s.Operands[1], type);
        i.Slots[4] = l.In(s, s.Operands[2], PtxType.U32);
        i.Choice = (byte)(name switch
        {
            "add" => AtomicOperation.Add,
            "min" => AtomicOperation.Min,
            "max" => AtomicOperation.Max,
            "and" => AtomicOperation.And,
            "or" => AtomicOperation.Or,
            _ => AtomicOperation.Xor,
        });
        i.Auxiliary = (int)type;
        i.Kind = InstructionKind.Members;
        i.Execute = &RunReduce;
    }

    private static void RunReduce(Warp w, Instruction* i)
    {
        RequireMembers(w, i->Slots[4], "redux.sync");
        uint* a = w.Register(i->Slots[1]), d = w.Register(i->Slots[0]);
        int first = BitOperations.TrailingZeroCount(w.Mask);
        ulong result = a[first];
        for (uint rest = w.Mask & w.Mask - 1; rest != 0; rest &= rest - 1)
        {
            result = Atomics.Apply((AtomicOperation)i->Choice, (PtxType)i->Auxiliary, result, a[BitOperations.TrailingZeroCount(rest)], 0) & uint.MaxValue;
        }
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1) { d[BitOperations.TrailingZeroCount(rest)] = (uint)result; }
    }

    private static void ActiveMask(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Count(s, 1);
        if (type != PtxType.B32) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        i.Slots[0] = l.Out(s, s.Operands[0], type);
        i.Kind = InstructionKind.Masked;
        i.Execute = &RunActiveMask;
    }

    private static void RunActiveMask(Warp w, Instruction* i)
    {
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1) { w.Register(i->Slots[0])[BitOperations.TrailingZeroCount(rest)] = w.Mask; }
    }
}
