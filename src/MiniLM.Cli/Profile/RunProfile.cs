using MiniLM.Cli.Commands;
using MiniLM.Cpu;
using MiniLM.Training;

namespace MiniLM.Cli.Profile;

/// <summary>Where the time of one forward pass or training step goes.</summary>
internal sealed record RunProfile
{
    internal required ProfiledPass Pass { get; init; }

    /// <summary>CPU threads; null on a GPU.</summary>
    internal int? Threads { get; init; }

    /// <summary>The GPU that times and shares are of; null on the CPU.</summary>
    internal string? Gpu { get; init; }

    /// <summary>Whether times come from a clock, and not from the model of docs/gpu.md.</summary>
    internal required bool IsMeasured { get; init; }

    /// <summary>Where times come from, for people.</summary>
    internal string Clock => IsMeasured ? "measured" : $"predicted for {Gpu}";

    /// <summary>Of the pass or step; on a GPU the sum of its launches.</summary>
    internal required double Seconds { get; init; }

    /// <summary>On a GPU: of a pass whose launches nobody timed, with transfers and the gaps between; null where nothing was measured.</summary>
    internal double? PassSeconds { get; init; }

    /// <summary>Of <see cref="Seconds"/>: a thread's mean wait for the others; null on a GPU.</summary>
    internal double? WaitingSeconds { get; init; }

    /// <summary>Of a training step, one after the other; none of a forward pass.</summary>
    internal IReadOnlyList<PhaseProfile> Phases { get; init; } = [];

    /// <summary>Of training.</summary>
    internal TrainingMemory? Memory { get; init; }

    internal required PeakRates Peaks { get; init; }

    /// <summary>What to say of the roof: that it was measured and passed, or is not known; null: nothing.</summary>
    internal string? Note => Threads is not null ? Roof.Doubt(Kernels.Max(kernel => kernel.RoofPercent))
        : Peaks.L2 > 0 ? null
        : "What this GPU's multiprocessors can do is not known here: shares of the roof are of its memory's bandwidth alone.";

    /// <summary>In the order of their first launch.</summary>
    internal required IReadOnlyList<KernelProfile> Kernels { get; init; }

    internal IReadOnlyList<GpuPrediction> Predictions { get; init; } = [];

    /// <summary>Everything that ran, for a trace.</summary>
    internal required IReadOnlyList<TraceSpan> Spans { get; init; }
}

/// <summary>What is run.</summary>
/// <param name="Model">Its folder.</param>
/// <param name="Device">As given to --device.</param>
/// <param name="Description">The device's own line.</param>
/// <param name="Precision">As given to --precision.</param>
/// <param name="Shape">Sequences and their length.</param>
/// <param name="IsTraining">A training step instead of a forward pass.</param>
internal sealed record ProfiledPass(string Model, string Device, string Description, string Precision, BenchShape Shape, bool IsTraining = false);

/// <summary>Part of a training step.</summary>
/// <param name="Name">forward, backward, step.</param>
/// <param name="Start">Seconds from the start of the whole.</param>
/// <param name="Seconds">How long.</param>
/// <param name="WaitingSeconds">Of them: a thread's mean wait for the others; null on a GPU.</param>
internal sealed record PhaseProfile(string Name, double Start, double Seconds, double? WaitingSeconds);

/// <summary>The most that is possible, a second; null: there is no such thing here.</summary>
/// <param name="Tensor">FLOP of tensor cores.</param>
/// <param name="Fp32">FLOP of fp32; 0: not known.</param>
/// <param name="Dram">Bytes of global memory.</param>
/// <param name="L2">Bytes of L2; 0: not known.</param>
/// <param name="BFloat16">FLOP of a CPU's bfloat16 instruction, where products use it.</param>
internal sealed record PeakRates(double? Tensor, double Fp32, double? Dram, double L2, double? BFloat16 = null)
{
    /// <summary>The greater of what was measured twice on a CPU.</summary>
    internal PeakRates Or(PeakRates other) =>
        this with { Fp32 = Math.Max(Fp32, other.Fp32), L2 = Math.Max(L2, other.L2), BFloat16 = BFloat16 > other.BFloat16 ? BFloat16 : other.BFloat16 };
}

/// <summary>One kernel (on the CPU: one operation), all its launches together.</summary>
/// <param name="Name">Entry point, or operation.</param>
/// <param name="Launches">On the CPU: calls of all threads.</param>
/// <param name="Flop">Floating-point operations.</param>
/// <param name="Bytes">Distinct bytes that a launch reads and writes.</param>
/// <param name="Seconds">Measured or predicted; on the CPU the mean of the threads.</param>
/// <param name="RoofPercent">Share of the limit that it is nearest to.</param>
/// <param name="Bound">That limit.</param>
/// <param name="LimitedBy">What sets a predicted time; null where it is measured.</param>
/// <param name="Gpu">What only a GPU has.</param>
internal sealed record KernelProfile(string Name, int Launches, long Flop, long Bytes, double Seconds, double RoofPercent, string Bound,
    string? LimitedBy, GpuDetails? Gpu)
{
    /// <summary>Of a training step; null in a forward pass.</summary>
    internal string? Phase { get; init; }

    /// <summary>With the phase before it.</summary>
    internal string Title => Phase is null ? Name : $"{Phase} {Name}";

    /// <summary>FLOP for each byte; 0 where nothing is moved.</summary>
    internal double Intensity => Bytes > 0 ? (double)Flop / Bytes : 0;

    internal double TeraFlopPerSecond => Flop / Seconds / 1e12;
}

/// <summary>What the emulator counted and the compiler chose.</summary>
/// <param name="L2Bytes">Sectors asked of L2, in bytes.</param>
/// <param name="Registers">Of a thread; null: not known.</param>
/// <param name="SpillBytes">Local memory of a thread.</param>
/// <param name="SharedBytes">Of a block of the largest launch.</param>
/// <param name="ResidentBlocks">Blocks that a multiprocessor holds; null: not known.</param>
/// <param name="OccupancyPercent">Resident warps of those possible; null: not known.</param>
/// <param name="CoalescingPercent">Fewest sectors that hold the bytes, of those touched.</param>
/// <param name="BankConflictWays">Passes over the banks for each that is needed; null: no shared memory.</param>
/// <param name="WarpInstructions">Of all kinds.</param>
/// <param name="Instructions">Warp instructions by kind, most first.</param>
internal sealed record GpuDetails(
    long L2Bytes, int? Registers, int SpillBytes, uint SharedBytes, int? ResidentBlocks, double? OccupancyPercent, double CoalescingPercent,
    double? BankConflictWays,
    long WarpInstructions, IReadOnlyList<KeyValuePair<string, long>> Instructions);

/// <summary>A GPU's time for the pass, by the model of docs/gpu.md.</summary>
internal sealed record GpuPrediction(string Gpu, double Seconds, IReadOnlyList<KernelPrediction> Kernels);

/// <summary>A kernel on such a GPU.</summary>
/// <param name="Name">Entry point, of training with its phase before it.</param>
/// <param name="Seconds">All launches.</param>
/// <param name="Percent">Of the limit that it is nearest to.</param>
/// <param name="Bound">That limit.</param>
/// <param name="LimitedBy">What sets the time of the longest launch: a limit on the busiest multiprocessor, or "launch".</param>
internal sealed record KernelPrediction(string Name, double Seconds, double Percent, string Bound, string LimitedBy);

/// <summary>A piece of a trace.</summary>
/// <param name="Name">Kernel or operation.</param>
/// <param name="Thread">CPU thread, or 0.</param>
/// <param name="Start">Seconds from the start of the pass.</param>
/// <param name="Seconds">How long.</param>
internal readonly record struct TraceSpan(string Name, int Thread, double Start, double Seconds);
