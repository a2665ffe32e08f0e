using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Tests;

/// <summary>What every device must do with calls that are cancelled, and with a Dispose while calls run.</summary>
public abstract class DeviceCallContract
{
    private const int Callers = 4;

    /// <summary>A device for one test or round.</summary>
    protected abstract Device Open();

    /// <summary>How often each Dispose meets running calls: a thousand rounds of the three together.</summary>
    protected virtual int Rounds => 334;

    [Theory]
    [InlineData("network"), InlineData("device"), InlineData("folder")]
    public async Task Dispose_WhileCallsRun_FinishesOrRefusesEach(string disposed)
    {
        using ModelFolder model = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(model.Network.Config, [3, 1], seed: 4);
        using Device shared = Open();
        using DeviceNetwork calm = shared.Load(model.Network, Precision.Float32);
        float[] expected = new float[2 * model.OutputSize];
        calm.Forward(batch, expected);
        int finished = 0;
        for (int round = 0; round < Rounds; round++)
        {
            using ModelFolder? folder = disposed == "folder" ? ModelFolder.Open(model.Path) : null;
            using Device? own = disposed == "device" ? Open() : null;
            using DeviceNetwork network = (own ?? shared).Load((folder ?? model).Network, Precision.Float32);
            using ManualResetEventSlim running = new(); // the others are inside, wait for their turn, or have not begun
            Task[] callers = [.. Enumerable.Range(0, Callers).Select(_ => Task.Run(() => Call(network, running)))];
            running.Wait();
            IDisposable victim = disposed switch { "network" => network, "device" => own!, _ => folder! };
            victim.Dispose();
            if (disposed == "folder") { network.Dispose(); } // which reads on after its folder is gone
            await Task.WhenAll(callers);
            Assert.Throws<ObjectDisposedException>(() => network.Forward(batch, new float[expected.Length]));
        }
        Assert.True(finished >= Rounds);
        calm.Forward(batch, expected);

        void Call(DeviceNetwork network, ManualResetEventSlim running)
        {
            float[] output = new float[expected.Length];
            while (true)
            {
                try { network.Forward(batch, output); }
                catch (ObjectDisposedException) { break; }
                running.Set();
                if (!output.AsSpan().SequenceEqual(expected)) { throw new InvalidOperationException("a call that ran gave other numbers"); }
                Interlocked.Increment(ref finished);
            }
        }
    }

    [Fact]
    public void CallsOfADisposedDevice_AreRefused_AndItsNetworksStillDispose()
    {
        using ModelFolder model = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        Device device = Open();
        DeviceNetwork network = device.Load(model.Network, Precision.Float32);
        device.Dispose();
        device.Dispose();
        Assert.Throws<ObjectDisposedException>(() => device.Load(model.Network, Precision.Float32));
        Assert.Throws<ObjectDisposedException>(() => device.Similarity([1f], [1f], 1, new float[1]));
        Assert.Throws<ObjectDisposedException>(() =>
            network.Forward(DeviceContract.RandomBatch(model.Network.Config, [2], seed: 1), new float[model.OutputSize]));
        network.Dispose();
        network.Dispose();
        using Device other = Open();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => other.Load(model.Network, Precision.Float32));
        Assert.Throws<ObjectDisposedException>(() => other.LoadForTraining(model.Network, Precision.Float32, new TrainingOptions()));
    }

    [Fact]
    public void CancelledCalls_EndWithoutAResult_AndTheDeviceGoesOn()
    {
        using ModelFolder model = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(model.Network.Config, [5, 9], seed: 2);
        CancellationToken cancelled = new(canceled: true);
        using Device device = Open();
        Assert.Throws<OperationCanceledException>(() => device.Load(model.Network, Precision.Float32, cancelled));
        using DeviceNetwork network = device.Load(model.Network, Precision.Float32);
        float[] first = new float[2 * model.OutputSize], second = new float[first.Length], untouched = new float[first.Length];
        network.Forward(batch, first);
        Assert.Throws<OperationCanceledException>(() => network.Forward(batch, untouched, cancelled));
        Assert.Throws<OperationCanceledException>(() => network.Hidden(batch, 1, new float[batch.Rows * model.Network.Config.HiddenSize], cancelled));
        Assert.Throws<OperationCanceledException>(() => device.Similarity([1f, 2f], [3f, 4f], 2, untouched.AsSpan(0, 1), cancelled));
        Assert.Equal(new float[untouched.Length], untouched);
        network.Forward(batch, second);
        Assert.Equal(first, second);
    }
}
