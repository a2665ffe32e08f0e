using System.Diagnostics;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Profiling;

namespace MiniLM.Cuda.Report;

/// <summary>A kernel in the driver's compiler.</summary>
/// <param name="Kernel">Entry point.</param>
/// <param name="FirstSeconds">Of the compiler, or of its cache when it has seen the kernel before; null: not measured.</param>
/// <param name="SecondSeconds">Once more, after all others: what the driver's own cache saves.</param>
/// <param name="Registers">Of a thread; null where nothing is compiled.</param>
/// <param name="PtxasRegisters">What ptxas chose; null: it has not seen the kernel.</param>
/// <param name="LocalBytes">Spilled by a thread.</param>
/// <param name="Problem">Why it is refused, with the compiler's log; null: it is not.</param>
internal sealed record KernelLoad(
    string Kernel, double? FirstSeconds, double? SecondSeconds, int? Registers, int? PtxasRegisters, int? LocalBytes, string? Problem)
{
    internal bool IsGreen => Problem is null;

    /// <summary>Loads every kernel that the device's tiers cover, twice.</summary>
    internal static KernelLoad[] All(CudaDevice device, CancellationToken cancellation)
    {
        KernelInfo[] kernels = [.. KernelInfo.All.Values.Where(kernel => kernel.Target <= device.NewestTarget)];
        KernelLoad[] first = [.. kernels.Select(kernel => Once(device, kernel.Name, cancellation))];
        return [.. first.Select(load => load.IsGreen ? load with { SecondSeconds = Once(device, load.Kernel, cancellation).FirstSeconds } : load)];
    }

    private static KernelLoad Once(CudaDevice device, string name, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        int? ptxas = KernelRegisters.Of(name, device.Gpu.Properties.Capability);
        long start = Stopwatch.GetTimestamp();
        try
        {
            using GpuKernel kernel = device.Launcher.Load(name);
            double? seconds = device.Gpu.Properties.HasClock ? Stopwatch.GetElapsedTime(start).TotalSeconds : null;
            return new KernelLoad(name, seconds, null, kernel.Compiled?.Registers, ptxas, kernel.Compiled?.LocalBytes, null);
        }
        catch (GpuException error) { return new KernelLoad(name, null, null, null, ptxas, null, error.Message); }
    }
}
