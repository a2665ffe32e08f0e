using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Cuda.Profiling;

/// <summary>A forward pass: its launches as the emulator counts them, timed where the GPU has a clock.</summary>
/// <param name="Launches">In their order.</param>
/// <param name="PassSeconds">Of a pass without marks between its launches, uploads and downloads included; null where nothing could be measured.</param>
internal sealed record ForwardProfile(ProfiledLaunch[] Launches, double? PassSeconds)
{
    private const int WarmUps = 5, Passes = 21;
    private const double EventResolution = 0.5e-6; // cuEventElapsedTime: a shorter launch may measure 0

    /// <param name="device">Whose capability decides which kernels run.</param>
    /// <param name="network">The model.</param>
    /// <param name="precision">Storage.</param>
    /// <param name="batch">What is run.</param>
    /// <param name="cancellation">Looked at between blocks of the emulator and passes of the GPU.</param>
    internal static ForwardProfile Run(CudaDevice device, Network network, Precision precision, PackedBatch batch, CancellationToken cancellation)
    {
        // Loaded first: that is where a driver refuses kernels, and others run.
        using DeviceNetwork? loaded = device.Gpu.Properties.HasClock ? device.Load(network, precision, cancellation) : null;
        ProfiledLaunch[] launches;
        using (CudaDevice counting = device.AsEmulated(isCounted: true, loaded is null ? device.Notify : null)) // else the device itself has said it
        using (DeviceNetwork counted = counting.Load(network, precision, cancellation))
        {
            launches = Count(counting, () => counted.Forward(batch, new float[batch.Sequences * network.OutputSize], cancellation));
        }
        return loaded is null ? new ForwardProfile(launches, null) : Time(device, network, loaded, batch, launches, cancellation);
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
    private static ForwardProfile Time(CudaDevice device, Network network, DeviceNetwork loaded, PackedBatch batch, ProfiledLaunch[] launches,
        CancellationToken cancellation)
    {
        float[] output = new float[batch.Sequences * network.OutputSize];
        double plain = Median(Plain(device.Gpu, () => loaded.Forward(batch, output, cancellation)));
        List<(GpuKernel Kernel, nint Start, nint End)> marks = [];
        device.Gpu.MakeEvents(2 * launches.Length);
        device.Launcher.Launched = (kernel, _, start, end) => marks.Add((kernel, start, end));
        List<double[]> passes = [];
        try
        {
            for (int pass = 0; pass < Passes; pass++)
            {
                marks.Clear();
                loaded.Forward(batch, output, cancellation);
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
        return new ForwardProfile(
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
