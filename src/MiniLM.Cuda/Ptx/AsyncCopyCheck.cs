namespace MiniLM.Cuda.Ptx;

/// <summary>cp.async that nobody commits or waits for.</summary>
internal static class AsyncCopyCheck
{
    internal static void Check(PtxKernel kernel, FlowGraph graph, List<PtxFinding> findings)
    {
        PtxInstruction? first = kernel.Instructions.Find(IsCopy);
        if (first is null) { return; }
        bool waits = kernel.Instructions.Exists(instruction => instruction.Root == "cp" && (instruction.Has("wait_group") || instruction.Has("wait_all")));
        if (!waits) { findings.Add(new PtxFinding(first.Line, $"no cp.async.wait_group or wait_all in the kernel: the copy may never arrive ({first.Text})")); }
        for (int i = 0; i < kernel.Instructions.Count; i++)
        {
            if (IsCopy(kernel.Instructions[i]) && ReachesExitUncommitted(kernel, graph, i))
            {
                findings.Add(new PtxFinding(kernel.Instructions[i].Line,
                    $"the kernel may end with no commit_group after this copy ({kernel.Instructions[i].Text})"));
            }
        }
    }

    private static bool IsCopy(PtxInstruction instruction) => instruction.Root == "cp" && instruction.Has("async") && instruction.Operands.Length >= 3;

    private static bool Commits(PtxInstruction instruction) => instruction.Root == "cp" && (instruction.Has("commit_group") || instruction.Has("wait_all"));

    private static bool ReachesExitUncommitted(PtxKernel kernel, FlowGraph graph, int copy)
    {
        var seen = new HashSet<int>();
        var stack = new Stack<(int Block, int From)>();
        stack.Push((graph.BlockOf[copy], copy + 1));
        while (stack.TryPop(out (int Block, int From) at))
        {
            if (at.Block == graph.Exit) { return true; }
            bool isCommitted = false;
            for (int i = at.From; i < graph.Blocks[at.Block].End && !isCommitted; i++) { isCommitted = Commits(kernel.Instructions[i]); }
            if (isCommitted) { continue; }
            foreach (int successor in graph.Blocks[at.Block].Successors)
            {
                if (seen.Add(successor)) { stack.Push((successor, graph.Blocks[successor].First)); }
            }
        }
        return false;
    }
}
