using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Cuda.Profiling;
using MiniLM.Cuda.Report;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

/// <summary>A report of the emulator in a GPU's place, and of a driver that computes nothing.</summary>
[Collection(nameof(FakeDriver))]
public sealed class GpuReportTests
{
    private static readonly Action<string> Silent = _ => { };

    private static CudaDevice Open(int capability, Func<string, string>? ptx = null) =>
        new(new EmulatedGpu(new EmulatedGpuOptions { Capability = capability }), "emulated", ptx: ptx);

    [Fact]
    public void TheCommittedKernels_AreGreenAndAllChecked()
    {
        using CudaDevice device = Open(80);
        KernelLoad[] kernels = KernelLoad.All(device, CancellationToken.None);
        Assert.Equal(KernelInfo.All.Keys, kernels.Select(load => load.Kernel));
        Assert.All(kernels, load => Assert.Equal((true, null, null, null), (load.IsGreen, load.FirstSeconds, load.Registers, load.LocalBytes)));
        DeviceCheck[] checks = DeviceChecks.Run(device, Enum.GetValues<Precision>(), Silent, CancellationToken.None);
        Assert.All(checks, check => Assert.True(check.IsGreen, check.ToString()));
        Assert.Equal(checks.Length, checks.Select(check => (check.Name, check.Precision)).Distinct().Count());
        Assert.Equal(Enum.GetValues<Precision>().Where(device.Supports), checks.Select(check => check.Precision).Distinct().Order());
        Assert.Empty(KernelInfo.All.Keys.Except(device.Launcher.Loaded)); // a kernel that no check launches: add a network to DeviceChecks
    }

    [Fact]
    public void AWrongKernel_IsRedWhereItsResultIsCompared()
    {
        // LayerNorm's way back without its sum over columns.
        using CudaDevice device = Open(80, name => name == "LayerNormBackwardF32" ? Replaced(name, "mul.rn.f32", "add.rn.f32") : KernelInfo.Ptx(name));
        DeviceCheck[] checks = DeviceChecks.Run(device, [Precision.Float32], Silent, CancellationToken.None), red = [.. checks.Where(check => !check.IsGreen)];
        Assert.DoesNotContain(red, check => check.Name.StartsWith("forward: ", StringComparison.Ordinal));
        Assert.Contains(red, check => check.Name.EndsWith(": gradients", StringComparison.Ordinal) && !(check.Error <= check.Bound));
        Assert.DoesNotContain(red, check => check.Name.EndsWith(": outputs", StringComparison.Ordinal));
    }

    [Fact]
    public void AKernelThatIsRefused_IsARow_AndChecksGoOnInTierG()
    {
        using CudaDevice device = Open(80, name => name == "GemmLayerNorm256F16" ? "no PTX" : KernelInfo.Ptx(name));
        KernelLoad refused = Assert.Single(KernelLoad.All(device, CancellationToken.None), load => !load.IsGreen);
        Assert.Equal("GemmLayerNorm256F16", refused.Kernel);
        Assert.Contains("GemmLayerNorm256F16", refused.Problem, StringComparison.Ordinal);
        Assert.All(DeviceChecks.Run(device, [Precision.Float16], Silent, CancellationToken.None), check => Assert.True(check.IsGreen, check.ToString()));
        Assert.Contains("GemmLayerNorm128F16", device.Launcher.Loaded); // of the network before
        Assert.False(device.HasTensorCores);
    }

    private static string Replaced(string kernel, string from, string to)
    {
        string text = KernelInfo.Ptx(kernel);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return text.Replace(from, to, StringComparison.Ordinal);
    }

    // Nothing is computed: every check is red, and says so; 65 is no architecture, so nothing is predicted.
    [Fact]
    public void ADriverThatComputesNothing_IsRedEverywhere()
    {
        FakeDriver.Reset();
        (FakeDriver.Capability, FakeDriver.LocalBytes, FakeDriver.LoadStatus, FakeDriver.Refused, FakeDriver.Log) = (65, 24, 218, ".entry NormalizeF32", "why");
        using CudaDevice device = new(new Driver.CudaGpu(FakeDriver.Api(), 0), "cuda:0");
        List<string> said = [];
        GpuReport report = GpuReport.Run(device, said.Add, CancellationToken.None);
        Assert.False(report.IsGreen);
        Assert.Equal("Fake GPU", report.Gpu.Name);
        KernelLoad refused = Assert.Single(report.Kernels, load => !load.IsGreen);
        Assert.Contains("NormalizeF32: why", refused.Problem, StringComparison.Ordinal);
        Assert.All(report.Kernels.Where(load => load.IsGreen), load =>
        {
            Assert.Equal((96, 24), (load.Registers, load.LocalBytes));
            Assert.True(load.FirstSeconds > 0 && load.SecondSeconds > 0);
        });
        Assert.Equal(2 * (report.Kernels.Count - 1) + device.Launcher.Loaded.Count, FakeDriver.Loaded);
        Assert.DoesNotContain(report.Kernels, load => KernelInfo.All[load.Kernel].Target > 65);
        Assert.Equal([Precision.Float32, Precision.Float16], report.Checks.Select(check => check.Precision).Distinct());
        Assert.All(report.Checks.Where(check => check.IsGreen), check => Assert.Contains("differ in a second run", check.Name, StringComparison.Ordinal));
        Assert.Contains(report.Checks, check => check.Problem?.Contains("NormalizeF32: why", StringComparison.Ordinal) == true);
        Assert.All(report.Benchmarks, benchmark => Assert.Empty(benchmark.Predictions));
        Assert.All(report.Benchmarks.Where(benchmark => benchmark.IsGreen), benchmark => Assert.Equal(0.5e-3, benchmark.Median));
        Assert.Contains("similarity (float32)", said);
    }

    // Counted with one layer and with two: what six launch.
    [Theory]
    [InlineData(Precision.Float16), InlineData(Precision.Float32)]
    public void APrediction_IsThatOfAllLayers(Precision precision)
    {
        using CudaDevice device = Open(80);
        DeviceBenchmark benchmark = new DeviceBenchmark(false, precision, 1, 16, [], [], null).Run(device, CancellationToken.None);
        Assert.Equal((true, 0, null), (benchmark.IsGreen, benchmark.Seconds.Length, benchmark.Median));
        Assert.Equal(GpuModel.Predicted.Select(gpu => gpu.Name), benchmark.Predictions.Select(time => time.Gpu));
        using RandomNetwork random = new(DeviceBenchmark.Hidden, DeviceBenchmark.Heads, DeviceBenchmark.Inner, DeviceBenchmark.Layers);
        ProfiledLaunch[] launches = PassProfile.Forward(device, random.Network, precision,
            DeviceContract.RandomBatch(random.Network.Config, [16], seed: 1), CancellationToken.None).Launches;
        foreach ((GpuModel gpu, GpuTime time) in GpuModel.Predicted.Zip(benchmark.Predictions))
        {
            double expected = launches.Sum(launch => LaunchPrediction.Seconds(launch, gpu, out _));
            (Limit bound, double roof) = LaunchPrediction.SpeedOfLight(launches, gpu);
            Assert.Equal(expected, time.Seconds, 1e-3 * expected);
            Assert.Equal(roof, time.RoofSeconds, 1e-2 * roof);
            Assert.Equal(bound, time.Bound);
        }
    }
}
