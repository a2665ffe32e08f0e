using System.Numerics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

internal enum AtomicOperation : byte { Add, Min, Max, And, Or, Xor, Exchange, CompareAndSwap, Increment, Decrement }

/// <summary>Decodes atom and red.</summary>
internal static unsafe class Atomics
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["atom"] = Lower;
        table["red"] = Lower;
    }

    private static void Lower(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        PtxSpace space = LoadsAndStores.TakeSpace(ref m);
        foreach (string hint in (string[])["relaxed", "acquire", "release", "acq_rel", "cta", "cluster", "gpu", "sys"]) { m.Take(hint); }
        string? name = m.TakeOneOf("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec");
        m.End();
        bool isAtom = s.Root == "atom";
        AtomicOperation operation = name switch
        {
            "add" => AtomicOperation.Add,
            "min" => AtomicOperation.Min,
            "max" => AtomicOperation.Max,
            "and" => AtomicOperation.And,
            "or" => AtomicOperation.Or,
            "xor" => AtomicOperation.Xor,
            "exch" when isAtom => AtomicOperation.Exchange,
            "cas" when isAtom => AtomicOperation.CompareAndSwap,
            "inc" => AtomicOperation.Increment,
            "dec" => AtomicOperation.Decrement,
            _ => throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"),
        };
        bool isKnown = operation switch
        {
            AtomicOperation.Add => type is PtxType.U32 or PtxType.S32 or PtxType.U64 or PtxType.S64 or PtxType.F32 or PtxType.F64,
            AtomicOperation.Min or AtomicOperation.Max => type is PtxType.U32 or PtxType.S32 or PtxType.U64 or PtxType.S64,
            AtomicOperation.Increment or AtomicOperation.Decrement => type == PtxType.U32,
            _ => type is PtxType.B32 or PtxType.B64,
        };
        if (!isKnown || space is PtxSpace.Local or PtxSpace.Param or PtxSpace.Const)
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        int first = isAtom ? 1 : 0;
        l.Count(s, first + (operation == AtomicOperation.CompareAndSwap ? 3 : 2));
        if (isAtom)
        {
            i.Slots[0] = l.Out(s, s.Operands[0], type);
            i.Flags |= InstructionFlags.Second;
        }
        LoadsAndStores.Address(l, s, ref i, s.Operands[first], space);
        i.Slots[1] = l.In(s, s.Operands[first + 1], type);
        if (operation == AtomicOperation.CompareAndSwap) { i.Slots[2] = l.In(s, s.Operands[first + 2], type); }
        (i.ElementBytes, i.Elements, i.Choice, i.Auxiliary) = ((byte)type.Bytes(), 1, (byte)operation, (int)type);
        i.Kind = InstructionKind.Masked;
        i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.Atomic(space);
        if (space != PtxSpace.Shared) { l.HasGlobalAtomics = true; }
    }

    internal static ulong Apply(AtomicOperation operation, PtxType type, ulong old, ulong value, ulong swap) => operation switch
    {
        AtomicOperation.Add when type == PtxType.F32 =>
            BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)old) + BitConverter.UInt32BitsToSingle((uint)value)),
        AtomicOperation.Add when type == PtxType.F64 =>
            BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(old) + BitConverter.UInt64BitsToDouble(value)),
        AtomicOperation.Add => old + value,
        AtomicOperation.Min => IsLess(type, value, old) ? value : old,
        AtomicOperation.Max => IsLess(type, old, value) ? value : old,
        AtomicOperation.And => old & value,
        AtomicOperation.Or => old | value,
        AtomicOperation.Xor => old ^ value,
        AtomicOperation.Exchange => value,
        AtomicOperation.CompareAndSwap => old == value ? swap : old,
        AtomicOperation.Increment => old >= value ? 0 : old + 1,
        _ => old == 0 || old > value ? value : old - 1,
    };

    private static bool IsLess(PtxType type, ulong a, ulong b) => type switch
    {
        PtxType.S32 => (int)a < (int)b,
        PtxType.S64 => (long)a < (long)b,
        _ => a < b,
    };
}

/// <summary>atom and red: lane after lane, lowest first. Hardware promises no order.</summary>
internal static unsafe class AtomicAccess<TChecks, TCounts> where TChecks : struct, IChecks where TCounts : struct, ICounts
{
    internal static void Global(Warp w, Instruction* i)
    {
        MemoryAccess<TChecks, TCounts>.ResolveGlobal(w, w.Wide(i->Slots[4]), i->Immediate, w.Mask, i->ElementBytes, i->ElementBytes, AccessKind.Atomic);
        Run(w, i);
    }

    internal static void Shared(Warp w, Instruction* i)
    {
        MemoryAccess<TChecks, TCounts>.ResolveShared(w, i, w.Mask, i->ElementBytes, AccessKind.Atomic);
        Run(w, i);
    }

    internal static void Generic(Warp w, Instruction* i)
    {
        MemoryAccess<TChecks, TCounts>.ResolveGeneric(w, w.Wide(i->Slots[4]), i->Immediate, i->ElementBytes, AccessKind.Atomic);
        Run(w, i);
    }

    private static void Run(Warp w, Instruction* i)
    {
        bool isWide = i->ElementBytes == 8;
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            byte* at = w.Pointers[lane];
            ulong old = isWide ? *(ulong*)at : *(uint*)at;
            ulong value = isWide ? w.Wide(i->Slots[1])[lane] : w.Register(i->Slots[1])[lane], swap = 0;
            if ((AtomicOperation)i->Choice == AtomicOperation.CompareAndSwap) { swap = isWide ? w.Wide(i->Slots[2])[lane] : w.Register(i->Slots[2])[lane]; }
            ulong result = Atomics.Apply((AtomicOperation)i->Choice, (PtxType)i->Auxiliary, old, value, swap);
            if (isWide) { *(ulong*)at = result; } else { *(uint*)at = (uint)result; }
            if (!i->Is(InstructionFlags.Second)) { continue; }
            if (isWide) { w.Wide(i->Slots[0])[lane] = old; } else { w.Register(i->Slots[0])[lane] = (uint)old; }
        }
    }
}
