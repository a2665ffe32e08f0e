using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>Decodes ld, ldu, st, and prefetch, which does nothing.</summary>
internal static unsafe class LoadsAndStores
{
    private static readonly string[] Hints =
    [
        "volatile", "weak", "relaxed", "acquire", "release", "cta", "cluster", "gpu", "sys", "nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "mmio",
        "L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate", "L2::64B", "L2::128B", "L2::256B", "L2::evict_first",
        "L2::evict_last", "L2::evict_normal",
    ];

    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["ld"] = Load;
        table["ldu"] = Load;
        table["st"] = Store;
        table["prefetch"] = (Lowering l, PtxInstruction s, ref Instruction i) => i.Kind = InstructionKind.Nothing;
        table["prefetchu"] = table["prefetch"];
    }

    /// <summary>Memory order and cache hints: one warp runs at a time here, and caches are not modelled.</summary>
    private static void TakeHints(ref Modifiers m)
    {
        foreach (string hint in Hints) { m.Take(hint); }
    }

    internal static PtxSpace TakeSpace(ref Modifiers m) =>
        m.TakeOneOf("global", "shared", "shared::cta", "local", "param", "const") switch
        {
            "global" => PtxSpace.Global,
            "shared" or "shared::cta" => PtxSpace.Shared,
            "local" => PtxSpace.Local,
            "param" => PtxSpace.Param,
            "const" => PtxSpace.Const,
            _ => PtxSpace.Generic,
        };

    private static (PtxType Type, PtxSpace Space, int Elements) TakeAccess(Lowering l, PtxInstruction s)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        PtxSpace space = TakeSpace(ref m);
        int elements = m.TakeOneOf("v2", "v4") switch { "v2" => 2, "v4" => 4, _ => 1 };
        TakeHints(ref m);
        m.End();
        l.Count(s, 2);
        return (type, space, elements);
    }

    private static void Load(Lowering l, PtxInstruction s, ref Instruction i)
    {
        (PtxType type, PtxSpace space, int elements) = TakeAccess(l, s);
        PtxOperand[] parts = l.Vector(s, s.Operands[0], elements);
        Data(l, s, ref i, type, parts, isLoad: true);
        if (space == PtxSpace.Param) { LoadParameter(l, s, ref i, type, elements); return; }
        Address(l, s, ref i, s.Operands[1], space);
        i.Kind = InstructionKind.Masked;
        i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.Load(space);
    }

    private static void Store(Lowering l, PtxInstruction s, ref Instruction i)
    {
        (PtxType type, PtxSpace space, int elements) = TakeAccess(l, s);
        if (space is PtxSpace.Param or PtxSpace.Const) { throw l.Wrong(s, $"{space.ToString().ToLowerInvariant()} memory cannot be written"); }
        Data(l, s, ref i, type, l.Vector(s, s.Operands[1], elements), isLoad: false);
        Address(l, s, ref i, s.Operands[0], space);
        i.Kind = InstructionKind.Masked;
        i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.Store(space);
    }

    /// <summary>The data registers, which may be wider than the elements.</summary>
    private static void Data(Lowering l, PtxInstruction s, ref Instruction i, PtxType type, PtxOperand[] parts, bool isLoad)
    {
        int bytes = type.Bytes();
        if (bytes is 0 or 16 || type is PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32 || bytes * parts.Length > 16)
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        (i.ElementBytes, i.Elements) = ((byte)bytes, (byte)parts.Length);
        if (type.IsSigned()) { i.Flags |= InstructionFlags.Signed; }
        // A vector's registers have one width: lane strides are the handler's, not the element's.
        PtxType first = PtxType.None;
        for (int k = 0; k < parts.Length; k++)
        {
            PtxType part = l.TypeOf(parts[k]);
            if (part != PtxType.None && first == PtxType.None) { first = part; }
            if (part != PtxType.None && part.Bytes() != first.Bytes()) { throw l.Wrong(s, "the registers of a vector differ in size"); }
            i.Slots[k] = isLoad ? l.Out(s, parts[k], type, isRelaxed: true) : l.In(s, parts[k], type, isRelaxed: true);
        }
        if (first == PtxType.None ? bytes == 8 : first.Bytes() == 8) { i.Flags |= InstructionFlags.Wide; }
        if (!isLoad && bytes != 8 && i.Is(InstructionFlags.Wide) && Array.Exists(parts, part => l.TypeOf(part) == PtxType.None))
        {
            throw l.Wrong(s, "constants beside wider registers are not known to the emulator");
        }
        i.Choice = (byte)first.Bytes();
    }

    internal static void Address(Lowering l, PtxInstruction s, ref Instruction i, PtxOperand address, PtxSpace space)
    {
        bool isWide = l.Address(s, address, space, out ushort slot, out long offset);
        i.Slots[4] = slot;
        i.Immediate = offset;
        if (isWide) { i.Flags |= InstructionFlags.WideAddress; }
    }

    /// <summary>A parameter is the same for all lanes, so its place is known now; an address in a register is rare and looked at lane by lane.</summary>
    private static void LoadParameter(Lowering l, PtxInstruction s, ref Instruction i, PtxType type, int elements)
    {
        bool isWide = l.Address(s, s.Operands[1], PtxSpace.Param, out ushort slot, out long offset);
        i.Destinations = i.Elements;
        if (s.Operands[1].Base is { Kind: PtxOperandKind.Register })
        {
            i.Slots[4] = slot;
            i.Immediate = offset;
            if (isWide) { i.Flags |= InstructionFlags.WideAddress; }
            i.Kind = InstructionKind.Masked;
            i.Execute = &LoadParameterByLane;
            return;
        }
        long at = offset;
        if (s.Operands[1].Base is { } symbol) { at += (long)l.AddressOf(s, symbol); }
        int bytes = type.Bytes() * elements;
        if (at < 0 || at + bytes > l.Kernel.ParameterBytes)
        {
            throw l.Wrong(s, $"bytes {at} to {at + bytes} of the parameters, which are {l.Kernel.ParameterBytes}");
        }
        if (at % bytes != 0) { throw l.Wrong(s, $"byte {at} of the parameters is not aligned for {bytes} bytes"); }
        i.Immediate = at;
        i.Kind = InstructionKind.Pure;
        i.Execute = &BroadcastParameter;
    }

    private static ulong Parameter(Warp w, Instruction* i, long at)
    {
        byte* from = w.Block.Parameters + at;
        bool isSigned = i->Is(InstructionFlags.Signed);
        return i->ElementBytes switch
        {
            1 => isSigned ? (ulong)(sbyte)*from : *from,
            2 => isSigned ? (ulong)*(short*)from : *(ushort*)from,
            4 => isSigned ? (ulong)*(int*)from : *(uint*)from,
            _ => *(ulong*)from,
        };
    }

    private static void BroadcastParameter(Warp w, Instruction* i)
    {
        for (int k = 0; k < i->Elements; k++)
        {
            ulong value = Parameter(w, i, i->Immediate + k * i->ElementBytes);
            if (i->Is(InstructionFlags.Wide)) { new Span<ulong>(w.Wide(i->Slots[k]), Warp.Lanes).Fill(value); }
            else { new Span<uint>(w.Register(i->Slots[k]), Warp.Lanes).Fill(i->Choice == 2 ? (ushort)value : (uint)value); }
        }
    }

    private static void LoadParameterByLane(Warp w, Instruction* i)
    {
        int bytes = i->ElementBytes * i->Elements, size = w.Block.Program.Kernel.ParameterBytes;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((w.Mask >> lane & 1) == 0) { continue; }
            ulong at = (i->Is(InstructionFlags.WideAddress) ? w.Wide(i->Slots[4])[lane] : w.Register(i->Slots[4])[lane]) + (ulong)i->Immediate;
            if (at > (ulong)size || (ulong)size - at < (ulong)bytes)
            {
                throw w.Fault(KernelFault.OutOfBounds, 1u << lane, $"byte {(long)at} of {size} bytes of parameters");
            }
            if (at % (ulong)bytes != 0) { throw w.Fault(KernelFault.Misaligned, 1u << lane, $"misaligned access of {bytes} bytes to parameters at byte {at}"); }
            for (int k = 0; k < i->Elements; k++)
            {
                ulong value = Parameter(w, i, (long)at + k * i->ElementBytes);
                if (i->Is(InstructionFlags.Wide)) { w.Wide(i->Slots[k])[lane] = value; }
                else { w.Register(i->Slots[k])[lane] = i->Choice == 2 ? (ushort)value : (uint)value; }
            }
        }
    }
}
