using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Profiling;

/// <summary>A launch of a pass, with what it does.</summary>
/// <param name="Kernel">Entry point.</param>
/// <param name="Shape">Blocks, threads, shared memory.</param>
/// <param name="Counts">From the emulator: they are the same on any GPU that runs this kernel.</param>
internal sealed record ProfiledLaunch(string Kernel, LaunchShape Shape, LaunchCounts Counts)
{
    /// <summary>Of a training step; null in a forward pass.</summary>
    internal string? Phase { get; init; }

    /// <summary>Its kernel, of training with the phase before it.</summary>
    internal string Title => Phase is null ? Kernel : $"{Phase} {Kernel}";

    /// <summary>Measured; null where nothing could be.</summary>
    internal double? Seconds { get; init; }

    /// <summary>Registers and spilled bytes that the driver reported.</summary>
    internal (int Registers, int LocalBytes)? Compiled { get; init; }

    /// <summary>How much of each limit it uses: FLOP, lane operations, warp instructions, passes, bytes.</summary>
    internal double Demand(Limit limit) => limit switch
    {
        Limit.Tensor => Counts.MmaFlops,
        Limit.Fp32 => 32.0 * Counts.Fp32,
        Limit.Mufu => 32.0 * Counts.Mufu,
        Limit.Issue => Counts.WarpInstructions - Counts.ByRoot.GetValueOrDefault("mov"), // ptxas removes nearly all moves
        Limit.Shared => Counts.Shared.Values.Sum(traffic => traffic.Wavefronts),
        Limit.L2 => 32.0 * Counts.Global.Values.Sum(traffic => traffic.Sectors),
        _ => Counts.DistinctBytesRead + Counts.DistinctBytesWritten,
    };
}
