using System.Diagnostics;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;

namespace MiniLM.Cli.Profile;

/// <summary>Profiles a pass on the CPU, operation by operation, on every thread.</summary>
internal static class CpuProfiler
{
    private const int FewestPasses = 5, MostPasses = 51;
    private const double WarmUp = 0.25, Timed = 1; // seconds

    private sealed record Sampled(long Start, double Seconds, OperationSpan[][] Threads);

    internal static RunProfile Run(CpuDevice device, Network network, Precision precision, ProfiledPass pass, CancellationToken cancellation)
    {
        PackedBatch batch = pass.Shape.Fill(network.Config);
        using CpuNetwork loaded = (CpuNetwork)device.Load(network, precision, cancellation);
        loaded.Logs = [.. Enumerable.Range(0, device.Threads).Select(_ => new OperationLog())];
        float[] output = new float[batch.Sequences * network.OutputSize];
        (double peak, double l2) = (Roof.GflopsPerSecond(device, precision) * 1e9, Roof.L2BytesPerSecond(device));
        Sample(loaded, batch, output, WarmUp, cancellation);
        List<Sampled> passes = Sample(loaded, batch, output, Timed, cancellation);
        (peak, l2) = (Math.Max(peak, Roof.GflopsPerSecond(device, precision) * 1e9), Math.Max(l2, Roof.L2BytesPerSecond(device)));
        Sampled median = passes.OrderBy(each => each.Seconds).ElementAt(passes.Count / 2);
        OperationSpan[] spans = [.. median.Threads.SelectMany(thread => thread)];
        return new RunProfile
        {
            Pass = pass,
            Threads = device.Threads,
            IsMeasured = true,
            Seconds = median.Seconds,
            WaitingSeconds = Mean(spans.Where(span => span.Operation == CpuOperation.Wait), device.Threads),
            Peaks = new PeakRates(null, peak, null, l2),
            Kernels = [.. spans.Where(span => span.Operation != CpuOperation.Wait).GroupBy(span => span.Operation).OrderBy(operation => operation.Key)
                // a tick at least: rates are finite
                .Select(operation => Operation(operation, Math.Max(Mean(operation, device.Threads), Seconds(1)), peak, l2))],
            Spans = [.. median.Threads.SelectMany((thread, index) => thread.Select(span =>
                new TraceSpan(span.Operation.ToString(), index, Seconds(span.Start - median.Start), Seconds(span.End - span.Start))))],
        };
    }

    private static List<Sampled> Sample(CpuNetwork network, PackedBatch batch, float[] output, double seconds, CancellationToken cancellation)
    {
        List<Sampled> passes = [];
        long begin = Stopwatch.GetTimestamp();
        while (passes.Count < MostPasses && (passes.Count < FewestPasses || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds))
        {
            foreach (OperationLog log in network.Logs!) { log.Clear(); }
            long start = Stopwatch.GetTimestamp();
            network.Forward(batch, output, cancellation);
            passes.Add(new Sampled(start, Stopwatch.GetElapsedTime(start).TotalSeconds, [.. network.Logs.Select(log => log.Spans.ToArray())]));
        }
        return passes;
    }

    private static KernelProfile Operation(IGrouping<CpuOperation, OperationSpan> spans, double seconds, double peak, double l2)
    {
        long flop = spans.Sum(span => span.Flop), bytes = spans.Sum(span => span.Bytes);
        (double byFlop, double byBytes) = (flop / peak, bytes / l2);
        return new KernelProfile(spans.Key.ToString(), spans.Count(), flop, bytes, seconds, 100 * Math.Max(byFlop, byBytes) / seconds,
            byFlop > byBytes ? "fp32" : "l2", null, null);
    }

    private static double Mean(IEnumerable<OperationSpan> spans, int threads) => Seconds(spans.Sum(span => span.End - span.Start)) / threads;

    /// <summary>Of ticks of the stopwatch, which are finer than a TimeSpan's.</summary>
    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
