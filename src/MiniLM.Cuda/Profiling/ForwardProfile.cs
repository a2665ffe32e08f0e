using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Cuda.Profiling;

/// <summary>The launches of a forward pass: counted by the emulator, timed where the GPU has a clock.</summary>
internal static class ForwardProfile
{
    private const int WarmUps = 5, Passes = 21;
    private const double EventResolution = 0.5e-6; // cuEventElapsedTime: a shorter launch may measure 0

    /// <param name="device">Whose capability decides which kernels run.</param>
    /// <param name="network">The model.</param>
    /// <param name="precision">Storage.</param>
    /// <param name="batch">What is run.</param>
    /// <param name="cancellation">Looked at between blocks of the emulator and passes of the GPU.</param>
    internal static ProfiledLaunch[] Run(CudaDevice device, Network network, Precision precision, PackedBatch batch, CancellationToken cancellation)
    {
        ProfiledLaunch[] launches = Count(device, network, precision, batch, cancellation);
        return device.Gpu.Properties.HasClock ? Time(device, network, precision, batch, launches, cancellation) : launches;
    }

    private static ProfiledLaunch[] Count(CudaDevice device, Network network, Precision precision, PackedBatch batch, CancellationToken cancellation)
    {
        int capability = device.Gpu.Properties.Capability;
        if (!device.HasTensorCores) { capability = Math.Min(capability, 75); } // an old driver: tier G runs, whatever the GPU is
        EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = capability, IsCounted = true });
        using CudaDevice counting = new(gpu, device.Name, device.Gpu.Properties.HasClock ? null : device.Notify); // else the device itself says it, in Time
        using DeviceNetwork loaded = counting.Load(network, precision, cancellation);
        List<ProfiledLaunch> launches = [];
        gpu.LaunchCounted = (kernel, shape, counts) => launches.Add(new ProfiledLaunch(kernel, shape, counts));
        loaded.Forward(batch, new float[batch.Sequences * network.OutputSize], cancellation);
        return [.. launches];
    }

    /// <summary>The pass of median time, with marks around every launch.</summary>
    private static ProfiledLaunch[] Time(CudaDevice device, Network network, Precision precision, PackedBatch batch, ProfiledLaunch[] launches,
        CancellationToken cancellation)
    {
        using DeviceNetwork loaded = device.Load(network, precision, cancellation);
        float[] output = new float[batch.Sequences * network.OutputSize];
        for (int pass = 0; pass < WarmUps; pass++) { loaded.Forward(batch, output, cancellation); }
        List<(GpuKernel Kernel, nint Start, nint End)> marks = [];
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
        return [.. launches.Select((launch, i) => launch with { Seconds = Math.Max(median[i], EventResolution), Compiled = marks[i].Kernel.Compiled })];
    }
}
