namespace MiniLM.Cuda.Ptx;

/// <summary>For each block the first one that all paths from it to the exit go through: where lanes that a branch parts are together again.</summary>
/// <remarks>K. D. Cooper, T. J. Harvey, K. Kennedy, "A simple, fast dominance algorithm", on the graph turned round.</remarks>
internal sealed class PostDominators
{
    /// <summary>Index of a block; -1 when the exit cannot be reached from it.</summary>
    internal int[] Immediate { get; }

    internal PostDominators(FlowGraph graph)
    {
        int blocks = graph.Blocks.Count;
        var order = new int[blocks]; // of a depth-first search from the exit: the exit is the last
        Array.Fill(order, -1);
        var visited = new bool[blocks];
        var finished = new List<int>(blocks);
        var stack = new Stack<(int Block, int Next)>();
        stack.Push((graph.Exit, 0));
        visited[graph.Exit] = true;
        while (stack.TryPop(out (int Block, int Next) top))
        {
            List<int> from = graph.Blocks[top.Block].Predecessors;
            if (top.Next == from.Count) { order[top.Block] = finished.Count; finished.Add(top.Block); continue; }
            stack.Push((top.Block, top.Next + 1));
            int predecessor = from[top.Next];
            if (visited[predecessor]) { continue; }
            visited[predecessor] = true;
            stack.Push((predecessor, 0));
        }
        Immediate = new int[blocks];
        Array.Fill(Immediate, -1);
        Immediate[graph.Exit] = graph.Exit;
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            for (int k = finished.Count - 2; k >= 0; k--)
            {
                int block = finished[k], chosen = -1;
                foreach (int successor in graph.Blocks[block].Successors)
                {
                    if (Immediate[successor] < 0) { continue; }
                    chosen = chosen < 0 ? successor : Intersect(chosen, successor);
                }
                if (chosen != Immediate[block]) { Immediate[block] = chosen; isChanged = true; }
            }
        }
        int Intersect(int a, int b)
        {
            while (a != b)
            {
                while (order[a] < order[b]) { a = Immediate[a]; }
                while (order[b] < order[a]) { b = Immediate[b]; }
            }
            return a;
        }
    }
}
