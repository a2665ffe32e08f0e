namespace MiniLM.Cuda.Ptx;

/// <summary>Registers that may still be read, at the start and the end of each block: the usual backward analysis.</summary>
internal sealed class Liveness
{
    internal RegisterSet[] In { get; }

    internal RegisterSet[] Out { get; }

    internal Liveness(PtxKernel kernel, FlowGraph graph)
    {
        int blocks = graph.Blocks.Count, registers = kernel.Registers.Count;
        In = [.. Enumerable.Range(0, blocks).Select(_ => new RegisterSet(registers))];
        Out = [.. Enumerable.Range(0, blocks).Select(_ => new RegisterSet(registers))];
        var written = new RegisterSet[blocks];
        for (int b = 0; b < blocks; b++)
        {
            RegisterSet read = In[b], killed = written[b] = new RegisterSet(registers);
            for (int i = graph.Blocks[b].First; i < graph.Blocks[b].End; i++)
            {
                PtxInstruction instruction = kernel.Instructions[i];
                // Visit reports reads first: a register that is read and written by one instruction is live before it.
                RegisterAccess.Visit(
                    instruction,
                    register => { if (!killed.Contains(register)) { read.Add(register); } },
                    register => { if (instruction.Guard == -1) { killed.Add(register); } });
            }
        }
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            for (int b = blocks - 1; b >= 0; b--)
            {
                foreach (int successor in graph.Blocks[b].Successors) { Out[b].Union(In[successor]); }
                isChanged |= In[b].UnionExcept(Out[b], written[b]);
            }
        }
    }
}
