using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using MiniLM.Cli.GpuReports;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Profiling;
using MiniLM.Cuda.Report;

namespace MiniLM.Cli.Tests;

/// <summary>The two files of a report, and what the command refuses; MiniLM.Cuda.Tests runs the report.</summary>
public sealed class GpuReportCommandTests : CommandTests
{
    private static readonly GpuReport Report = new()
    {
        Device = "cuda:1",
        Gpu = new GpuProperties("Fake GPU", 89, 12040, 58, 24L << 30, 99 << 10, 2.04e9, 300e9),
        Kernels =
        [
            new("GemmMmaF16", 0.25, 0.0015, 208, 208, 0, null), new("LayerNormF16", 0.125, 0.0005, 40, null, 16, null),
            new("PoolingF16", null, null, null, 17, null, "cuModuleLoadDataEx (PoolingF16: line 3 | bad): CUDA_ERROR_INVALID_PTX (218)"),
        ],
        Checks =
        [
            new("forward: a network", Precision.Float16, 0.0012345, 6e-3, false), new("similarity", Precision.Float32, 0, 0, true),
            new("training: a network", Precision.Float32, null, 5e-6, null, "a result is not finite"), new("wrong", Precision.BFloat16, .5, 4e-2, false),
        ],
        Unchecked = ["PoolingF16"],
        Benchmarks =
        [
            new(false, Precision.Float16, 32, 128, [1e-3, 2e-3, 4e-3], [new("Fake GPU", 1.5e-3, 0.5e-3, Limit.Dram)], null),
            new(true, Precision.Float16, 32, 90, [], [], "out of memory"),
        ],
    };

    private static string Written(Action<Stream> write)
    {
        using MemoryStream stream = new();
        write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    [Fact]
    public void TheJson_HasEveryFigure()
    {
        using JsonDocument document = JsonDocument.Parse(Written(stream => GpuReportJson.Write(stream, Report)));
        JsonElement root = document.RootElement, device = root.GetProperty("device");
        Assert.Equal((1, false, "cuda:1", "Fake GPU", 8.9, "12.4", 58, 2040.0, 300.0), (root.GetProperty("schema").GetInt32(),
            root.GetProperty("green").GetBoolean(), device.GetProperty("device").GetString(), device.GetProperty("name").GetString(),
            device.GetProperty("compute_capability").GetDouble(), device.GetProperty("cuda").GetString(), device.GetProperty("multiprocessors").GetInt32(),
            device.GetProperty("clock_mhz").GetDouble(), device.GetProperty("memory_gb_per_s").GetDouble()));
        Assert.Equal(["CUDA_CACHE_DISABLE", "CUDA_CACHE_MAXSIZE", "CUDA_CACHE_PATH", "CUDA_FORCE_PTX_JIT", "CUDA_DISABLE_PTX_JIT", "CUDA_MODULE_LOADING"],
            device.GetProperty("environment").EnumerateObject().Select(variable => variable.Name));
        Assert.Equal("""
            {"kernel":"GemmMmaF16","green":true,"first_load_ms":250,"second_load_ms":1.5,"registers":208,"ptxas_registers":208,"local_bytes":0,"problem":null}
            """, Line(root.GetProperty("kernels")[0]));
        Assert.Equal("""
            {"kernel":"PoolingF16","green":false,"first_load_ms":null,"second_load_ms":null,"registers":null,"ptxas_registers":17,"local_bytes":null,
            "problem":"cuModuleLoadDataEx (PoolingF16: line 3 | bad): CUDA_ERROR_INVALID_PTX (218)"}
            """.ReplaceLineEndings(""), Line(root.GetProperty("kernels")[2]));
        Assert.Equal("""{"check":"forward: a network","precision":"float16","green":true,"error":0.0012345,"bound":0.006,"equal_bits":false,"problem":null}""",
            Line(root.GetProperty("checks")[0]));
        Assert.Equal([true, true, false, false], root.GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("green").GetBoolean()));
        Assert.Equal(JsonValueKind.Null, root.GetProperty("checks")[2].GetProperty("error").ValueKind);
        Assert.Equal("""["PoolingF16"]""", Line(root.GetProperty("unchecked_kernels")));
        Assert.Equal("""
            {"benchmark":"forward pass","precision":"float16","batch":32,"seq":128,"green":true,"passes":3,"median_us":2000,"fastest_us":1000,
            "slowest_us":4000,"predictions":[{"gpu":"Fake GPU","predicted_us":1500,"roof_us":500,"bound":"dram"}],"problem":null}
            """.ReplaceLineEndings(""), Line(root.GetProperty("benchmarks")[0]));
        Assert.Equal("out of memory", root.GetProperty("benchmarks")[1].GetProperty("problem").GetString());
    }

    private static string Line(JsonElement element) => JsonSerializer.Serialize(element, new JsonSerializerOptions
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    [Fact]
    public void TheText_SaysWhatIsRedFirst()
    {
        string[] lines = Written(stream => GpuReportMarkdown.Write(stream, Report)).Split('\n');
        Assert.Equal("# Fake GPU: something is red", lines[0]);
        Assert.Equal(
        [
            "- `PoolingF16`: cuModuleLoadDataEx (PoolingF16: line 3 | bad): CUDA_ERROR_INVALID_PTX (218)",
            "- training: a network (float32): a result is not finite",
            "- wrong (bfloat16): error 0.5, 0.04 is allowed", "- training step (float16): out of memory",
        ], lines.Where(line => line.StartsWith("- ", StringComparison.Ordinal)));
        Assert.Contains("3 kernels, 1 refused.", lines);
        Assert.Contains(lines, line => line.StartsWith("All first loads took 375.0 ms, all second ones 2.0 ms:", StringComparison.Ordinal));
        Assert.Contains("**Local memory is used by `LayerNormF16` (16 B).**", lines);
        Assert.Contains("| GemmMmaF16 | 250.0 | 1.5 | 208 | 208 | 0 |  |", lines);
        Assert.Contains("| PoolingF16 | - | - | - | 17 | - | refused |", lines);
        Assert.Contains("| forward: a network | float16 | 0.00123 | 0.006 | no | green |", lines);
        Assert.Contains("| training: a network | float32 | - | 5e-06 | - | **red** |", lines);
        Assert.Contains("Launched by no check: `PoolingF16`.", lines);
        Assert.Contains("| forward pass | float16 | 32x128 | 2000.0 | 1000.0 | 4000.0 | Fake GPU | 1500.0 | 500.0 | 25 % | dram |", lines); // of the median
        Assert.Contains("| training step | float16 | 32x90 | - | - | - | - | - | - | - | - |", lines);
    }

    [Fact]
    public void AReportThatIsGreen_SaysSo_AndThatNothingIsPredicted()
    {
        GpuReport green = Report with
        {
            Kernels = [Report.Kernels[0]],
            Checks = [Report.Checks[0]],
            Unchecked = [],
            Benchmarks = [Report.Benchmarks[0] with { Predictions = [] }],
        };
        Assert.True(green.IsGreen);
        string text = Written(stream => GpuReportMarkdown.Write(stream, green));
        Assert.StartsWith("# Fake GPU: all green\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("## Red", text, StringComparison.Ordinal);
        Assert.Contains("No kernel uses local memory.", text, StringComparison.Ordinal);
        Assert.Contains("Every kernel is launched by a check.", text, StringComparison.Ordinal);
        Assert.Contains("which does not know this GPU: there are none.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void NeitherFile_NamesPersonsMachinesOrFolders()
    {
        string text = Written(stream => GpuReportJson.Write(stream, Report)) + Written(stream => GpuReportMarkdown.Write(stream, Report));
        foreach (string name in new[] { Environment.MachineName, Environment.CurrentDirectory, AppContext.BaseDirectory })
        {
            Assert.DoesNotContain(name, text, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void WhatCannotBeWritten_IsRefusedBeforeAnythingRuns()
    {
        CommandLine.Run("gpu-report", "--output", At("report.md"), "--device", "emulated").AssertRefused(2, "the name of the text beside it");
        Write("report.md", "mine");
        CommandLine.Run("gpu-report", "--output", At("report.json"), "--device", "emulated").AssertRefused(1, "report.md: exists");
        CommandLine.Run("gpu-report", "--output", At("other.json"), "--device", "cpu").AssertRefused(2, "the report is of a GPU");
        CommandLine.Run("gpu-report").AssertRefused(2, "--output");
        Assert.Equal(["report.md"], Directory.GetFiles(Folder).Select(Path.GetFileName));
    }

    [Fact]
    public void WithoutAGpu_TheRemedyIsADeviceThatAReportTakes()
    {
        Assert.SkipWhen(NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out _), "skipped: this machine has a driver");
        CommandLine.Run("gpu-report", "--output", At("report.json")).AssertRefused(1, "Install one, or use --device emulated.");
        CommandLine.Run("embed", "--model", BiEncoder, "--device", "cuda", "a").AssertRefused(1, "Install one, or use --device cpu.");
        Assert.Empty(Directory.GetFiles(Folder));
    }

    [Fact]
    public void AnInterruptedReport_LeavesNothing()
    {
        CommandResult result =
            CommandLine.RunWith(new CancellationToken(canceled: true), "", "gpu-report", "--output", At("report.json"), "--device", "emulated");
        Assert.Equal(130, result.Code);
        Assert.Empty(Directory.GetFiles(Folder));
    }
}
