using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>mov with packing and unpacking, cvta, isspacep, ld.param.</summary>
internal static unsafe class Moves
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["mov"] = Move;
        table["cvta"] = ConvertAddress;
        table["isspacep"] = IsSpace;
    }

    private static void Move(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Count(s, 2);
        if (type == PtxType.Pred)
        {
            Predicates.Lower(l, s, ref i, Predicates.Copy);
            i.Slots[1] = l.In(s, s.Operands[1], PtxType.Pred);
            return;
        }
        PtxOperand to = s.Operands[0], from = s.Operands[1];
        if (to.Kind == PtxOperandKind.Vector) { Unpack(l, s, ref i, type, to.Elements); return; }
        if (from.Kind == PtxOperandKind.Vector) { Pack(l, s, ref i, type, from.Elements); return; }
        l.Pure(s, ref i, type.Bytes() switch { 2 or 4 => Lanes.Of1<Copy32>(), 8 => (nint)(delegate*<Warp, Instruction*, void>)&CopyWide, _ => 0 }, type, type);
    }

    private static PtxType PartType(Lowering l, PtxInstruction s, PtxType type, int parts) => (type.Bytes(), parts) switch
    {
        (4, 2) => PtxType.B16,
        (8, 2) => PtxType.B32,
        (8, 4) => PtxType.B16,
        _ => throw l.Wrong(s, $"{s.Opcode} of {parts} parts is not known to the emulator"),
    };

    private static void Pack(Lowering l, PtxInstruction s, ref Instruction i, PtxType type, PtxOperand[] parts)
    {
        PtxType part = PartType(l, s, type, parts.Length);
        i.Kind = InstructionKind.Pure;
        i.Destinations = 1;
        if (type.Bytes() == 8) { i.Flags |= InstructionFlags.Wide; }
        i.Slots[0] = l.Out(s, s.Operands[0], type);
        for (int k = 0; k < parts.Length; k++) { i.Slots[k + 1] = l.In(s, parts[k], part); }
        i.Execute = (type.Bytes(), parts.Length) switch { (4, _) => &Pack16, (_, 2) => &Pack32, _ => &Pack16x4 };
    }

    private static void Unpack(Lowering l, PtxInstruction s, ref Instruction i, PtxType type, PtxOperand[] parts)
    {
        PtxType part = PartType(l, s, type, parts.Length);
        i.Kind = InstructionKind.Pure;
        i.Destinations = (byte)parts.Length;
        for (int k = 0; k < parts.Length; k++) { i.Slots[k] = l.Out(s, parts[k], part); }
        i.Slots[4] = l.In(s, s.Operands[1], type);
        i.Execute = (type.Bytes(), parts.Length) switch { (4, _) => &Unpack16, (_, 2) => &Unpack32, _ => &Unpack16x4 };
    }

    private static void CopyWide(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]), a = w.Wide(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane += 4) { Vector256.Load(a + lane).Store(d + lane); }
    }

    private static void Pack16(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            (Vector256.Load(a + lane) & Vector256.Create(0xffffu) | Vector256.Load(b + lane) << 16).Store(d + lane);
        }
    }

    private static void Pack32(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]);
        uint* a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = a[lane] | (ulong)b[lane] << 32; }
    }

    private static void Pack16x4(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]);
        uint* a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]), c = w.Register(i->Slots[3]), e = w.Register(i->Slots[4]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            d[lane] = (ushort)a[lane] | (ulong)(ushort)b[lane] << 16 | (ulong)(ushort)c[lane] << 32 | (ulong)(ushort)e[lane] << 48;
        }
    }

    private static void Unpack16(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), e = w.Register(i->Slots[1]), a = w.Register(i->Slots[4]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            Vector256<uint> value = Vector256.Load(a + lane);
            (value & Vector256.Create(0xffffu)).Store(d + lane);
            (value >> 16).Store(e + lane);
        }
    }

    private static void Unpack32(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), e = w.Register(i->Slots[1]);
        ulong* a = w.Wide(i->Slots[4]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { (d[lane], e[lane]) = ((uint)a[lane], (uint)(a[lane] >> 32)); }
    }

    private static void Unpack16x4(Warp w, Instruction* i)
    {
        ulong* a = w.Wide(i->Slots[4]);
        for (int k = 0; k < 4; k++)
        {
            uint* d = w.Register(i->Slots[k]);
            for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = (ushort)(a[lane] >> 16 * k); }
        }
    }

    /// <summary>Global and parameter addresses are generic ones; shared and local memory have a window each.</summary>
    private static void ConvertAddress(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool isBack = m.Take("to");
        string? space = m.TakeOneOf("global", "shared", "shared::cta", "local", "param", "const");
        m.End();
        if (type != PtxType.U64 || space is null) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        l.Pure(s, ref i, (nint)(delegate*<Warp, Instruction*, void>)&AddWindow, type, type);
        ulong window = space switch { "shared" or "shared::cta" => Lowering.SharedWindow, "local" => Lowering.LocalWindow, _ => 0 };
        i.Immediate = (long)(isBack ? 0 - window : window);
    }

    private static void AddWindow(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]), a = w.Wide(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = a[lane] + (ulong)i->Immediate; }
    }

    private static void IsSpace(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        string? space = m.TakeOneOf("global", "shared", "shared::cta", "local");
        m.End();
        l.Count(s, 2);
        if (space is null) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        i.Kind = InstructionKind.Masked;
        i.Slots[0] = l.Out(s, s.Operands[0], PtxType.Pred);
        i.Slots[1] = l.In(s, s.Operands[1], PtxType.U64);
        i.Choice = (byte)(space switch { "global" => PtxSpace.Global, "local" => PtxSpace.Local, _ => PtxSpace.Shared });
        i.Execute = &RunIsSpace;
    }

    private static void RunIsSpace(Warp w, Instruction* i)
    {
        uint result = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if (GenericAddress.SpaceOf(w.Wide(i->Slots[1])[lane]) == (PtxSpace)i->Choice) { result |= 1u << lane; }
        }
        Predicates.Write(w, i->Slots[0], result);
    }
}

/// <summary>The windows of the generic address space.</summary>
internal static class GenericAddress
{
    internal static PtxSpace SpaceOf(ulong address)
    {
        if (address - Lowering.SharedWindow < Lowering.WindowBytes) { return PtxSpace.Shared; }
        return address - Lowering.LocalWindow < Lowering.WindowBytes ? PtxSpace.Local : PtxSpace.Global;
    }
}
