using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed class CpuThreadingTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void Forward_GivesTheSameBitsForAnyThreadCount(bool ownThreads)
    {
        using ModelFolder model = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(model.Network.Config, [64, 1, 5, 64, 33, 14, 64, 64, 2, 40], seed: 9);
        PackedBatch single = DeviceContract.RandomBatch(model.Network.Config, [9], seed: 10); // few rows: shared by columns
        float[]? many = null, one = null;
        foreach (int threads in new[] { 1, 2, 3, 5 })
        {
            using var device = new CpuDevice(threads, CpuTiers.InForce(), ownThreads);
            using DeviceNetwork network = device.Load(model.Network, Precision.Float32);
            float[] output = new float[batch.Sequences * model.OutputSize], short9 = new float[model.OutputSize];
            network.Forward(batch, output);
            network.Forward(single, short9);
            many ??= output;
            one ??= short9;
            Assert.True(many.AsSpan().SequenceEqual(output), $"{threads} threads differ");
            Assert.True(one.AsSpan().SequenceEqual(short9), $"{threads} threads differ for one short text");
        }
    }

    [Fact]
    public void Forward_AllocatesNothingAfterWarmUp()
    {
        using ModelFolder model = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        using var device = new CpuDevice(1);
        using DeviceNetwork network = device.Load(model.Network, Precision.Float32);
        PackedBatch batch = DeviceContract.RandomBatch(model.Network.Config, [20, 3], seed: 1);
        float[] output = new float[2 * model.OutputSize];
        network.Forward(batch, output);
        network.Forward(batch, output);
        long before = GC.GetAllocatedBytesForCurrentThread();
        network.Forward(batch, output);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public async Task Forward_FromManyThreadsAtOnce_GivesEachItsOwnResult()
    {
        using ModelFolder model = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        using var device = new CpuDevice(2);
        using DeviceNetwork network = device.Load(model.Network, Precision.Float32);
        PackedBatch[] batches = [.. Enumerable.Range(1, 8).Select(i => DeviceContract.RandomBatch(model.Network.Config, [i, 2 * i], seed: i))];
        float[][] expected = [.. batches.Select(batch => { float[] y = new float[2 * model.OutputSize]; network.Forward(batch, y); return y; })];
        await Task.WhenAll(batches.Select((batch, i) => Task.Run(() =>
        {
            float[] y = new float[2 * model.OutputSize];
            for (int repeat = 0; repeat < 20; repeat++)
            {
                network.Forward(batch, y);
                Assert.Equal(expected[i], y);
            }
        })));
    }

    [Theory]
    [InlineData("150000 100000", 1)]
    [InlineData("50000 100000", 1)]
    [InlineData("max 100000", int.MaxValue)]
    [InlineData("not a number", int.MaxValue)]
    public void ThreadCount_FollowsTheTightestQuotaUpToTheRoot(string quota, int most)
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("minilm-cgroup");
        try
        {
            Directory.CreateDirectory(Path.Combine(root.FullName, "a", "b"));
            File.WriteAllText(Path.Combine(root.FullName, "a", "cpu.max"), quota);
            File.WriteAllText(Path.Combine(root.FullName, "a", "b", "cpu.max"), "max 100000");
            string self = Path.Combine(root.FullName, "self");
            File.WriteAllText(self, "0::/a/b\n");
            Assert.Equal(Math.Min(most, Processor.Count), ThreadCount.Default(root.FullName, self));
        }
        finally { root.Delete(recursive: true); }
    }
}
