namespace MiniLM.Cuda.Emulator;

/// <summary>What an emulated GPU is, and how closely it looks.</summary>
internal sealed record EmulatedGpuOptions
{
    /// <summary>Compute capability: 60, 70, 75, 80, 86, 89, 90 or later.</summary>
    internal int Capability { get; init; } = 80;

    /// <summary>Uninitialised registers and memory, races, copies that nobody waits for. Bounds, alignment and full warps are always checked.</summary>
    internal bool IsChecked { get; init; }

    /// <summary>Whether launches are counted: <see cref="EmulatedGpu.LaunchCounted"/>.</summary>
    internal bool IsCounted { get; init; }

    /// <summary>Seed of the errors of approximate instructions, anywhere within the ISA's bounds; 0: correctly rounded results.</summary>
    internal uint JitterSeed { get; init; }

    /// <summary>Order and rounding of mma.</summary>
    internal MmaMode Mma { get; init; } = MmaMode.Fused;

    /// <summary>How many multiprocessors it says that it has; blocks run as they do with one.</summary>
    internal int Multiprocessors { get; init; } = 1;

    /// <summary>CPU threads that run blocks; 0: one for each core. Results and counts do not depend on it.</summary>
    internal int Threads { get; init; }

    /// <summary>Global memory.</summary>
    internal long TotalBytes { get; init; } = 8L << 30;

    /// <summary>Branches a warp may take in a launch before the kernel counts as one that never ends.</summary>
    internal long BranchBudget { get; init; } = 50_000_000;

    /// <summary>Largest shared memory of a block by capability (CUDA C++ Programming Guide, compute capabilities).</summary>
    internal int SharedBytesPerBlock => Capability switch
    {
        < 70 => 48 << 10,
        < 75 => 96 << 10,
        < 80 => 64 << 10,
        80 or 87 => 163 << 10,
        86 or 89 or >= 120 => 99 << 10,
        _ => 227 << 10,
    };
}
