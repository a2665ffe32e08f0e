using System.Diagnostics;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;

namespace MiniLM.Benchmarks.Emulator;

/// <summary>An emulated GPU with a stopwatch at each launch, by kernel: a launch is done when the call returns.</summary>
internal sealed class TimedGpu(EmulatedGpu gpu) : Gpu
{
    /// <summary>Seconds in launches since <see cref="Restart"/>.</summary>
    internal Dictionary<string, double> Seconds { get; } = [];

    internal void Restart() => Seconds.Clear();

    internal override GpuProperties Properties => gpu.Properties;

    internal override void Launch(GpuKernel kernel, LaunchShape shape, ReadOnlySpan<byte> parameters)
    {
        long start = Stopwatch.GetTimestamp();
        gpu.Launch(kernel, shape, parameters);
        Seconds[kernel.Name] = Seconds.GetValueOrDefault(kernel.Name) + Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    internal override ulong Allocate(long bytes) => gpu.Allocate(bytes);

    internal override void Free(ulong address) => gpu.Free(address);

    internal override void Upload(ulong to, ReadOnlySpan<byte> from) => gpu.Upload(to, from);

    internal override void Clear(ulong at, long bytes) => gpu.Clear(at, bytes);

    internal override void Download(ulong from, Span<byte> to) => gpu.Download(from, to);

    internal override GpuKernel Load(string name, string ptx) => gpu.Load(name, ptx);

    internal override void Synchronize() => gpu.Synchronize();

    internal override nint RecordEvent() => gpu.RecordEvent();

    internal override double Elapsed(nint start, nint end) => gpu.Elapsed(start, end);

    public override void Dispose() => gpu.Dispose();
}
