namespace MiniLM.Cuda.Ptx;

/// <summary>Registers that are read where no path from the start has written them.</summary>
internal static class UnwrittenRegisters
{
    internal static void Check(PtxKernel kernel, FlowGraph graph, List<PtxFinding> findings)
    {
        int blocks = graph.Blocks.Count, registers = kernel.Registers.Count;
        // Written on some path: the union over predecessors, so that only what is surely wrong is found.
        RegisterSet[] before = [.. Enumerable.Range(0, blocks).Select(_ => new RegisterSet(registers))];
        var isReached = new bool[blocks];
        isReached[0] = true;
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            foreach (BasicBlock block in graph.Blocks)
            {
                if (!isReached[block.Index]) { continue; }
                var after = new RegisterSet(registers);
                after.Union(before[block.Index]);
                for (int i = block.First; i < block.End; i++) { RegisterAccess.Visit(kernel.Instructions[i], _ => { }, after.Add); }
                foreach (int successor in block.Successors)
                {
                    isChanged |= before[successor].Union(after) | !isReached[successor];
                    isReached[successor] = true;
                }
            }
        }
        foreach (BasicBlock block in graph.Blocks)
        {
            if (!isReached[block.Index]) { continue; }
            for (int i = block.First; i < block.End; i++)
            {
                PtxInstruction instruction = kernel.Instructions[i];
                RegisterAccess.Visit(instruction, register =>
                {
                    if (!before[block.Index].Contains(register))
                    {
                        findings.Add(new PtxFinding(instruction.Line,
                            $"reads {kernel.Registers[register].Name}, which nothing has written ({instruction.Text})"));
                    }
                }, _ => { });
                RegisterAccess.Visit(instruction, _ => { }, before[block.Index].Add);
            }
        }
    }
}
