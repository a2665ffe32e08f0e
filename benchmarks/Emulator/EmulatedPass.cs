using System.Diagnostics;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Benchmarks.Emulator;

/// <summary>A forward pass that is run again and again on an emulated GPU.</summary>
internal sealed class EmulatedPass : IDisposable
{
    // After this the just-in-time compiler has replaced its first, slow code.
    private const double WarmUpSeconds = 1;
    private const int FewestPasses = 2;

    private readonly TimedGpu _gpu;
    private readonly CudaDevice _device;
    private readonly DeviceNetwork _network;
    private readonly PackedBatch _batch;

    /// <param name="network">Weights.</param>
    /// <param name="precision">Of the storage; it decides which kernels run.</param>
    /// <param name="batch">What is embedded.</param>
    /// <param name="options">Threads and checks.</param>
    internal EmulatedPass(Network network, Precision precision, PackedBatch batch, EmulatedGpuOptions options)
    {
        EmulatedGpu emulated = new(options);
        _gpu = new TimedGpu(emulated);
        _device = new CudaDevice(_gpu, "emulated");
        _network = _device.Load(network, precision);
        _batch = batch;
        Embeddings = new float[batch.Sequences * network.OutputSize];
        Dictionary<string, long> instructions = [];
        emulated.LaunchCounted = (kernel, _, counts) => instructions[kernel] = instructions.GetValueOrDefault(kernel) + counts.ThreadInstructions;
        _network.Forward(batch, Embeddings);
        InstructionsOfAPass = new(instructions);
    }

    /// <summary>Of the first pass.</summary>
    internal float[] Embeddings { get; }

    /// <summary>By kernel; empty without counting.</summary>
    internal Dictionary<string, long> InstructionsOfAPass { get; }

    /// <summary>Seconds of a pass in each kernel, of each kernel's fastest pass in <paramref name="seconds"/>:
    /// other programs only make passes slower.</summary>
    internal Dictionary<string, double> Time(double seconds)
    {
        Run(WarmUpSeconds, 1);
        Dictionary<string, double> fastest = [];
        Run(seconds, FewestPasses, () =>
        {
            foreach ((string kernel, double elapsed) in _gpu.Seconds)
            {
                fastest[kernel] = Math.Min(elapsed, fastest.GetValueOrDefault(kernel, double.PositiveInfinity));
            }
        });
        return fastest;
    }

    private void Run(double seconds, int fewest, Action? passed = null)
    {
        float[] embeddings = new float[Embeddings.Length];
        long start = Stopwatch.GetTimestamp();
        for (int pass = 0; pass < fewest || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; pass++)
        {
            _gpu.Restart();
            _network.Forward(_batch, embeddings);
            passed?.Invoke();
        }
    }

    public void Dispose()
    {
        _network.Dispose();
        _device.Dispose();
    }
}
