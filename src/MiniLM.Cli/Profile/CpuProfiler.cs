using System.Diagnostics;
using MiniLM.Batching;
using MiniLM.Cli.Commands;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Cpu.Training;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cli.Profile;

/// <summary>Profiles a pass or a training step on the CPU, operation by operation, on every thread.</summary>
internal static class CpuProfiler
{
    private const int FewestPasses = 5, MostPasses = 51;
    private const double WarmUp = 0.25, Timed = 1; // seconds

    /// <param name="Marks">Ticks of the stopwatch: the start, and the end of each phase.</param>
    /// <param name="Threads">What each thread did.</param>
    private sealed record Sampled(long[] Marks, OperationSpan[][] Threads)
    {
        internal long Ticks => Marks[^1] - Marks[0];
    }

    internal static RunProfile Run(CpuDevice device, Network network, Precision precision, ProfiledPass pass, CancellationToken cancellation)
    {
        PackedBatch batch = pass.Shape.Fill(network.Config);
        float[] output = new float[batch.Sequences * network.OutputSize];
        OperationLog[] logs = [.. Enumerable.Range(0, device.Threads).Select(_ => new OperationLog(device.KernelsOf(precision).Products))];
        if (!pass.IsTraining)
        {
            using CpuNetwork loaded = (CpuNetwork)device.Load(network, precision, cancellation);
            loaded.Logs = logs;
            return Run(device, precision, pass, logs, mark =>
            {
                loaded.Forward(batch, output, cancellation);
                mark();
            });
        }
        using CpuTrainingNetwork trained = (CpuTrainingNetwork)device.LoadForTraining(network, precision, new TrainingOptions(), cancellation);
        trained.Logs = logs;
        MeasuredStep step = new(trained);
        RunProfile profile = Run(device, precision, pass, logs, mark =>
        {
            step.Forward(batch, output, cancellation);
            mark();
            step.Backward(cancellation);
            mark();
            step.Update();
            mark();
        });
        return profile with { Memory = trained.Memory };
    }

    /// <param name="device">Whose roof it is.</param>
    /// <param name="precision">Of products.</param>
    /// <param name="pass">What is run.</param>
    /// <param name="logs">Of its threads.</param>
    /// <param name="run">Runs it; calls what it is given at the end of each phase.</param>
    private static RunProfile Run(CpuDevice device, Precision precision, ProfiledPass pass, OperationLog[] logs, Action<Action> run)
    {
        PeakRates before = Peaks(device, precision);
        Sample(run, logs, WarmUp);
        List<Sampled> passes = Sample(run, logs, Timed);
        PeakRates peaks = before.Or(Peaks(device, precision));
        Sampled median = passes.OrderBy(each => each.Ticks).ElementAt(passes.Count / 2);
        OperationSpan[] spans = [.. median.Threads.SelectMany(thread => thread)];
        long start = median.Marks[0];
        return new RunProfile
        {
            Pass = pass,
            Threads = device.Threads,
            IsMeasured = true,
            Seconds = Seconds(median.Ticks),
            WaitingSeconds = Waiting(spans, device.Threads),
            Phases = !pass.IsTraining ? [] : [.. Enum.GetValues<CpuPhase>().Select((phase, index) => new PhaseProfile(
                Name(phase), Seconds(median.Marks[index] - start), Seconds(median.Marks[index + 1] - median.Marks[index]),
                Waiting(spans.Where(span => span.Phase == phase), device.Threads)))],
            Peaks = peaks,
            Kernels = [.. spans.Where(span => span.Operation != CpuOperation.Wait)
                .GroupBy(span => (span.Phase, span.Operation, span.Derivative)).OrderBy(operation => operation.Key)
                // a tick at least: rates are finite
                .Select(operation => Operation([.. operation], Math.Max(Mean(operation, device.Threads), Seconds(1)), peaks, pass.IsTraining))],
            Spans = [.. median.Threads.SelectMany((thread, index) => thread.Select(span =>
                new TraceSpan(span.Name, index, Seconds(span.Start - start), Seconds(span.End - span.Start))))],
        };
    }

    private static PeakRates Peaks(CpuDevice device, Precision precision) => new(
        null, Roof.GflopsPerSecond(device, Precision.Float32) * 1e9, null, Roof.L2BytesPerSecond(device),
        device.KernelsOf(precision).Products.Group > 1 ? Roof.GflopsPerSecond(device, precision) * 1e9 : null);

    private static List<Sampled> Sample(Action<Action> run, OperationLog[] logs, double seconds)
    {
        List<Sampled> passes = [];
        long begin = Stopwatch.GetTimestamp();
        while (passes.Count < MostPasses && (passes.Count < FewestPasses || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds))
        {
            foreach (OperationLog log in logs) { log.Clear(); }
            List<long> marks = [Stopwatch.GetTimestamp()];
            run(() => marks.Add(Stopwatch.GetTimestamp()));
            passes.Add(new Sampled([.. marks], [.. logs.Select(log => log.Spans.ToArray())]));
        }
        return passes;
    }

    private static KernelProfile Operation(OperationSpan[] spans, double seconds, PeakRates peaks, bool isTraining)
    {
        long flop = spans.Sum(span => span.Flop), bytes = spans.Sum(span => span.Bytes);
        (double peak, string name) = spans[0].IsProduct && peaks.BFloat16 is { } narrow ? (narrow, "bf16") : (peaks.Fp32, "fp32");
        (double byFlop, double byBytes) = (flop / peak, bytes / peaks.L2);
        double percent = 100 * Math.Max(byFlop, byBytes) / seconds;
        return new KernelProfile(spans[0].Name, spans.Length, flop, bytes, seconds, percent, byFlop > byBytes ? name : "l2", null, null)
        {
            Phase = isTraining ? Name(spans[0].Phase) : null,
        };
    }

    private static string Name(CpuPhase phase) => phase.ToString().ToLowerInvariant();

    private static double Waiting(IEnumerable<OperationSpan> spans, int threads) => Mean(spans.Where(span => span.Operation == CpuOperation.Wait), threads);

    private static double Mean(IEnumerable<OperationSpan> spans, int threads) => Seconds(spans.Sum(span => span.End - span.Start)) / threads;

    /// <summary>Of ticks of the stopwatch, which are finer than a TimeSpan's.</summary>
    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
