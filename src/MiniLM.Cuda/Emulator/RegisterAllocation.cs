using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Places for the registers of a text: linear scan over live intervals (Poletto and Sarkar, 1999).</summary>
/// <remarks>Compilers write texts in which every value has its own register, thousands of them. Without this they would not fit the CPU's
/// caches. Two registers share a place only if no instruction sees both, so a handler may write its results before it
/// has read all of its operands' lanes.</remarks>
internal sealed class RegisterAllocation
{
    /// <summary>Slot of each register (two in a row for 64 bits), or the number of a predicate.</summary>
    internal int[] SlotOf { get; }

    internal int Slots { get; private set; }

    internal int Predicates { get; private set; }

    internal RegisterAllocation(PtxKernel kernel)
    {
        int registers = kernel.Registers.Count;
        SlotOf = new int[registers];
        if (registers == 0) { return; }
        int[] start = new int[registers], end = new int[registers];
        Array.Fill(start, int.MaxValue);
        Array.Fill(end, -1);
        var graph = new FlowGraph(kernel);
        var live = new Liveness(kernel, graph);
        foreach (BasicBlock block in graph.Blocks)
        {
            live.In[block.Index].ForEach(register => Extend(register, block.First));
            live.Out[block.Index].ForEach(register => Extend(register, block.End - 1));
            for (int i = block.First; i < block.End; i++)
            {
                int at = i;
                RegisterAccess.Visit(kernel.Instructions[i], register => Extend(register, at), register => Extend(register, at));
            }
        }
        void Extend(int register, int at)
        {
            start[register] = Math.Min(start[register], at);
            end[register] = Math.Max(end[register], at);
        }

        int[] order = [.. Enumerable.Range(0, registers).OrderBy(register => start[register])];
        var ending = new PriorityQueue<int, int>();
        Stack<int> narrow = new(), wide = new();
        foreach (int register in order)
        {
            PtxType type = kernel.Registers[register].Type;
            if (type == PtxType.Pred) { SlotOf[register] = Predicates++; continue; }
            while (ending.TryPeek(out int old, out int last) && last < start[register])
            {
                ending.Dequeue();
                (kernel.Registers[old].Type.Bytes() == 8 ? wide : narrow).Push(SlotOf[old]);
            }
            bool isWide = type.Bytes() == 8;
            Stack<int> free = isWide ? wide : narrow;
            if (free.Count > 0) { SlotOf[register] = free.Pop(); }
            else
            {
                SlotOf[register] = Slots;
                Slots += isWide ? 2 : 1;
            }
            ending.Enqueue(register, end[register]);
        }
    }
}
