using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Profiling;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

/// <summary>What is counted of a pass, and the model that turns it into seconds.</summary>
public sealed class ProfilingTests
{
    private const int Hidden = 384, Inner = 768, Layers = 2;

    private static GpuModel Gpu(string name) => GpuModel.Predicted.Single(gpu => gpu.Name.StartsWith(name, StringComparison.Ordinal));

    internal static PassProfile Run(CudaDevice device, Precision precision, params int[] lengths)
    {
        using RandomNetwork random = new(Hidden, 12, Inner, Layers);
        return PassProfile.Forward(device, random.Network, precision,
            DeviceContract.RandomBatch(random.Network.Config, lengths, seed: 3), CancellationToken.None);
    }

    // Registers, shared memory, threads and blocks in turn: CUDA's occupancy rules.
    [Theory]
    [InlineData("A100", 128, 48 << 10, 208, 2), InlineData("A100", 256, 84 << 10, 189, 1), InlineData("L4", 128, 48 << 10, 208, 2),
        InlineData("H100", 128, 48 << 10, 208, 2)]
    [InlineData("A100", 256, 84 << 10, 64, 1), InlineData("L4", 128, 48 << 10, 32, 2), InlineData("H100", 128, 48 << 10, 32, 4),
        InlineData("L4", 1024, 0, 32, 1), InlineData("A100", 1024, 0, 32, 2)]
    [InlineData("A100", 32, 0, 16, 32), InlineData("L4", 32, 0, 16, 24), InlineData("L4", 128, 100 << 10, 32, 0), InlineData("A100", 128, 163 << 10, 32, 1)]
    public void ResidentBlocks_FollowTheScarcestResource(string gpu, uint threads, uint shared, int registers, int expected) =>
        Assert.Equal(expected, Gpu(gpu).ResidentBlocks(new LaunchShape(1, 1, threads, shared), registers));

    [Theory]
    [InlineData("L4", 121e12, 30.3e12), InlineData("A100", 312e12, 19.5e12), InlineData("H100", 989e12, 66.9e12)]
    public void Peaks_AreThoseOfTheDataSheet(string gpu, double tensor, double fp32)
    {
        Assert.Equal(tensor, Gpu(gpu).PerSecond(Limit.Tensor), 0.01 * tensor);
        Assert.Equal(fp32, 2 * Gpu(gpu).PerSecond(Limit.Fp32), 0.08 * fp32);
    }

    [Fact]
    public void APass_IsCountedLaunchByLaunch()
    {
        using CudaDevice device = CudaDevice.Emulate();
        ProfiledLaunch[] launches = Run(device, Precision.Float16, 64, 64).Launches;
        const int Rows = 128;
        Assert.Equal(1 + 5 * Layers + 2, launches.Length);
        ProfiledLaunch[] products = [.. launches.Where(launch => launch.Kernel == "GemmMmaF16")];
        Assert.All(products, launch =>
        {
            Assert.Equal(2.0 * Rows * 3 * Hidden * Hidden, launch.Demand(Limit.Tensor));
            // rows, weights, result, bias
            Assert.Equal(2.0 * (Rows * Hidden + 3 * Hidden * Hidden + Rows * 3 * Hidden) + 4 * 3 * Hidden, launch.Demand(Limit.Dram));
            Assert.True(launch.Demand(Limit.L2) >= launch.Demand(Limit.Dram));
        });
        Assert.Equal(Layers, products.Length);
        Assert.All(launches, launch => Assert.Null(launch.Seconds));
    }

    [Fact]
    public void APrediction_IsTheModelOfTheDocumentation()
    {
        GpuModel gpu = Gpu("A100");
        using CudaDevice device = CudaDevice.Emulate();
        // one block on each of nine multiprocessors
        ProfiledLaunch launch = Run(device, Precision.Float16, 64, 64).Launches.First(each => each.Kernel == "GemmMmaF16");
        double clocks = 1000 + 2.0 * 128 * 128 * Hidden / 2048 / 0.85;
        Assert.Equal(2e-6 + clocks / 1.41e9, LaunchPrediction.Seconds(launch, gpu, out Limit? slowest), 1e-10);
        Assert.Equal(Limit.Tensor, slowest); // although all multiprocessors together could do it faster than memory: nine of them work
        (Limit bound, double seconds) = LaunchPrediction.SpeedOfLight([launch, launch], gpu);
        Assert.Equal((Limit.Dram, 2 * launch.Demand(Limit.Dram) / 1555e9), (bound, seconds));
        Assert.All(GpuModel.Predicted,
            known => Assert.True(LaunchPrediction.SpeedOfLight([launch], known).Seconds < LaunchPrediction.Seconds(launch, known, out _)));
    }
}
