using ILGPU.IR;
using ILGPU.IR.Analyses;
using ILGPU.IR.Analyses.ControlFlowDirection;
using ILGPU.IR.Analyses.TraversalOrders;
using ILGPU.IR.Construction;
using ILGPU.IR.Transformations;
using ILGPU.IR.Values;
using Loop = ILGPU.IR.Analyses.Loops<ILGPU.IR.Analyses.TraversalOrders.ReversePostOrder, ILGPU.IR.Analyses.ControlFlowDirection.Forwards>.Node;
using Members = ILGPU.IR.Analyses.Loops<ILGPU.IR.Analyses.TraversalOrders.ReversePostOrder,
    ILGPU.IR.Analyses.ControlFlowDirection.Forwards>.MembersSuccessorProvider<ILGPU.IR.Analyses.ControlFlowDirection.Forwards>;

namespace KernelCompiler;

/// <summary>
/// Unrolls innermost loops whose condition is a constant in every iteration, one loop a pass, so that every analysis is fresh. The
/// condition itself is folded; no formula for the trip count is trusted to unroll. Other loops (left early, tested at the end, longer
/// than the limit) stay.
/// </summary>
/// <param name="limit">Most iterations.</param>
internal sealed class UnrollConstantLoop(int limit) : UnorderedTransformation
{
    internal bool Changed { get; set; }

    protected override bool PerformTransformation(Method.Builder builder)
    {
        foreach (Loop loop in builder.SourceBlocks.CreateCFG().CreateLoops())
        {
            bool simple = loop.IsInnermostLoop && loop.Headers.Length == 1 && loop.BackEdges.Length == 1 && loop.Breakers.Length == 1 && loop.Exits.Length == 1
                && loop.Entries.Length == 1;
            if (simple && Unroll(builder, loop)) { return Changed = true; }
        }
        return false;
    }

    private bool Unroll(Method.Builder builder, Loop loop)
    {
        BasicBlock header = loop.Headers[0], latch = loop.BackEdges[0], exit = loop.Exits[0], entry = loop.Entries[0];
        if (loop.Breakers[0] != header || latch == header || header.Terminator?.Resolve() is not IfBranch test
            || test.Condition.Resolve() is not CompareValue condition)
        {
            return false;
        }
        List<(PhiValue Phi, Value First, Value Next)> phis = [];
        foreach (Value value in header)
        {
            if (value is not PhiValue phi) { continue; }
            if (phi.Count != 2 || phi.GetValue(latch) is not { } next || phi.GetValue(entry) is not { } initial) { return false; }
            phis.Add((phi, initial, next));
        }
        if (RolledLoops.TripCount(loop) > limit) { return false; }

        var blocks = new ReversePostOrder().TraverseToCollection<ReversePostOrder, Members, Forwards>(loop.Count, header, new Members(loop));
        BasicBlock body = header.Successors[0] == exit ? header.Successors[1] : header.Successors[0];
        bool staysWhen = test.NotInvertedBranchTargets.TrueTarget == body;
        Dictionary<Value, Value> now = phis.ToDictionary(phi => (Value)phi.Phi, phi => phi.First);
        BasicBlock.Builder tail = builder[entry];
        Value Now(Value value) => now.TryGetValue(value, out Value? known) ? known.Resolve() : value.Resolve();
        bool? Stays() =>
            tail.CreateCompare(condition.Location, Now(condition.Left), Now(condition.Right), condition.Kind, condition.Flags)
                .Resolve() is PrimitiveValue constant
                ? constant.Int1Value == staysWhen
                : null;

        builder.AcceptControlFlowUpdates(accept: true);
        if (Stays() is null) { return false; }
        for (int i = 0; ; i++)
        {
            if (Stays() is not { } stays || (stays && i == limit))
            {
                throw new CompilationException($"{RolledLoops.Place(header.Location)}a loop starts at a constant but does not end at one within {limit} steps");
            }
            if (!stays) { break; }
            IRRebuilder copy = IRRebuilder.Create(builder, new Dictionary<Value, Value>(now), blocks);
            copy.Rebuild();
            copy.EntryBlock.CreateBranch(header.Location, copy[body].BasicBlock);
            if (i == 0) { entry.GetTerminatorAs<Branch>().RemapTargets(tail, new Redirect(header, copy.EntryBlock.BasicBlock)); }
            else { tail.CreateBranch(latch.Location, copy.EntryBlock.BasicBlock); }
            tail = copy[latch];
            now = phis.ToDictionary(phi => (Value)phi.Phi, phi => copy[phi.Next]);
        }
        if (tail.BasicBlock != entry) { tail.CreateBranch(latch.Location, header); }
        // What is left of the loop is its header: the values after the last iteration, and the way out.
        foreach ((PhiValue phi, _, _) in phis)
        {
            phi.Replace(now[phi]);
            builder[header].Remove(phi);
        }
        builder[header].CreateBranch(header.Location, exit);
        foreach (BasicBlock block in blocks)
        {
            if (block != header) { builder[block].Clear(); }
        }
        return true;
    }

    private readonly struct Redirect(BasicBlock from, BasicBlock to) : TerminatorValue.ITargetRemapper
    {
        public bool CanRemap(in ReadOnlySpan<BasicBlock> blocks) => blocks.Contains(from);
        public BasicBlock Remap(BasicBlock block) => block == from ? to : block;
    }
}
