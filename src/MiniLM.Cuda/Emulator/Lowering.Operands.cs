using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

internal sealed partial class Lowering
{
    /// <summary>The slot of a value that an instruction of a type reads: a register, or a constant's own register.</summary>
    /// <param name="source">For messages.</param>
    /// <param name="operand">The operand.</param>
    /// <param name="type">Its type.</param>
    /// <param name="isRelaxed">Whether the register may be wider than the type, as in ld, st and cvt.</param>
    internal ushort In(PtxInstruction source, PtxOperand operand, PtxType type, bool isRelaxed = false)
    {
        if (type == PtxType.Pred) { return InPredicate(source, operand); }
        switch (operand.Kind)
        {
            case PtxOperandKind.Register:
                return Register(source, operand, type, isRelaxed);
            case PtxOperandKind.Special:
                return Special(source, operand, type);
            case PtxOperandKind.Immediate:
                return Constant(ImmediateBits(source, operand, type), type.Bytes() == 8);
            case PtxOperandKind.Symbol:
                if (operand.Name == "WARP_SZ") { return Constant(Warp.Lanes, type.Bytes() == 8); }
                if (type.Bytes() < 4 || type.IsFloat()) { throw Wrong(source, $"the address of {operand.Name} is no {type.Name()}"); }
                return Constant(AddressOf(source, operand) + (ulong)operand.Offset, type.Bytes() == 8);
            default:
                throw Wrong(source, $"expected a {type.Name()}, found a {operand.Kind.ToString().ToLowerInvariant()}");
        }
    }

    /// <summary>The slot of a register that an instruction of a type writes; _ is a register nobody reads.</summary>
    internal ushort Out(PtxInstruction source, PtxOperand operand, PtxType type, bool isRelaxed = false)
    {
        if (operand.Kind == PtxOperandKind.Sink) { return type == PtxType.Pred ? (ushort)Take(ref _predicates, 1) : (ushort)TakeSlots(source, 2); }
        if (operand.Kind != PtxOperandKind.Register) { throw Wrong(source, $"expected a register, found a {operand.Kind.ToString().ToLowerInvariant()}"); }
        return Register(source, operand, type, isRelaxed);
    }

    /// <summary>The type of an operand's register; None for other operands.</summary>
    internal PtxType TypeOf(PtxOperand operand) =>
        operand.Kind == PtxOperandKind.Register && operand.Register >= 0 ? Kernel.Registers[operand.Register].Type : PtxType.None;

    internal void Count(PtxInstruction source, int operands)
    {
        if (source.Operands.Length != operands) { throw Wrong(source, $"{source.Opcode} has {operands} operands, not {source.Operands.Length}"); }
    }

    /// <summary>Elements of {a, b, ...}, or the operand itself when one is asked for.</summary>
    internal PtxOperand[] Vector(PtxInstruction source, PtxOperand operand, int elements)
    {
        if (operand.Kind == PtxOperandKind.Vector)
        {
            return operand.Elements.Length == elements
                ? operand.Elements
                : throw Wrong(source, $"expected {elements} elements, found {operand.Elements.Length}");
        }
        return elements == 1 ? [operand] : throw Wrong(source, $"expected {{...}} with {elements} elements");
    }

    /// <summary>Space of a variable or parameter, and its address there.</summary>
    internal bool TryVariable(string name, out (PtxSpace Space, ulong Address) variable) => _variables.TryGetValue(name, out variable);

    internal ulong AddressOf(PtxInstruction source, PtxOperand symbol) =>
        _variables.TryGetValue(symbol.Name, out (PtxSpace Space, ulong Address) variable)
            ? variable.Address
            : throw Wrong(source, $"{symbol.Name} is not declared");

    /// <summary>[base+offset]: the slot of the base and the offset.</summary>
    /// <returns>Whether the base has 64 bits.</returns>
    internal bool Address(PtxInstruction source, PtxOperand operand, PtxSpace space, out ushort slot, out long offset)
    {
        if (operand.Kind != PtxOperandKind.Address) { throw Wrong(source, "expected an address in [ ]"); }
        bool isNarrow = space is PtxSpace.Shared or PtxSpace.Local or PtxSpace.Param;
        offset = operand.Offset;
        if (operand.Base is not { } from)
        {
            slot = Constant(0, !isNarrow);
            return !isNarrow;
        }
        if (from.Kind == PtxOperandKind.Symbol)
        {
            ulong address = AddressOf(source, from);
            PtxSpace of = _variables[from.Name].Space;
            if (space == PtxSpace.Generic) { address += of switch { PtxSpace.Shared => SharedWindow, PtxSpace.Local => LocalWindow, _ => 0 }; }
            else if (of != space && !(of == PtxSpace.Const && space == PtxSpace.Global))
            {
                throw Wrong(source, $"{from.Name} is in {of.ToString().ToLowerInvariant()} memory");
            }
            // Variables lie below 4 GB of their space: 32 bits do, and global addresses have 64.
            slot = Constant(address, !isNarrow);
            return !isNarrow;
        }
        if (from.Kind != PtxOperandKind.Register) { throw Wrong(source, "expected a register or a variable in [ ]"); }
        PtxType type = TypeOf(from);
        bool isWide = type.Bytes() == 8;
        if (from.Register < 0) { throw Wrong(source, $"register {from.Name} is not declared"); }
        if (type.IsFloat() || !isWide && (type.Bytes() != 4 || !isNarrow)) { throw Wrong(source, $"{from.Name} is no register for an address of this space"); }
        slot = (ushort)_allocation.SlotOf[from.Register];
        return isWide;
    }

    /// <summary>A register that holds a constant in all lanes.</summary>
    internal ushort Constant(ulong bits, bool isWide)
    {
        if (!isWide) { bits = (uint)bits; }
        if (!_constants.TryGetValue((bits, isWide), out int slot))
        {
            slot = Take(ref _slots, isWide ? 2 : 1);
            _constants.Add((bits, isWide), slot);
        }
        return slot <= ushort.MaxValue ? (ushort)slot : throw new PtxException(_module.File, Kernel.Line, "too many registers and constants");
    }

    /// <summary>Registers for a handler's own use.</summary>
    internal int TakeSlots(PtxInstruction source, int count)
    {
        int slot = Take(ref _slots, count);
        return slot <= ushort.MaxValue ? slot : throw Wrong(source, "too many registers");
    }

    private static int Take(ref int next, int count)
    {
        int taken = next;
        next += count;
        return taken;
    }

    private ushort Register(PtxInstruction source, PtxOperand operand, PtxType type, bool isRelaxed)
    {
        if (operand.Register < 0) { throw Wrong(source, $"register {operand.Name} is not declared"); }
        PtxType of = Kernel.Registers[operand.Register].Type;
        if (!Fits(type, of, isRelaxed)) { throw Wrong(source, $"{operand.Name} is a {of.Name()}, not a {type.Name()}"); }
        int slot = _allocation.SlotOf[operand.Register];
        return slot <= ushort.MaxValue ? (ushort)slot : throw Wrong(source, "too many registers");
    }

    private ushort InPredicate(PtxInstruction source, PtxOperand operand)
    {
        if (operand.Kind != PtxOperandKind.Immediate)
        {
            return operand.Kind == PtxOperandKind.Register ? Register(source, operand, PtxType.Pred, false) : throw Wrong(source, "expected a predicate");
        }
        bool isTrue = operand.Bits != 0;
        if (!_constantPredicates.TryGetValue(isTrue, out int predicate)) { _constantPredicates.Add(isTrue, predicate = Take(ref _predicates, 1)); }
        return (ushort)predicate;
    }

    /// <summary>The ISA's operand rules: equal sizes; untyped bits go with all; signed and unsigned go together; a float only with its own kind.</summary>
    private static bool Fits(PtxType type, PtxType register, bool isRelaxed)
    {
        if (type == PtxType.Pred || register == PtxType.Pred) { return type == register; }
        if (register.Bytes() < type.Bytes() || register.Bytes() > type.Bytes() && !(isRelaxed && !register.IsFloat())) { return false; }
        if (register.IsBits() || type.IsBits()) { return true; }
        if (register.IsInteger()) { return type.IsInteger(); }
        return register == type;
    }

    private ushort Special(PtxInstruction source, PtxOperand operand, PtxType type)
    {
        if (operand.Name == "WARP_SZ") { return Constant(Warp.Lanes, type.Bytes() == 8); }
        SpecialRegister register = operand.Name switch
        {
            "%tid" or "%tid.x" => SpecialRegister.TidX,
            "%ntid" or "%ntid.x" => SpecialRegister.NtidX,
            "%ctaid" or "%ctaid.x" => SpecialRegister.CtaidX,
            "%ctaid.y" => SpecialRegister.CtaidY,
            "%nctaid" or "%nctaid.x" => SpecialRegister.NctaidX,
            "%nctaid.y" => SpecialRegister.NctaidY,
            "%tid.y" or "%tid.z" or "%ctaid.z" => SpecialRegister.Zero,
            "%ntid.y" or "%ntid.z" or "%nctaid.z" => SpecialRegister.One,
            "%laneid" => SpecialRegister.LaneId,
            "%warpid" => SpecialRegister.WarpId,
            "%nwarpid" => SpecialRegister.WarpCount,
            "%warpsize" => SpecialRegister.WarpSize,
            "%lanemask_eq" => SpecialRegister.LaneMaskEq,
            "%lanemask_le" => SpecialRegister.LaneMaskLe,
            "%lanemask_lt" => SpecialRegister.LaneMaskLt,
            "%lanemask_ge" => SpecialRegister.LaneMaskGe,
            "%lanemask_gt" => SpecialRegister.LaneMaskGt,
            "%total_smem_size" => SpecialRegister.TotalShared,
            "%dynamic_smem_size" => SpecialRegister.DynamicShared,
            _ => throw Wrong(source, $"special register {operand.Name} is not known to the emulator"),
        };
        // The old form: 16-bit reads of %tid give the low half, which is the whole value here.
        if (type.Bytes() is not (2 or 4) || type.IsFloat()) { throw Wrong(source, $"{operand.Name} has 32 bits"); }
        if (!_specials.TryGetValue(register, out int slot)) { _specials.Add(register, slot = TakeSlots(source, 1)); }
        return (ushort)slot;
    }

    private ulong ImmediateBits(PtxInstruction source, PtxOperand operand, PtxType type)
    {
        int bytes = type.Bytes();
        switch (operand.ImmediateType)
        {
            case PtxType.F32 when type is PtxType.F32 or PtxType.B32 or PtxType.TF32: return operand.Bits;
            case PtxType.F32 when type == PtxType.F64: return BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle((uint)operand.Bits));
            case PtxType.F64 when type is PtxType.F64 or PtxType.B64: return operand.Bits;
            case PtxType.F64 when type == PtxType.F32: return BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(operand.Bits));
            case PtxType.S64 when !type.IsFloat(): return bytes == 8 ? operand.Bits : operand.Bits & (1UL << 8 * bytes) - 1;
            default: throw Wrong(source, $"a constant of type {operand.ImmediateType.Name()} is no {type.Name()}");
        }
    }
}
