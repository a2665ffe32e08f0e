using System.Globalization;
using System.Text;
using MiniLM.Cli.Commands;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Report;

namespace MiniLM.Cli.GpuReports;

/// <summary>A report for people, what is red first.</summary>
internal static class GpuReportMarkdown
{
    private const string Nothing = "-";
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    internal static void Write(Stream stream, GpuReport report)
    {
        using StreamWriter text = new(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        text.WriteLine($"# {report.Gpu.Name}: {(report.IsGreen ? "all green" : "something is red")}");
        text.WriteLine();
        WriteDevice(text, report);
        WriteRed(text, report);
        WriteKernels(text, report);
        WriteChecks(text, report);
        WriteBenchmarks(text, report);
    }

    private static void WriteDevice(TextWriter text, GpuReport report)
    {
        GpuProperties gpu = report.Gpu;
        TextTable table = new("what", "value");
        table.Add("device", report.Device);
        table.Add("compute capability", (gpu.Capability / 10.0).ToString("f1", Culture));
        table.Add("driver", $"CUDA {Cuda(gpu)}");
        table.Add("multiprocessors", gpu.Multiprocessors.ToString(Culture));
        table.Add("memory", (gpu.TotalBytes >> 20).ToString("n0", Culture) + " MB");
        table.Add("shared memory of a block", gpu.SharedBytesPerBlock.ToString("n0", Culture) + " B");
        table.Add("clock", gpu.HasClock ? (gpu.Hertz / 1e6).ToString("n0", Culture) + " MHz" : "none");
        table.Add("memory's bandwidth", gpu.HasClock ? (gpu.MemoryBytesPerSecond / 1e9).ToString("n0", Culture) + " GB/s" : Nothing);
        foreach ((string name, string? value) in report.Environment) { table.Add(name, value ?? "(not set)"); }
        table.Add("minilm", $"{report.Version}, {report.Platform}");
        table.WriteMarkdown(text);
    }

    private static void WriteRed(TextWriter text, GpuReport report)
    {
        string[] red =
        [
            .. report.Kernels.Where(load => !load.IsGreen).Select(load => $"`{load.Kernel}`: {load.Problem}"),
            .. report.Checks.Where(check => !check.IsGreen).Select(check =>
                $"{check.Name} ({DeviceChecks.Named(check.Precision)}): {check.Problem ?? $"error {Number(check.Error)}, {Number(check.Bound)} is allowed"}"),
            .. report.Benchmarks.Where(benchmark => !benchmark.IsGreen).Select(benchmark =>
                $"{Name(benchmark)} ({DeviceChecks.Named(benchmark.Precision)}): {benchmark.Problem}"),
        ];
        if (red.Length == 0) { return; }
        Heading(text, "Red");
        foreach (string line in red) { text.WriteLine("- " + line); }
    }

    private static void WriteKernels(TextWriter text, GpuReport report)
    {
        Heading(text, "Kernels");
        text.WriteLine($"{report.Kernels.Count} kernels, {report.Kernels.Count(load => !load.IsGreen)} refused.");
        if (report.Gpu.HasClock)
        {
            text.WriteLine($"All first loads took {Milliseconds(report.Kernels.Sum(load => load.FirstSeconds))} ms, all second ones "
                + $"{Milliseconds(report.Kernels.Sum(load => load.SecondSeconds))} ms: what the driver's own cache saves, "
                + "if the first were not from there already (`CUDA_CACHE_DISABLE=1` turns it off).");
        }
        string[] spilled = [.. report.Kernels.Where(load => load.LocalBytes > 0).Select(load => $"`{load.Kernel}` ({load.LocalBytes} B)")];
        text.WriteLine();
        text.WriteLine(spilled.Length > 0 ? $"**Local memory is used by {string.Join(", ", spilled)}.**" : "No kernel uses local memory.");
        text.WriteLine();
        TextTable table = new("kernel", ">first, ms", ">second, ms", ">registers", ">of ptxas", ">local B", "");
        foreach (KernelLoad load in report.Kernels)
        {
            table.Add(load.Kernel, Milliseconds(load.FirstSeconds), Milliseconds(load.SecondSeconds), Count(load.Registers), Count(load.PtxasRegisters),
                Count(load.LocalBytes), load.IsGreen ? "" : "refused");
        }
        table.WriteMarkdown(text);
    }

    private static void WriteChecks(TextWriter text, GpuReport report)
    {
        Heading(text, "Checks");
        text.WriteLine("The device against the emulator of the same process. Bounds are those of the tests.");
        text.WriteLine();
        TextTable table = new("check", "precision", ">largest error", ">bound", "equal bits", "");
        foreach (DeviceCheck check in report.Checks)
        {
            table.Add(check.Name, DeviceChecks.Named(check.Precision), Number(check.Error), Number(check.Bound),
                check.HasEqualBits switch { true => "yes", false => "no", _ => Nothing }, check.IsGreen ? "green" : "**red**");
        }
        table.WriteMarkdown(text);
        text.WriteLine();
        text.WriteLine(report.Unchecked.Count == 0 ? "Every kernel is launched by a check."
            : $"Launched by no check: {string.Join(", ", report.Unchecked.Select(kernel => $"`{kernel}`"))}.");
    }

    private static void WriteBenchmarks(TextWriter text, GpuReport report)
    {
        Heading(text, "Times");
        text.WriteLine($"A network of {DeviceBenchmark.Layers} layers, hidden size {DeviceBenchmark.Hidden}, of random weights; "
            + "a pass with its transfers between two events"
            + $"{(report.Gpu.HasClock ? "" : ": **nothing is measured, the emulator has no clock**")}. "
            + "Predictions are by the model of docs/gpu.md"
            + (report.Benchmarks.All(benchmark => benchmark.Predictions.Length == 0) ? ", which does not know this GPU: there are none." : "."));
        text.WriteLine();
        TextTable table = new("", "precision", "shape", ">median, us", ">fastest", ">slowest", "GPU", ">predicted, us", ">roof, us", ">of roof", "bound");
        foreach (DeviceBenchmark benchmark in report.Benchmarks)
        {
            string[] measured =
            [
                Name(benchmark), DeviceChecks.Named(benchmark.Precision), $"{benchmark.Sequences}x{benchmark.Length}", Micro(benchmark.Median),
                Micro(benchmark.Seconds.Length > 0 ? benchmark.Seconds[0] : null), Micro(benchmark.Seconds.Length > 0 ? benchmark.Seconds[^1] : null),
            ];
            foreach (GpuTime time in benchmark.Predictions)
            {
                double percent = 100 * time.RoofSeconds / (benchmark.Median ?? time.Seconds);
                table.Add([.. measured, time.Gpu, Micro(time.Seconds), Micro(time.RoofSeconds), percent.ToString("f0", Culture) + " %", Name(time)]);
            }
            if (benchmark.Predictions.Length == 0) { table.Add([.. measured, Nothing, Nothing, Nothing, Nothing, Nothing]); }
        }
        table.WriteMarkdown(text);
    }

    private static void Heading(TextWriter text, string title)
    {
        text.WriteLine();
        text.WriteLine($"## {title}");
        text.WriteLine();
    }

    internal static string Name(DeviceBenchmark benchmark) => benchmark.IsTraining ? "training step" : "forward pass";

    internal static string Name(GpuTime time) => time.Bound.ToString().ToLowerInvariant();

    internal static string Cuda(GpuProperties gpu) => $"{gpu.DriverVersion / 1000}.{gpu.DriverVersion % 1000 / 10}";

    private static string Number(double? value) => value?.ToString("g3", Culture) ?? Nothing;

    private static string Count(int? value) => value?.ToString(Culture) ?? Nothing;

    private static string Milliseconds(double? seconds) => (1e3 * seconds)?.ToString("f1", Culture) ?? Nothing;

    private static string Micro(double? seconds) => (1e6 * seconds)?.ToString("f1", Culture) ?? Nothing;
}
