using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>Decodes cp.async, cp.async.commit_group, cp.async.wait_group and wait_all.</summary>
internal static unsafe class CopyAsync
{
    internal static void Register(Dictionary<string, LowerInstruction> table) => table["cp"] = Lower;

    private static void Lower(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        if (!m.Take("async")) { m.End(); throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        i.Kind = InstructionKind.Masked;
        switch (m.TakeOneOf("commit_group", "wait_group", "wait_all"))
        {
            case "commit_group":
                m.End();
                l.Count(s, 0);
                i.Execute = &Commit;
                return;
            case "wait_group":
                m.End();
                l.Count(s, 1);
                if (s.Operands[0].Kind != PtxOperandKind.Immediate || s.Operands[0].Bits > int.MaxValue)
                {
                    throw l.Wrong(s, "cp.async.wait_group needs a constant");
                }
                i.Auxiliary = (int)s.Operands[0].Bits;
                i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.WaitGroup;
                return;
            case "wait_all":
                m.End();
                l.Count(s, 0);
                i.Auxiliary = -1;
                i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.WaitGroup;
                return;
            default: break;
        }
        string? cache = m.TakeOneOf("ca", "cg");
        if (cache is null || !(m.Take("shared") || m.Take("shared::cta")) || !m.Take("global"))
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        m.TakeOneOf("L2::64B", "L2::128B", "L2::256B");
        m.End();
        if (s.Operands.Length is not (3 or 4)) { throw l.Wrong(s, $"{s.Opcode} has 3 or 4 operands, not {s.Operands.Length}"); }
        PtxOperand size = s.Operands[2];
        if (size.Kind != PtxOperandKind.Immediate || size.Bits is not (4 or 8 or 16) || cache == "cg" && size.Bits != 16)
        {
            throw l.Wrong(s, "cp.async copies 4, 8 or 16 bytes, .cg 16");
        }
        i.ElementBytes = (byte)size.Bits;
        LoadsAndStores.Address(l, s, ref i, s.Operands[0], PtxSpace.Shared);
        l.Address(s, s.Operands[1], PtxSpace.Global, out i.Slots[5], out long offset);
        if (offset is < int.MinValue or > int.MaxValue) { throw l.Wrong(s, "the offset is too large"); }
        i.Auxiliary = (int)offset;
        if (s.Operands.Length == 4)
        {
            i.Slots[6] = l.In(s, s.Operands[3], PtxType.U32);
            i.Flags |= InstructionFlags.Extra;
        }
        i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.CopyAsync;
    }

    private static void Commit(Warp w, Instruction* i) => w.Copies.Commit(w.Mask);
}

/// <summary>cp.async: the source is looked at and the destination poisoned now; the bytes land at the wait.</summary>
internal static unsafe class CopyAsyncAccess<TChecks, TCounts> where TChecks : struct, IChecks where TCounts : struct, ICounts
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Copy(Warp w, Instruction* i)
    {
        int bytes = i->ElementBytes;
        AsyncCopies.Copy copy = w.Copies.Add(w.Pc, bytes, w.Mask);
        uint whole = w.Mask, none = 0;
        if (i->Is(InstructionFlags.Extra))
        {
            uint* size = w.Register(i->Slots[6]);
            for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                if (size[lane] > (uint)bytes) { throw w.Fault(KernelFault.Operand, 1u << lane, $"a source size of {size[lane]} for a copy of {bytes} bytes"); }
                copy.Count[lane] = (byte)size[lane];
                if (size[lane] != (uint)bytes) { whole &= ~(1u << lane); }
                if (size[lane] == 0) { none |= 1u << lane; }
            }
        }
        else { Array.Fill(copy.Count, (byte)bytes); }
        ulong* source = w.Wide(i->Slots[5]);
        if (whole != 0) { MemoryAccess<TChecks, TCounts>.ResolveGlobal(w, source, i->Auxiliary, whole, bytes, bytes, AccessKind.Read); }
        for (uint rest = w.Mask & ~whole & ~none; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess<TChecks, TCounts>.ResolveGlobal(w, source, i->Auxiliary, 1u << lane, copy.Count[lane], bytes, AccessKind.Read);
        }
        for (int lane = 0; lane < Warp.Lanes; lane++) { copy.From[lane] = (nint)w.Pointers[lane]; }
        MemoryAccess<TChecks, TCounts>.ResolveShared(w, i, w.Mask, bytes, AccessKind.Write);
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            byte* to = w.Pointers[lane];
            copy.To[lane] = (uint)(to - w.Block.Shared);
            if (bytes == 16) { Vector128.Create(GlobalMemory.Poison).Store(to); } else { new Span<byte>(to, bytes).Fill(GlobalMemory.Poison); }
            if (TChecks.On) { w.Block.Shadow!.Begin(copy.To[lane], bytes); }
        }
    }

    internal static void Wait(Warp w, Instruction* i)
    {
        int newest = i->Auxiliary;
        if (newest < 0)
        {
            w.Copies.Commit(w.Mask);
            newest = 0;
        }
        w.Copies.Land(w.Mask, newest, w.Block.Shared, TChecks.On ? w.Block.Shadow!.Landed(w) : null);
    }
}
