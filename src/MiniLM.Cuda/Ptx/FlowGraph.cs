namespace MiniLM.Cuda.Ptx;

/// <summary>Instructions First..End-1, entered at the first and left at the last.</summary>
internal sealed class BasicBlock(int index, int first)
{
    internal int Index => index;

    internal int First => first;

    internal int End { get; set; }

    internal List<int> Successors { get; } = [];

    internal List<int> Predecessors { get; } = [];
}

/// <summary>Basic blocks of a kernel in the order of the text. A virtual block after the last one stands for the exit.</summary>
internal sealed class FlowGraph
{
    internal List<BasicBlock> Blocks { get; } = [];

    /// <summary>Block of an instruction.</summary>
    internal int[] BlockOf { get; }

    /// <summary>Index of the exit, which has no instructions.</summary>
    internal int Exit { get; }

    internal FlowGraph(PtxKernel kernel)
    {
        List<PtxInstruction> code = kernel.Instructions;
        var isLeader = new bool[code.Count + 1];
        isLeader[0] = true;
        for (int i = 0; i < code.Count; i++)
        {
            if (!EndsBlock(code[i])) { continue; }
            isLeader[i + 1] = true;
            foreach (int target in Targets(kernel, code[i])) { isLeader[target] = true; }
        }
        BlockOf = new int[code.Count];
        for (int i = 0; i < code.Count; i++)
        {
            if (isLeader[i]) { Blocks.Add(new BasicBlock(Blocks.Count, i)); }
            BlockOf[i] = Blocks.Count - 1;
            Blocks[^1].End = i + 1;
        }
        Exit = Blocks.Count;
        Blocks.Add(new BasicBlock(Exit, code.Count) { End = code.Count });
        for (int b = 0; b < Exit; b++)
        {
            PtxInstruction last = code[Blocks[b].End - 1];
            bool isLeaving = last.Root is "ret" or "exit" or "trap";
            if (!isLeaving) { foreach (int target in Targets(kernel, last)) { Connect(b, target == code.Count ? Exit : BlockOf[target]); } }
            if (isLeaving) { Connect(b, Exit); }
            // A branch whose label is unknown goes on, so that what follows is still looked at.
            bool isJump = last.Root is "bra" or "brx" && Blocks[b].Successors.Count > 0;
            if (last.Guard != -1 || !(isLeaving || isJump)) { Connect(b, b + 1); }
        }
    }

    internal static bool EndsBlock(PtxInstruction instruction) => instruction.Root is "bra" or "brx" or "ret" or "exit" or "trap";

    internal static IEnumerable<int> Targets(PtxKernel kernel, PtxInstruction instruction)
    {
        if (instruction.Root == "bra")
        {
            foreach (PtxOperand operand in instruction.Operands) { if (operand.Target >= 0) { yield return operand.Target; } }
        }
        else if (instruction.Root == "brx" && instruction.Operands.Length == 2
            && kernel.BranchTargets.TryGetValue(instruction.Operands[1].Name, out PtxOperand[]? labels))
        {
            foreach (PtxOperand label in labels) { if (label.Target >= 0) { yield return label.Target; } }
        }
    }

    private void Connect(int from, int to)
    {
        if (Blocks[from].Successors.Contains(to)) { return; }
        Blocks[from].Successors.Add(to);
        Blocks[to].Predecessors.Add(from);
    }
}
