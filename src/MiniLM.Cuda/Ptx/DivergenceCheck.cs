namespace MiniLM.Cuda.Ptx;

/// <summary>Instructions that need the whole warp (bar.sync, mma, ldmatrix, shfl with all lanes) where a branch on the
/// thread's index may have parted it.</summary>
internal static class DivergenceCheck
{
    internal static void Check(PtxKernel kernel, FlowGraph graph, List<PtxFinding> findings)
    {
        var variance = new LaneVariance(kernel);
        var meeting = new PostDominators(graph);
        foreach (PtxInstruction instruction in kernel.Instructions)
        {
            if (NeedsWarp(instruction) && variance.Differs(instruction.Guard))
            {
                findings.Add(new PtxFinding(instruction.Line,
                    $"needs the whole warp, and its guard {instruction.GuardName} may differ between lanes ({instruction.Text})"));
            }
        }
        for (int b = 0; b < graph.Exit; b++)
        {
            PtxInstruction last = kernel.Instructions[graph.Blocks[b].End - 1];
            bool parts = FlowGraph.EndsBlock(last)
                && (variance.Differs(last.Guard) || last.Root == "brx" && last.Operands.Length > 0 && variance.Differs(last.Operands[0]));
            if (!parts || graph.Blocks[b].Successors.Count < 2) { continue; }
            foreach (int block in Region(graph, b, meeting.Immediate[b]))
            {
                for (int i = graph.Blocks[block].First; i < graph.Blocks[block].End; i++)
                {
                    PtxInstruction instruction = kernel.Instructions[i];
                    if (NeedsWarp(instruction))
                    {
                        findings.Add(new PtxFinding(instruction.Line,
                            $"needs the whole warp, which the branch of line {last.Line} may have parted ({instruction.Text})"));
                    }
                }
            }
        }
    }

    /// <summary>Blocks that can be reached from a branch before its lanes meet again.</summary>
    private static HashSet<int> Region(FlowGraph graph, int branch, int meeting)
    {
        var region = new HashSet<int>();
        var stack = new Stack<int>(graph.Blocks[branch].Successors);
        while (stack.TryPop(out int block))
        {
            if (block == meeting || block == graph.Exit || !region.Add(block)) { continue; }
            foreach (int successor in graph.Blocks[block].Successors) { stack.Push(successor); }
        }
        return region;
    }

    private static bool NeedsWarp(PtxInstruction instruction) => instruction.Root switch
    {
        "mma" or "ldmatrix" => true,
        "bar" or "barrier" => !instruction.Has("warp"),
        "shfl" => instruction.Operands.Length > 0 && instruction.Operands[^1] is { Kind: PtxOperandKind.Immediate, Bits: ulong.MaxValue or uint.MaxValue },
        _ => false,
    };
}
