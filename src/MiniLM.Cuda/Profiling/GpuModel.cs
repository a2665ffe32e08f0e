using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda.Profiling;

/// <summary>What can limit a kernel.</summary>
internal enum Limit
{
    /// <summary>mma.</summary>
    Tensor,

    /// <summary>fma, add, mul of fp32.</summary>
    Fp32,

    /// <summary>ex2, rcp, rsqrt and their like: the special function unit.</summary>
    Mufu,

    /// <summary>Warp instructions of any kind.</summary>
    Issue,

    /// <summary>Passes over the banks of shared memory.</summary>
    Shared,

    /// <summary>Sectors between L2 and the multiprocessors.</summary>
    L2,

    /// <summary>Distinct bytes between memory and L2.</summary>
    Dram,
}

/// <summary>What a GPU can do at most.</summary>
/// <param name="Name">For people.</param>
/// <param name="Capability">Compute capability, 80 for 8.0.</param>
/// <param name="Multiprocessors">SMs.</param>
/// <param name="Hertz">Boost clock, which the data sheet's peaks are of.</param>
/// <param name="DramBytesPerSecond">Of global memory.</param>
internal sealed record GpuModel(string Name, int Capability, int Multiprocessors, double Hertz, double DramBytesPerSecond)
{
    /// <summary>GPUs that predictions are made for (NVIDIA's data sheets).</summary>
    internal static GpuModel[] Predicted { get; } =
    [
        new("L4", 89, 58, 2.04e9, 300e9) { SustainedClock = 0.65 }, // 72 W: clocks fall under load, as Jia et al. (arXiv:1903.07486) measured on the T4
        A100,
        H100,
    ];

    private static GpuModel A100 => new("A100 40 GB", 80, 108, 1.41e9, 1555e9);

    private static GpuModel H100 => new("H100 SXM", 90, 132, 1.83e9, 3350e9);

    /// <summary>What a driver says of its GPU; of the emulator, a GPU that runs the same kernels (of tier G any does).</summary>
    /// <remarks>The rates of an architecture that is not <see cref="IsKnown"/> are 0, but for its memory's.</remarks>
    internal static GpuModel Of(GpuProperties gpu) =>
        gpu.HasClock ? new(gpu.Name, gpu.Capability, gpu.Multiprocessors, gpu.Hertz, gpu.MemoryBytesPerSecond) : gpu.Capability >= 90 ? H100 : A100;

    /// <summary>Share of the boost clock that lasts.</summary>
    internal double SustainedClock { get; init; } = 1;

    /// <summary>Whether the figures below are this architecture's; of others nothing is predicted.</summary>
    internal bool IsKnown => Capability is 60 or 61 or 62 or 70 or 72 or 75 or 80 or 86 or 87 or 89 or 90;

    // A multiprocessor by capability: CUDA C++ Programming Guide (arithmetic throughput, technical specifications), white papers of the architectures.

    /// <summary>FLOP a clock of fp16 and bf16 mma with fp32 sums; GeForce has half the rate.</summary>
    internal double TensorFlops => Capability switch
    {
        < 70 => 0,
        < 80 => 1024,
        80 or 87 => 2048,
        90 => 4096,
        _ => Name.Contains("GeForce", StringComparison.Ordinal) ? 512 : 1024,
    };

    /// <summary>Lanes of fp32.</summary>
    internal int Fp32Lanes => Capability is 60 or (>= 70 and <= 80) ? 64 : 128;

    /// <summary>Results a clock of the special function unit.</summary>
    internal const int MufuLanes = 16;

    /// <summary>Warp instructions a clock.</summary>
    internal int Schedulers => Capability == 60 ? 2 : 4;

    /// <summary>Bytes a clock from L2, all multiprocessors busy. 5,120 a clock in all on A100 and H100 (white paper); others are taken as 32 each.</summary>
    internal double L2Bytes => Capability switch { 80 => 5120.0 / 108, 90 => 5120.0 / 132, _ => 32 };

    internal int Registers => 65536;

    internal int Warps => Capability switch { 75 => 32, 86 or 87 or 89 => 48, _ => 64 };

    internal int Blocks => Capability switch { 75 or 86 or 87 => 16, 89 => 24, _ => 32 };

    internal int SharedBytes => 1024 * Capability switch { < 61 => 64, < 75 => 96, < 80 => 64, 80 or 87 => 164, 86 or 89 => 100, _ => 228 };

    /// <summary>Shared memory that the system takes of each block.</summary>
    internal int ReservedSharedBytes => Capability >= 80 ? 1024 : 0;

    /// <summary>Most of each limit a second, at the boost clock: FLOP, lane operations, warp instructions, passes, bytes.</summary>
    internal double PerSecond(Limit limit) => limit == Limit.Dram ? DramBytesPerSecond : PerClock(limit) * Multiprocessors * Hertz;

    /// <summary>Most of a limit in a clock of one multiprocessor; 0: not known.</summary>
    internal double PerClock(Limit limit) => limit switch
    {
        _ when !IsKnown && limit != Limit.Dram => 0,
        Limit.Tensor => TensorFlops,
        Limit.Fp32 => Fp32Lanes,
        Limit.Mufu => MufuLanes,
        Limit.Issue => Schedulers,
        Limit.Shared => 1,
        Limit.L2 => L2Bytes,
        _ => DramBytesPerSecond / Hertz / Multiprocessors,
    };

    /// <summary>Blocks of a launch that a multiprocessor holds at a time; 0: not one.</summary>
    /// <param name="shape">The launch.</param>
    /// <param name="registers">Of a thread; null: not known, and taken as 128, which most kernels are near to.</param>
    internal int ResidentBlocks(LaunchShape shape, int? registers)
    {
        int warps = (int)(shape.Threads + 31) / 32;
        int registersOfAWarp = ((registers ?? 128) * 32 + 255) / 256 * 256; // given out by 256
        int byRegisters = Registers / registersOfAWarp / warps;
        int shared = (int)shape.SharedBytes + ReservedSharedBytes, byShared = shared > 0 ? SharedBytes / shared : Blocks;
        return Math.Min(Math.Min(Blocks, Warps / warps), Math.Min(byRegisters, byShared));
    }
}
