using ILGPU.IR;
using ILGPU.IR.Analyses;
using Loop = ILGPU.IR.Analyses.Loops<ILGPU.IR.Analyses.TraversalOrders.ReversePostOrder, ILGPU.IR.Analyses.ControlFlowDirection.Forwards>.Node;

namespace KernelCompiler;

/// <summary>Loops that look constant and did not unroll: arrays indexed by them would go to local memory.</summary>
internal static class RolledLoops
{
    /// <summary>Steps of a counted loop with constant bounds; -1 when it is none.</summary>
    internal static int TripCount(Loop loop) =>
        loop.TryGetLoopInfo(out var info) && info.InductionVariables[0].TryResolveBounds(out InductionVariableBounds bounds)
            && bounds.TryGetTripCount(out _) is { } count
            ? count
            : -1;

    /// <exception cref="CompilationException">A loop of at most <paramref name="limit"/> constant steps is left.</exception>
    internal static void Refuse(Method method, int limit)
    {
        foreach (Loop loop in method.Blocks.CreateCFG().CreateLoops())
        {
            if (TripCount(loop) is >= 0 and int count && count <= limit)
            {
                throw new CompilationException(
                    $"{Place(loop.Headers[0].Location)}a loop of {count} constant steps did not unroll; leave it only at its end, and count from a constant");
            }
        }
    }

    /// <summary>"File.cs:12: ", or nothing when the compilation is without symbols.</summary>
    internal static string Place(Location location) => location is FileLocation file ? $"{Path.GetFileName(file.FileName)}:{file.StartLine}: " : "";
}
