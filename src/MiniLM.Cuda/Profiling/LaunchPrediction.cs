namespace MiniLM.Cuda.Profiling;

/// <summary>How long a launch should take on a GPU, from what was counted. A model, not a measurement: docs/gpu.md holds its assumptions.</summary>
/// <remarks>
/// seconds = launch + waves * fill + max over limits of (use of the busiest multiprocessor / rate / efficiency). Blocks are taken as equal: the busiest
/// multiprocessor has ceil(blocks / multiprocessors) of them. Distinct bytes come from memory, as if nothing of an earlier launch were left in L2.
/// </remarks>
internal static class LaunchPrediction
{
    private const double LaunchSeconds = 2e-6;

    /// <summary>Clocks until a block's first operands are there, and from its last sum to its last store.</summary>
    private const double FillClocks = 1000;

    /// <summary>Bytes a clock that a multiprocessor takes from L2 when the others are idle.</summary>
    private const double L2PortBytes = 64;

    internal static Limit[] Limits { get; } = Enum.GetValues<Limit>();

    /// <summary>Share of each limit that good kernels reach.</summary>
    private static double Efficiency(Limit limit, GpuModel gpu) => limit switch
    {
        // Hopper's tensor cores give mma.sync 63 % of what wgmma gets (Luo et al., arXiv:2501.12084).
        Limit.Tensor => gpu.Capability >= 90 ? 0.85 * 0.63 : 0.85,
        Limit.Fp32 or Limit.Shared or Limit.Dram => 0.85,
        Limit.L2 => 0.7,
        _ => 0.6, // softmax and reductions: dependent instructions, few warps
    };

    /// <param name="launch">What was counted.</param>
    /// <param name="gpu">Where it shall run: one that is known.</param>
    /// <param name="slowest">The limit that sets the time; null: starting and filling take longer than any.</param>
    internal static double Seconds(ProfiledLaunch launch, GpuModel gpu, out Limit? slowest)
    {
        double blocks = (double)launch.Shape.GridX * launch.Shape.GridY, busiest = Math.Ceiling(blocks / gpu.Multiprocessors),
            clock = gpu.Hertz * gpu.SustainedClock;
        int resident = Math.Max(1, gpu.ResidentBlocks(launch.Shape, KernelRegisters.Of(launch.Kernel, gpu.Capability)));
        double longest = launch.Demand(Limit.Dram) / gpu.DramBytesPerSecond / Efficiency(Limit.Dram, gpu);
        slowest = Limit.Dram;
        foreach (Limit limit in Limits)
        {
            if (limit == Limit.Dram || launch.Demand(limit) == 0) { continue; }
            double clocks = launch.Demand(limit) * busiest / blocks / gpu.PerClock(limit);
            if (limit == Limit.L2)
            {
                clocks = Math.Max(launch.Demand(limit) / gpu.Multiprocessors / gpu.PerClock(limit), launch.Demand(limit) * busiest / blocks / L2PortBytes);
            }
            double seconds = clocks / clock / Efficiency(limit, gpu);
            if (seconds > longest) { (longest, slowest) = (seconds, limit); }
        }
        double start = LaunchSeconds + Math.Ceiling(busiest / resident) * FillClocks / clock;
        if (start > longest) { slowest = null; }
        return start + longest;
    }

    /// <summary>The limit that some launches are nearest to, and the seconds they would take if they reached it.</summary>
    internal static (Limit Bound, double Seconds) SpeedOfLight(IEnumerable<ProfiledLaunch> launches, GpuModel gpu)
    {
        ProfiledLaunch[] all = [.. launches];
        // A rate that the driver does not know (0) limits nothing.
        return Limits.Select(limit => (limit, gpu.PerSecond(limit) is > 0 and var most ? all.Sum(launch => launch.Demand(limit)) / most : 0))
            .MaxBy(each => each.Item2);
    }
}
