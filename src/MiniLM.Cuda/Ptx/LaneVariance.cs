using System.Numerics;

namespace MiniLM.Cuda.Ptx;

/// <summary>Which bits of each register may differ between the lanes of a warp, as far as that comes from the thread's index.</summary>
/// <remarks>A warp is 32 threads in a row, so of %tid.x the five low bits differ, and tid / 32 does not. Values from memory count as equal unless their
/// address differs; sums of shuffles and products count as equal. All writes of a register are taken together.</remarks>
internal sealed class LaneVariance
{
    private readonly ulong[] _bits;

    internal LaneVariance(PtxKernel kernel)
    {
        _bits = new ulong[kernel.Registers.Count];
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            foreach (PtxInstruction instruction in kernel.Instructions)
            {
                if (!RegisterAccess.HasDestination(instruction)) { continue; }
                ulong bits = Result(instruction);
                if (instruction.Guard >= 0 && _bits[instruction.Guard] != 0) { bits = ulong.MaxValue; }
                RegisterAccess.Visit(instruction, _ => { }, register =>
                {
                    isChanged |= (bits & ~_bits[register]) != 0;
                    _bits[register] |= bits;
                });
            }
        }
    }

    internal bool Differs(int register) => register >= 0 && _bits[register] != 0;

    internal bool Differs(PtxOperand operand) => Of(operand) != 0;

    private ulong Of(PtxOperand operand)
    {
        if (operand.Elements.Length > 0)
        {
            ulong all = 0;
            foreach (PtxOperand element in operand.Elements) { all |= Of(element); }
            return all;
        }
        return operand.Kind switch
        {
            PtxOperandKind.Register when operand.Register >= 0 => _bits[operand.Register],
            PtxOperandKind.Special =>
                operand.Name is "%tid" or "%tid.x" or "%laneid" or "%lanemask_eq" or "%lanemask_le" or "%lanemask_lt" or "%lanemask_ge" or "%lanemask_gt"
                ? operand.Name.StartsWith("%lanemask", StringComparison.Ordinal) ? ulong.MaxValue : 31UL : 0,
            _ => 0,
        };
    }

    private ulong Result(PtxInstruction instruction)
    {
        PtxOperand[] operands = instruction.Operands;
        ulong all = 0;
        for (int i = 1; i < operands.Length; i++) { all |= Of(operands[i]); }
        if (all == 0) { return 0; }
        bool isFloat = instruction.Modifiers.Length > 0 && PtxTypes.Parse(instruction.Modifiers[^1]).IsFloat();
        ulong constant = operands.Length >= 3 && operands[2].Kind == PtxOperandKind.Immediate ? operands[2].Bits : ulong.MaxValue;
        bool isConstant = operands.Length >= 3 && operands[2].Kind == PtxOperandKind.Immediate;
        switch (instruction.Root)
        {
            case "shfl" or "vote" or "redux" or "mma" or "ldmatrix" or "bar" or "barrier": return 0;
            case "mov" or "cvta" when operands.Length == 2 && operands[1].Kind != PtxOperandKind.Vector && operands[0].Kind != PtxOperandKind.Vector:
                return all;
            case "cvt" when !isFloat && instruction.Modifiers.Length == 2 && PtxTypes.Parse(instruction.Modifiers[0]).IsInteger(): return all;
            case "and" when isConstant && operands.Length == 3: return Of(operands[1]) & constant;
            case "and" or "or" or "xor" or "not" when !instruction.Has("pred"): return all;
            case "shl" when isConstant && constant < 64: return Of(operands[1]) << (int)constant;
            case "shr" when isConstant && constant < 64 && !IsSignedResult(instruction): return Of(operands[1]) >> (int)constant;
            case "shr" when isConstant && constant < 64: return Shifted(Of(operands[1]), (int)constant, instruction);
            case "add" or "sub" or "mul" or "mad" when !isFloat && !instruction.Has("hi"): return Upward(all);
            default: return ulong.MaxValue;
        }
    }

    private static bool IsSignedResult(PtxInstruction instruction) => PtxTypes.Parse(instruction.Modifiers[^1]).IsSigned();

    /// <summary>An arithmetic shift repeats the sign.</summary>
    private static ulong Shifted(ulong bits, int amount, PtxInstruction instruction)
    {
        int width = PtxTypes.Parse(instruction.Modifiers[^1]).Bytes() * 8;
        return (bits >> width - 1 & 1) != 0 ? ulong.MaxValue : bits >> amount;
    }

    /// <summary>Carries go up from the lowest bit that differs.</summary>
    private static ulong Upward(ulong bits) => ulong.MaxValue << BitOperations.TrailingZeroCount(bits);
}
