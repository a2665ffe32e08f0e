using MiniLM.Batching;
using MiniLM.Cli.Commands;
using MiniLM.Compute;
using MiniLM.Cuda;
using MiniLM.Cuda.Profiling;
using MiniLM.Cuda.Training;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cli.Profile;

/// <summary>Profiles a pass on a GPU, or on the emulator with the times of a GPU of its kind.</summary>
internal static class GpuProfiler
{
    internal static RunProfile Run(CudaDevice device, Network network, Precision precision, ProfiledPass pass, CancellationToken cancellation)
    {
        PackedBatch batch = pass.Shape.Fill(network.Config);
        float[] output = new float[batch.Sequences * network.OutputSize];
        TrainingMemory? memory = null;
        PassProfile profile = pass.IsTraining ? PassProfile.Run(device, Training) : PassProfile.Forward(device, network, precision, batch, cancellation);
        ProfiledLaunch[] launches = profile.Launches;
        bool isMeasured = device.Gpu.Properties.HasClock;
        GpuModel gpu = GpuModel.Of(device.Gpu.Properties);
        (double Seconds, string? LimitedBy)[] times =
            [.. launches.Select(launch => launch.Seconds is { } measured ? (measured, null) : Predicted(launch, gpu))];
        return new RunProfile
        {
            Pass = pass,
            Gpu = gpu.Name,
            IsMeasured = isMeasured,
            Seconds = times.Sum(time => time.Seconds),
            PassSeconds = profile.PassSeconds,
            Phases = [.. Phases(launches, times)],
            Memory = memory,
            Peaks = new PeakRates(gpu.TensorFlops > 0 ? gpu.PerSecond(Limit.Tensor) : null, 2 * gpu.PerSecond(Limit.Fp32),
                gpu.DramBytesPerSecond > 0 ? gpu.DramBytesPerSecond : null, gpu.PerSecond(Limit.L2)),
            Kernels = [.. ByKernel(launches, times).Select(kernel => Kernel(kernel.Launches, kernel.Seconds, kernel.LimitedBy, gpu))],
            Predictions = [.. GpuModel.Predicted.Select(known => Predict(launches, known))],
            Spans = [.. launches.Select((launch, i) => new TraceSpan(launch.Kernel, 0, times.Take(i).Sum(time => time.Seconds), times[i].Seconds))],
        };

        (IDisposable, ProfiledPart[]) Training(CudaDevice on)
        {
            CudaTrainingNetwork loaded = (CudaTrainingNetwork)on.LoadForTraining(network, precision, new TrainingOptions(), cancellation);
            MeasuredStep step = new(loaded);
            return (loaded,
            [
                new ProfiledPart("forward", () => step.Forward(batch, output, cancellation)),
                new ProfiledPart("backward", () =>
                {
                    step.Backward(cancellation);
                    memory = loaded.Memory;
                }),
                new ProfiledPart("step", step.Update),
            ]);
        }
    }

    private static IEnumerable<PhaseProfile> Phases(ProfiledLaunch[] launches, (double Seconds, string? LimitedBy)[] times)
    {
        double start = 0;
        foreach (var phase in launches.Zip(times).Where(each => each.First.Phase is not null).GroupBy(each => each.First.Phase!))
        {
            double seconds = phase.Sum(each => each.Second.Seconds);
            yield return new PhaseProfile(phase.Key, start, seconds, null);
            start += seconds;
        }
    }

    private static (double Seconds, string? LimitedBy) Predicted(ProfiledLaunch launch, GpuModel gpu)
    {
        double seconds = LaunchPrediction.Seconds(launch, gpu, out Limit? slowest);
        return (seconds, slowest is { } limit ? Name(limit) : "launch");
    }

    /// <summary>Launches of a kernel, their time, and what limits the longest of them.</summary>
    private static IEnumerable<(ProfiledLaunch[] Launches, double Seconds, string? LimitedBy)> ByKernel(ProfiledLaunch[] launches,
        (double Seconds, string? LimitedBy)[] times) =>
        launches.Zip(times).GroupBy(each => (each.First.Phase, each.First.Kernel)).Select(kernel =>
            (kernel.Select(each => each.First).ToArray(), kernel.Sum(each => each.Second.Seconds), kernel.MaxBy(each => each.Second.Seconds).Second.LimitedBy));

    private static KernelProfile Kernel(ProfiledLaunch[] launches, double seconds, string? limitedBy, GpuModel gpu)
    {
        (Limit bound, double atLimit) = LaunchPrediction.SpeedOfLight(launches, gpu);
        string name = launches[0].Kernel;
        ProfiledLaunch largest = launches.MaxBy(launch => launch.Shape.SharedBytes)!;
        int? registers = largest.Compiled?.Registers ?? KernelRegisters.Of(name, gpu.Capability),
            resident = gpu.IsKnown ? gpu.ResidentBlocks(largest.Shape, registers) : null;
        double sectors = launches.Sum(launch => launch.Demand(Limit.L2)) / 32,
            ideal = launches.Sum(launch => launch.Counts.Global.Values.Sum(traffic => traffic.IdealSectors));
        double passes = launches.Sum(launch => launch.Demand(Limit.Shared)),
            idealPasses = launches.Sum(launch => launch.Counts.Shared.Values.Sum(traffic => traffic.IdealWavefronts));
        GpuDetails details = new(
            L2Bytes: (long)sectors * 32,
            Registers: registers,
            SpillBytes: largest.Compiled?.LocalBytes ?? 0,
            SharedBytes: largest.Shape.SharedBytes,
            ResidentBlocks: resident,
            OccupancyPercent: 100.0 * resident * ((largest.Shape.Threads + 31) / 32) / gpu.Warps,
            CoalescingPercent: sectors > 0 ? 100 * ideal / sectors : 100,
            BankConflictWays: idealPasses > 0 ? passes / idealPasses : null,
            WarpInstructions: launches.Sum(launch => launch.Counts.WarpInstructions),
            Instructions: [.. launches.SelectMany(launch => launch.Counts.ByRoot).GroupBy(root => root.Key)
                .Select(root => KeyValuePair.Create(root.Key, root.Sum(each => each.Value)))
                .OrderByDescending(root => root.Value).ThenBy(root => root.Key, StringComparer.Ordinal)]);
        return new KernelProfile(
            name, launches.Length, launches.Sum(launch => launch.Counts.Flops), (long)launches.Sum(launch => launch.Demand(Limit.Dram)), seconds,
            100 * atLimit / seconds, Name(bound), limitedBy, details)
        {
            Phase = launches[0].Phase,
        };
    }

    private static GpuPrediction Predict(ProfiledLaunch[] launches, GpuModel gpu)
    {
        (double Seconds, string? LimitedBy)[] times = [.. launches.Select(launch => Predicted(launch, gpu))];
        return new GpuPrediction(gpu.Name, times.Sum(time => time.Seconds), [.. ByKernel(launches, times).Select(kernel =>
        {
            (Limit bound, double atLimit) = LaunchPrediction.SpeedOfLight(kernel.Launches, gpu);
            return new KernelPrediction(kernel.Launches[0].Title, kernel.Seconds, 100 * atLimit / kernel.Seconds, Name(bound), kernel.LimitedBy!);
        })]);
    }

    private static string Name(Limit limit) => limit.ToString().ToLowerInvariant();
}
