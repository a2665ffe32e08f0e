namespace MiniLM.Cuda.Ptx;

/// <summary>Which registers an instruction reads and writes. The guard is a read; a guarded write may not happen.</summary>
internal static class RegisterAccess
{
    /// <summary>Whether the first operand is the result. Roots without one: stores, branches, barriers, copies, fences.</summary>
    internal static bool HasDestination(PtxInstruction instruction) => instruction.Root switch
    {
        "st" or "red" or "bra" or "brx" or "ret" or "exit" or "call" or "cp" or "membar" or "fence" or "prefetch" or "prefetchu" or "discard"
            or "applypriority" or "trap" or "brkpt" or "nanosleep" or "pmevent" or "stmatrix" or "setmaxnreg" or "griddepcontrol" => false,
        "bar" or "barrier" => instruction.Has("red"),
        _ => instruction.Operands.Length > 0,
    };

    internal static void Visit(PtxInstruction instruction, Action<int> read, Action<int> write)
    {
        if (instruction.Guard >= 0) { read(instruction.Guard); }
        int first = HasDestination(instruction) ? 1 : 0;
        for (int i = first; i < instruction.Operands.Length; i++) { VisitRegisters(instruction.Operands[i], read); }
        if (first == 0) { return; }
        PtxOperand destination = instruction.Operands[0];
        // An address or a list in the first place (call, unknown opcodes) is read.
        VisitRegisters(destination, destination.Kind is PtxOperandKind.Address ? read : write);
    }

    private static void VisitRegisters(PtxOperand operand, Action<int> visit)
    {
        if (operand.Elements.Length > 0)
        {
            foreach (PtxOperand element in operand.Elements) { VisitRegisters(element, visit); }
        }
        else if (operand.Kind == PtxOperandKind.Register && operand.Register >= 0) { visit(operand.Register); }
    }
}
