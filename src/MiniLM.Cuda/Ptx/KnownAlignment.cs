using System.Numerics;

namespace MiniLM.Cuda.Ptx;

/// <summary>Accesses that cannot be aligned: what is known of each register modulo a power of two, and a constant offset that contradicts it.</summary>
/// <remarks>A register is r modulo m; m = 1 says nothing. All writes of a register are taken together, whatever their order, and m only falls, so loops come to
/// an end. 64-bit parameters are taken for pointers, which are at least 256-byte aligned: every buffer of ours is.</remarks>
internal sealed class KnownAlignment
{
    private const ulong Most = 256;

    private readonly PtxModule _module;
    private readonly PtxKernel _kernel;
    private readonly (ulong Modulus, ulong Residue)?[] _known;

    private KnownAlignment(PtxModule module, PtxKernel kernel)
    {
        (_module, _kernel) = (module, kernel);
        _known = new (ulong, ulong)?[kernel.Registers.Count];
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            foreach (PtxInstruction instruction in kernel.Instructions) { isChanged |= Update(instruction); }
        }
    }

    internal static void Check(PtxModule module, PtxKernel kernel, List<PtxFinding> findings)
    {
        var known = new KnownAlignment(module, kernel);
        foreach (PtxInstruction instruction in kernel.Instructions)
        {
            foreach (PtxOperand operand in instruction.Operands)
            {
                ulong bytes = AccessBytes(instruction);
                if (operand.Kind != PtxOperandKind.Address || bytes <= 1) { continue; }
                (ulong modulus, ulong rest) = known.Address(operand);
                ulong common = Math.Min(modulus, bytes);
                if ((rest & common - 1) != 0)
                {
                    findings.Add(new PtxFinding(instruction.Line,
                        $"an access of {bytes} bytes at an address that is {rest & common - 1} modulo {common} ({instruction.Text})"));
                }
            }
        }
    }

    /// <summary>Bytes a lane's address must be a multiple of; 0 for other instructions.</summary>
    internal static ulong AccessBytes(PtxInstruction instruction)
    {
        switch (instruction.Root)
        {
            case "ld" or "ldu" or "st" or "atom" or "red":
                PtxType type = PtxType.None;
                foreach (string modifier in instruction.Modifiers) { if (PtxTypes.Parse(modifier) is not PtxType.None and var found) { type = found; } }
                return (ulong)(type.Bytes() * (instruction.Has("v2") ? 2 : instruction.Has("v4") ? 4 : 1));
            case "ldmatrix": return 16;
            case "cp" when instruction.Has("async") && instruction.Operands.Length >= 3 && instruction.Operands[2].Kind == PtxOperandKind.Immediate:
                return instruction.Operands[2].Bits is 4 or 8 or 16 ? instruction.Operands[2].Bits : 0;
            default: return 0;
        }
    }

    private (ulong Modulus, ulong Residue) Address(PtxOperand operand)
    {
        (ulong modulus, ulong rest) = operand.Base is { } from ? Of(from) ?? (1, 0) : (Most, 0);
        return (modulus, rest + (ulong)operand.Offset & modulus - 1);
    }

    private (ulong Modulus, ulong Residue)? Of(PtxOperand operand) => operand.Kind switch
    {
        PtxOperandKind.Immediate => (Most, operand.Bits & Most - 1),
        PtxOperandKind.Register when operand.Register >= 0 => _known[operand.Register],
        PtxOperandKind.Symbol => Symbol(operand),
        _ => (1, 0),
    };

    private (ulong Modulus, ulong Residue) Symbol(PtxOperand operand)
    {
        // A parameter's own place counts from an aligned start.
        if (_kernel.Parameters.Find(parameter => parameter.Name == operand.Name) is { } known)
        {
            return (Most, (ulong)(known.Offset + operand.Offset) & Most - 1);
        }
        PtxVariable? variable = _kernel.Variables.Concat(_module.Variables).FirstOrDefault(variable => variable.Name == operand.Name);
        ulong modulus = Math.Min(Most, (ulong)(variable?.Alignment ?? 1));
        return (modulus, (ulong)operand.Offset & modulus - 1);
    }

    private bool Update(PtxInstruction instruction)
    {
        if (!RegisterAccess.HasDestination(instruction)) { return false; }
        PtxOperand to = instruction.Operands[0];
        if (to.Kind == PtxOperandKind.Register && to.Elements.Length == 0) { return to.Register >= 0 && Meet(to.Register, Result(instruction)); }
        bool isChanged = false;
        RegisterAccess.Visit(instruction, _ => { }, register => isChanged |= Meet(register, (1, 0)));
        return isChanged;
    }

    /// <summary>What all writes of a register have in common.</summary>
    private bool Meet(int register, (ulong Modulus, ulong Residue)? with)
    {
        if (with is not { } other) { return false; }
        if (_known[register] is not { } old)
        {
            _known[register] = other;
            return true;
        }
        ulong modulus = Math.Min(old.Modulus, other.Modulus), difference = (old.Residue ^ other.Residue) & modulus - 1;
        if (difference != 0) { modulus = 1UL << BitOperations.TrailingZeroCount(difference); }
        if (modulus == old.Modulus) { return false; }
        _known[register] = (modulus, old.Residue & modulus - 1);
        return true;
    }

    /// <summary>Null while an operand is not known yet.</summary>
    private (ulong Modulus, ulong Residue)? Result(PtxInstruction instruction)
    {
        PtxOperand[] operands = instruction.Operands;
        if (instruction.Root == "ld") { return instruction.Has("param") && KnownWidth(instruction) == 8 ? (Most, 0UL) : (1UL, 0UL); }
        if (operands.Length < 2 || instruction.Modifiers.Length == 0 || PtxTypes.Parse(instruction.Modifiers[^1]).IsFloat()) { return (1, 0); }
        bool isPart = instruction.Has("hi");
        switch (instruction.Root)
        {
            case "mov" or "cvta" or "cvt" when operands.Length == 2 && operands[1].Kind != PtxOperandKind.Vector: return Of(operands[1]);
            case "selp" when operands.Length == 4: return Common(Of(operands[1]), Of(operands[2]));
            case "add" or "sub" or "and" or "or" or "xor" or "mul" or "shl" or "shr" when operands.Length == 3 && !isPart:
                return Binary(instruction.Root, Of(operands[1]), Of(operands[2]), operands[2]);
            case "mad" when operands.Length == 4 && !isPart:
                return Binary("add", Binary("mul", Of(operands[1]), Of(operands[2]), operands[2]), Of(operands[3]), operands[3]);
            default: return (1, 0);
        }
    }

    private static int KnownWidth(PtxInstruction instruction) => PtxTypes.Parse(instruction.Modifiers[^1]).Bytes();

    private static (ulong Modulus, ulong Residue)? Common((ulong Modulus, ulong Residue)? a, (ulong Modulus, ulong Residue)? b)
    {
        if (a is not { } x || b is not { } y) { return a ?? b; }
        ulong modulus = Math.Min(x.Modulus, y.Modulus), difference = (x.Residue ^ y.Residue) & modulus - 1;
        if (difference != 0) { modulus = 1UL << BitOperations.TrailingZeroCount(difference); }
        return (modulus, x.Residue & modulus - 1);
    }

    private static (ulong Modulus, ulong Residue)? Binary(string root, (ulong Modulus, ulong Residue)? a, (ulong Modulus, ulong Residue)? b, PtxOperand second)
    {
        if (a is not { } x || b is not { } y) { return null; }
        ulong modulus = Math.Min(x.Modulus, y.Modulus), mask = modulus - 1;
        bool isConstant = second.Kind == PtxOperandKind.Immediate;
        switch (root)
        {
            case "add": return (modulus, x.Residue + y.Residue & mask);
            case "sub": return (modulus, x.Residue - y.Residue & mask);
            case "or": return (modulus, (x.Residue | y.Residue) & mask);
            case "xor": return (modulus, (x.Residue ^ y.Residue) & mask);
            case "and":
                // Bits that either side knows to be zero are zero.
                ulong zeros = Math.Max(KnownZeros(x), KnownZeros(y));
                return zeros > modulus ? (zeros, 0) : (modulus, x.Residue & y.Residue & mask);
            case "mul":
                // (m i + r)(n j + s): all but r s is a multiple of the least of m n, m s, n r.
                ulong product = Math.Min(Most, Math.Min(x.Modulus * y.Modulus, Math.Min(x.Modulus * LowBit(y.Residue), y.Modulus * LowBit(x.Residue))));
                return (product, x.Residue * y.Residue & product - 1);
            case "shl" when isConstant && second.Bits < 64:
                ulong shifted = second.Bits >= 8 ? Most : Math.Min(Most, x.Modulus << (int)second.Bits);
                return (shifted, second.Bits >= 8 ? 0 : x.Residue << (int)second.Bits & shifted - 1);
            case "shr" when isConstant && second.Bits < 8:
                ulong left = Math.Max(1, x.Modulus >> (int)second.Bits);
                return (left, x.Residue >> (int)second.Bits & left - 1);
            default: return (1, 0);
        }
    }

    private static ulong LowBit(ulong value) => value == 0 ? Most : value & 0 - value;

    /// <summary>The power of two that a value is surely a multiple of.</summary>
    private static ulong KnownZeros((ulong Modulus, ulong Residue) value) => Math.Min(value.Modulus, LowBit(value.Residue));
}
