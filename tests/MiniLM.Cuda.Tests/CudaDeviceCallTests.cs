using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

public sealed class CudaDeviceCallTests : DeviceCallContract
{
    protected override int Rounds => 40; // of some milliseconds each: the emulator parses its kernels anew

    protected override Device Open() => new CudaDevice(new EmulatedGpu(new EmulatedGpuOptions { Threads = 1 }), "emulated");

    [Fact]
    public void ACancellationBetweenLaunches_StartsNoFurtherOne()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, [5, 9], seed: 2);
        float[] expected = new float[2 * folder.OutputSize], output = new float[expected.Length];
        using CudaDevice device = (CudaDevice)Open();
        using DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        int launches = 0;
        device.Launcher.Launched = (_, _, _, _) => launches++;
        network.Forward(batch, expected);
        int whole = launches;
        for (int at = 1; at < whole; at += 3)
        {
            using CancellationTokenSource source = new();
            launches = 0;
            device.Launcher.Launched = (_, _, _, _) =>
            {
                if (++launches == at) { source.Cancel(); }
            };
            Assert.Throws<OperationCanceledException>(() => network.Forward(batch, output, source.Token));
            Assert.Equal(at, launches);
        }
        device.Launcher.Launched = null;
        network.Forward(batch, output);
        Assert.Equal(expected, output);
    }

    [Fact]
    public void ALoadThatIsCancelledOrFails_GivesItsMemoryBack()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        // Room for one network, not for two: had the first kept its memory, the second would not fit.
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { TotalBytes = 12 << 20 });
        using CudaDevice device = new(gpu, "emulated");
        for (int repeat = 0; repeat < 5; repeat++)
        {
            Assert.Throws<OperationCanceledException>(() => device.Load(folder.Network, Precision.Float32, new CancellationToken(canceled: true)));
            device.Load(folder.Network, Precision.Float32).Dispose();
        }
        using DeviceNetwork kept = device.Load(folder.Network, Precision.Float32);
        Assert.Throws<GpuOutOfMemoryException>(() => device.Load(folder.Network, Precision.Float32));
    }
}
