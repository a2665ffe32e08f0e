using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Cuda.Profiling;

/// <summary>Part of what is profiled.</summary>
/// <param name="Phase">Of a training step; null: a forward pass.</param>
/// <param name="Run">Does it.</param>
internal readonly record struct ProfiledPart(string? Phase, Action Run);

/// <summary>A pass, or a training step: its launches as the emulator counts them, timed where the GPU has a clock.</summary>
/// <param name="Launches">In their order.</param>
/// <param name="PassSeconds">Of a pass without marks between its launches, uploads and downloads included; null where nothing could be measured.</param>
internal sealed record PassProfile(ProfiledLaunch[] Launches, double? PassSeconds)
{
    private const int WarmUps = 5, Passes = 21;
    private const double EventResolution = 0.5e-6; // cuEventElapsedTime: a shorter launch may measure 0

    /// <summary>Of a forward pass.</summary>
    /// <param name="device">Whose capability decides which kernels run.</param>
    /// <param name="network">The model.</param>
    /// <param name="precision">Storage.</param>
    /// <param name="batch">What is run.</param>
    /// <param name="cancellation">Looked at between blocks of the emulator and passes of the GPU.</param>
    internal static PassProfile Forward(CudaDevice device, Network network, Precision precision, PackedBatch batch, CancellationToken cancellation)
    {
        float[] output = new float[batch.Sequences * network.OutputSize];
        return Run(device, on =>
        {
            DeviceNetwork loaded = on.Load(network, precision, cancellation);
            return (loaded, [new ProfiledPart(null, () => loaded.Forward(batch, output, cancellation))]);
        });
    }

    /// <param name="device">Whose capability decides which kernels run.</param>
    /// <param name="load">Prepares a network on a device, and says what is run of it.</param>
    internal static PassProfile Run(CudaDevice device, Func<CudaDevice, (IDisposable Loaded, ProfiledPart[] Parts)> load)
    {
        // Loaded first: that is where a driver refuses kernels, and others run.
        (IDisposable? loaded, ProfiledPart[] parts) = device.Gpu.Properties.HasClock ? load(device) : (null, []);
        using (loaded)
        {
            ProfiledLaunch[] launches;
            using (CudaDevice counting = device.AsEmulated(isCounted: true, loaded is null ? device.Notify : null)) // else the device itself has said it
            {
                (IDisposable counted, ProfiledPart[] work) = load(counting);
                using (counted)
                {
                    launches = [.. work.SelectMany(part => Count(counting, part.Run).Select(launch => launch with { Phase = part.Phase }))];
                }
            }
            return loaded is null ? new PassProfile(launches, null) : Time(device, parts, launches);
        }
    }

    /// <summary>What an emulated device launches.</summary>
    /// <param name="counting">Of <see cref="CudaDevice.AsEmulated"/>, counted.</param>
    /// <param name="work">Done on it.</param>
    internal static ProfiledLaunch[] Count(CudaDevice counting, Action work)
    {
        List<ProfiledLaunch> launches = [];
        EmulatedGpu gpu = (EmulatedGpu)counting.Gpu;
        gpu.LaunchCounted = (kernel, shape, counts) => launches.Add(new ProfiledLaunch(kernel, shape, counts));
        work();
        gpu.LaunchCounted = null;
        return [.. launches];
    }

    /// <summary>The pass of median time, with marks around every launch; beside it passes as they are without.</summary>
    private static PassProfile Time(CudaDevice device, ProfiledPart[] parts, ProfiledLaunch[] launches)
    {
        void Pass() => Array.ForEach(parts, part => part.Run());
        double plain = Median(Plain(device.Gpu, Pass));
        List<(GpuKernel Kernel, nint Start, nint End)> marks = [];
        device.Gpu.MakeEvents(2 * launches.Length);
        device.Launcher.Launched = (kernel, _, start, end) => marks.Add((kernel, start, end));
        List<double[]> passes = [];
        try
        {
            for (int pass = 0; pass < Passes; pass++)
            {
                marks.Clear();
                Pass();
                passes.Add([.. marks.Select(mark => device.Gpu.Elapsed(mark.Start, mark.End))]);
            }
        }
        finally { device.Launcher.Launched = null; }
        if (!marks.Select(mark => mark.Kernel.Name).SequenceEqual(launches.Select(launch => launch.Kernel)))
        {
            throw new GpuException(
                $"{device.Gpu.Properties.Name} ran other launches than were counted: the batch did not fit its memory at once. Give a smaller --shapes.");
        }
        double[] median = passes.OrderBy(seconds => seconds.Sum()).ElementAt(Passes / 2);
        return new PassProfile(
            [.. launches.Select((launch, i) => launch with { Seconds = Math.Max(median[i], EventResolution), Compiled = marks[i].Kernel.Compiled })], plain);
    }

    /// <summary>Seconds of each of several passes, between two marks.</summary>
    internal static double[] Plain(Gpu gpu, Action pass)
    {
        double[] seconds = new double[Passes];
        for (int i = 0; i < WarmUps; i++) { pass(); }
        for (int i = 0; i < Passes; i++)
        {
            nint start = gpu.RecordEvent();
            pass();
            seconds[i] = gpu.Elapsed(start, gpu.RecordEvent());
        }
        return seconds;
    }

    internal static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
