using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda.Report;

/// <summary>What somebody with a GPU and this program alone can tell of it: <c>minilm gpu-report</c>.</summary>
/// <remarks>Nothing in it names a person, a machine or a folder.</remarks>
internal sealed record GpuReport
{
    private static readonly string[] Settings =
        ["CUDA_CACHE_DISABLE", "CUDA_CACHE_MAXSIZE", "CUDA_CACHE_PATH", "CUDA_FORCE_PTX_JIT", "CUDA_DISABLE_PTX_JIT", "CUDA_MODULE_LOADING"];

    /// <summary>As given to --device.</summary>
    internal required string Device { get; init; }

    /// <summary>System and processor, as .NET names them.</summary>
    internal string Platform { get; } = RuntimeInformation.RuntimeIdentifier;

    internal string Version { get; } = LibraryVersion.Text;

    internal required GpuProperties Gpu { get; init; }

    /// <summary>Variables of the environment that decide how the driver compiles and keeps kernels; null: not set. Of a path only that there is one.</summary>
    internal IReadOnlyList<(string Name, string? Value)> Environment { get; } = [.. Settings.Select(name =>
        (name, System.Environment.GetEnvironmentVariable(name) is { } value ? name.EndsWith("PATH", StringComparison.Ordinal) ? "(set)" : value : null))];

    internal required IReadOnlyList<KernelLoad> Kernels { get; init; }

    internal required IReadOnlyList<DeviceCheck> Checks { get; init; }

    /// <summary>Kernels that no check launches.</summary>
    internal required IReadOnlyList<string> Unchecked { get; init; }

    internal required IReadOnlyList<DeviceBenchmark> Benchmarks { get; init; }

    internal bool IsGreen => Kernels.All(load => load.IsGreen) && Checks.All(check => check.IsGreen) && Benchmarks.All(benchmark => benchmark.IsGreen);

    /// <param name="device">What is reported of.</param>
    /// <param name="say">Told what runs.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal static GpuReport Run(CudaDevice device, Action<string> say, CancellationToken cancellation)
    {
        say("compiling every kernel, twice");
        KernelLoad[] kernels = KernelLoad.All(device, cancellation);
        DeviceCheck[] checks = DeviceChecks.Run(device, Enum.GetValues<Precision>(), say, cancellation);
        string[] untouched = [.. kernels.Select(load => load.Kernel).Except(device.Launcher.Loaded)];
        return new GpuReport
        {
            Device = device.Name,
            Gpu = device.Gpu.Properties,
            Kernels = kernels,
            Checks = checks,
            Unchecked = untouched,
            Benchmarks = DeviceBenchmark.All(device, say, cancellation),
        };
    }
}
