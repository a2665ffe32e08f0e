using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

/// <summary>One thread: a pass waits for nobody, so that a thousand rounds take seconds on a busy machine too.</summary>
public sealed class CpuDeviceCallTests : DeviceCallContract
{
    protected override Device Open() => new CpuDevice(1);

    // Work is counted in kernel calls: what a member has begun it ends, nothing is begun after that.
    // Forward and backward of a training step; the step of the optimiser is short and ends.
    [Theory, InlineData(1), InlineData(2)]
    public void ACancellationWithinATrainingPass_EndsItWithTheOperationsThatWereBegun(int threads)
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        int[] lengths = [64, 64, 64, 64, 64, 64];
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, lengths, seed: 1);
        float[] output = new float[lengths.Length * folder.OutputSize], gradient = new float[output.Length];
        Array.Fill(gradient, .01f);
        Stop kernels = new();
        using CpuDevice device = new(threads, CpuTier.Vector128) { Kernels = new StoppingKernels(kernels) };
        using TrainingNetwork network = device.LoadForTraining(folder.Network, Precision.Float32, new MiniLM.Training.TrainingOptions());
        void Pass(CancellationToken cancellation)
        {
            network.ForwardSaving(batch, 0, null, output, cancellation);
            network.Backward(0, gradient, cancellation);
        }

        Pass(default);
        int whole = kernels.Calls, operation = 2 * batch.Rows * 64, stops = 0;
        for (int at = 1; at < whole; at += 1 + whole / 20)
        {
            using CancellationTokenSource source = new();
            kernels.StopAt(at, source.Cancel);
            if (Record.Exception(() => Pass(source.Token)) is not { } thrown)
            {
                Assert.Equal(whole, kernels.Calls); // it was the last operation
                continue;
            }
            Assert.IsType<OperationCanceledException>(thrown);
            stops++;
            Assert.InRange(kernels.Calls, at, Math.Min(whole, at + threads * operation));
        }
        Assert.True(stops > 10);
    }

    [Theory]
    [InlineData(1, new[] { 64, 64, 64, 64, 64, 64, 64, 64 }), InlineData(2, new[] { 64, 64, 64, 64, 64, 64, 64, 64, 64, 64 }), InlineData(3, new[] { 50 }),
        InlineData(2, new[] { 7 })]
    public void ACancellationWithinAPass_EndsItWithTheOperationsThatWereBegun(int threads, int[] lengths)
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, lengths, seed: 1);
        float[] output = new float[lengths.Length * folder.OutputSize], again = new float[output.Length];
        Stop kernels = new();
        using CpuDevice device = new(threads, CpuTier.Vector128) { Kernels = new StoppingKernels(kernels) };
        using DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        network.Forward(batch, output);
        int whole = kernels.Calls;
        // The most that one operation of one member calls: a product of all rows, or the norms of all rows.
        int operation = 2 * batch.Rows * 64;
        int stops = 0;
        for (int at = 1; at < whole; at += 1 + whole / 20)
        {
            using CancellationTokenSource source = new();
            kernels.StopAt(at, source.Cancel);
            if (Record.Exception(() => network.Forward(batch, again, source.Token)) is not { } thrown)
            {
                Assert.Equal(whole, kernels.Calls); // it was the last operation
                continue;
            }
            Assert.IsType<OperationCanceledException>(thrown);
            stops++;
            Assert.InRange(kernels.Calls, at, Math.Min(whole, at + threads * operation));
            Assert.True(kernels.ProductsAfter <= 2 * threads * operation / 64, $"{kernels.ProductsAfter} products after the cancellation at {at} of {whole}");
        }
        Assert.True(stops > 10);
        kernels.StopAt(int.MaxValue, () => { });
        network.Forward(batch, again);
        Assert.Equal(output, again);
        Assert.Equal(whole, kernels.Calls);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void AKernelThatThrowsAnywhere_GivesItsException_AndTheNextPassIsRight(int threads)
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, [64, 64, 64, 64, 30, 9], seed: 1);
        float[] output = new float[batch.Sequences * folder.OutputSize], again = new float[output.Length];
        Stop kernels = new();
        using CpuDevice device = new(threads, CpuTier.Vector128) { Kernels = new StoppingKernels(kernels) };
        using DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        network.Forward(batch, output);
        int whole = kernels.Calls;
        for (int at = 1; at < whole; at += 1 + whole / 20)
        {
            kernels.StopAt(at, () => throw new InvalidOperationException("planted"));
            Assert.Equal("planted", Assert.Throws<InvalidOperationException>(() => network.Forward(batch, again)).Message);
            kernels.StopAt(int.MaxValue, () => { });
            network.Forward(batch, again);
            Assert.Equal(output, again);
        }
    }

    /// <summary>Counts calls of kernels; at one of them something happens.</summary>
    private sealed class Stop
    {
        private Action _action = () => { };
        private int _at = int.MaxValue, _calls, _products;

        internal int Calls => _calls;

        internal int ProductsAfter => _products;

        internal void StopAt(int call, Action action) => (_at, _action, _calls, _products) = (call, action, 0, 0);

        internal void CountProduct()
        {
            Count();
            if (Volatile.Read(ref _calls) > _at) { Interlocked.Increment(ref _products); }
        }

        internal void Count()
        {
            if (Interlocked.Increment(ref _calls) == _at) { _action(); }
        }
    }

    private sealed unsafe class StoppingProducts(Stop stop) : LanesProducts<Lanes128>
    {
        internal override void GemmStrip(Epilogue epilogue, Store store, GemmCall* arguments, int rows)
        {
            stop.CountProduct();
            base.GemmStrip(epilogue, store, arguments, rows);
        }
    }

    /// <summary>The kernels of a tier that every machine has; at one call something happens.</summary>
    private sealed unsafe class StoppingKernels(Stop stop) : LanesKernels<Lanes128>(new StoppingProducts(stop))
    {
        internal override void LayerNorm(float* x, float* gamma, float* beta, float epsilon, float* y, int width)
        {
            stop.Count();
            base.LayerNorm(x, gamma, beta, epsilon, y, width);
        }

        internal override float Softmax(float* scores, float* bias, int length, int padded, float factor)
        {
            stop.Count();
            return base.Softmax(scores, bias, length, padded, factor);
        }
    }
}

public sealed class CpuTeamCallTests : DeviceCallContract
{
    protected override int Rounds => 50;

    protected override Device Open() => new CpuDevice(2);
}

public sealed class CpuOwnThreadsCallTests : DeviceCallContract
{
    protected override Device Open() => new CpuDevice(1, CpuTiers.InForce(), ownThreads: true);
}
