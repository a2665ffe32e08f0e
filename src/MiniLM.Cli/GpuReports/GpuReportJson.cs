using System.Text.Json;
using MiniLM.Cuda.Report;
using MiniLM.Data;

namespace MiniLM.Cli.GpuReports;

/// <summary>A report for programs.</summary>
internal static class GpuReportJson
{
    internal static void Write(Stream stream, GpuReport report)
    {
        using Utf8JsonWriter json = new(stream, IndentedJson.Options);
        json.WriteStartObject();
        json.WriteNumber("schema", 1);
        json.WriteString("minilm", report.Version);
        json.WriteString("platform", report.Platform);
        json.WriteBoolean("green", report.IsGreen);
        WriteDevice(json, report);
        WriteAll(json, "kernels", report.Kernels, load =>
        {
            json.WriteString("kernel", load.Kernel);
            json.WriteBoolean("green", load.IsGreen);
            WriteNumber(json, "first_load_ms", 1e3 * load.FirstSeconds);
            WriteNumber(json, "second_load_ms", 1e3 * load.SecondSeconds);
            WriteNumber(json, "registers", load.Registers);
            WriteNumber(json, "ptxas_registers", load.PtxasRegisters);
            WriteNumber(json, "local_bytes", load.LocalBytes);
            json.WriteString("problem", load.Problem);
        });
        WriteAll(json, "checks", report.Checks, check =>
        {
            json.WriteString("check", check.Name);
            json.WriteString("precision", DeviceChecks.Named(check.Precision));
            json.WriteBoolean("green", check.IsGreen);
            WriteNumber(json, "error", check.Error);
            json.WriteNumber("bound", check.Bound);
            if (check.HasEqualBits is { } equal) { json.WriteBoolean("equal_bits", equal); } else { json.WriteNull("equal_bits"); }
            json.WriteString("problem", check.Problem);
        });
        json.WriteStartArray("unchecked_kernels");
        foreach (string kernel in report.Unchecked) { json.WriteStringValue(kernel); }
        json.WriteEndArray();
        WriteAll(json, "benchmarks", report.Benchmarks, benchmark => WriteBenchmark(json, benchmark));
        json.WriteEndObject();
    }

    private static void WriteDevice(Utf8JsonWriter json, GpuReport report)
    {
        json.WriteStartObject("device");
        json.WriteString("device", report.Device);
        json.WriteString("name", report.Gpu.Name);
        json.WriteNumber("compute_capability", report.Gpu.Capability / 10.0);
        json.WriteString("cuda", GpuReportMarkdown.Cuda(report.Gpu));
        json.WriteNumber("multiprocessors", report.Gpu.Multiprocessors);
        json.WriteNumber("memory_bytes", report.Gpu.TotalBytes);
        json.WriteNumber("shared_bytes_per_block", report.Gpu.SharedBytesPerBlock);
        WriteNumber(json, "clock_mhz", report.Gpu.HasClock ? report.Gpu.Hertz / 1e6 : null);
        WriteNumber(json, "memory_gb_per_s", report.Gpu.HasClock ? report.Gpu.MemoryBytesPerSecond / 1e9 : null);
        json.WriteStartObject("environment");
        foreach ((string name, string? value) in report.Environment) { json.WriteString(name, value); }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteBenchmark(Utf8JsonWriter json, DeviceBenchmark benchmark)
    {
        json.WriteString("benchmark", GpuReportMarkdown.Name(benchmark));
        json.WriteString("precision", DeviceChecks.Named(benchmark.Precision));
        json.WriteNumber("batch", benchmark.Sequences);
        json.WriteNumber("seq", benchmark.Length);
        json.WriteBoolean("green", benchmark.IsGreen);
        json.WriteNumber("passes", benchmark.Seconds.Length);
        WriteNumber(json, "median_us", 1e6 * benchmark.Median);
        WriteNumber(json, "fastest_us", benchmark.Seconds.Length > 0 ? 1e6 * benchmark.Seconds[0] : null);
        WriteNumber(json, "slowest_us", benchmark.Seconds.Length > 0 ? 1e6 * benchmark.Seconds[^1] : null);
        WriteAll(json, "predictions", benchmark.Predictions, time =>
        {
            json.WriteString("gpu", time.Gpu);
            json.WriteNumber("predicted_us", 1e6 * time.Seconds);
            json.WriteNumber("roof_us", 1e6 * time.RoofSeconds);
            json.WriteString("bound", GpuReportMarkdown.Name(time));
        });
        json.WriteString("problem", benchmark.Problem);
    }

    private static void WriteAll<T>(Utf8JsonWriter json, string name, IEnumerable<T> values, Action<T> members)
    {
        json.WriteStartArray(name);
        foreach (T value in values)
        {
            json.WriteStartObject();
            members(value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } known) { json.WriteNumber(name, known); } else { json.WriteNull(name); }
    }
}
