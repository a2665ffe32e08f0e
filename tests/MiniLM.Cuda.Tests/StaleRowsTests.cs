using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>What a pass leaves in its workspace is nothing for the next one: between passes it is made unknown, and the emulator names who reads it.</summary>
public sealed class StaleRowsTests
{
    public static TheoryData<Precision, int> All() => new()
    {
        { Precision.Float32, 60 }, { Precision.Float16, 60 }, { Precision.Float16, 80 }, { Precision.BFloat16, 80 },
    };

    [Theory, MemberData(nameof(All))]
    public void AForwardPass_ReadsNothingOfThePassBefore(Precision precision, int capability)
    {
        using RandomNetwork random = new(96, 3, 160, 1);
        Network network = random.Network with { Pooling = Enum.GetValues<PoolingMode>() };
        EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = capability, IsChecked = true });
        using CudaDevice device = new(gpu, "emulated", ptx: MutatedKernel.Ptx), other = CudaDevice.Emulate(capability);
        using DeviceNetwork loaded = device.Load(network, precision), fresh = other.Load(network, precision);
        int weights = gpu.AllocationCount;
        Assert.Equal(Run(fresh, [65, 3]), Run(loaded, [65, 3]));
        foreach (int[] lengths in new int[][] { [65, 3], [7], [30, 20, 1] })
        {
            gpu.Forget(weights);
            Assert.Equal(Run(fresh, lengths), Run(loaded, lengths));
        }

        float[] Run(DeviceNetwork on, int[] lengths)
        {
            PackedBatch batch = DeviceContract.RandomBatch(network.Config, lengths, seed: 4);
            float[] output = new float[batch.Sequences * network.OutputSize];
            on.Forward(batch, output);
            return output;
        }
    }

    [Theory, MemberData(nameof(All))]
    public void ATrainingStep_ReadsNothingOfTheStepBefore(Precision precision, int capability)
    {
        using RandomNetwork random = new(36, 2, 35, 2, relativeBias: true);
        Network network = random.Network with
        {
            Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .2f },
            Head = [new DenseModule(random.Linear(70, 36), Activation.Tanh, .3f), new NormalizeModule()],
        };
        EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = capability, IsChecked = true });
        using CudaDevice device = new(gpu, "emulated", ptx: MutatedKernel.Ptx), other = CudaDevice.Emulate(capability);
        using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions()),
            fresh = other.LoadForTraining(network, precision, new TrainingOptions());
        int weights = gpu.AllocationCount;
        foreach (int[] lengths in new int[][] { [40, 3], [7], [30, 9, 1] })
        {
            PackedBatch batch = DeviceContract.RandomBatch(network.Config, lengths, seed: 4);
            float[] upstream = TrainingComparison.Upstream(batch.Sequences * network.OutputSize), output = new float[upstream.Length];
            foreach (TrainingNetwork either in new[] { trained, fresh })
            {
                either.ForwardSaving(batch, 0, TrainingComparison.Dropout(batch), output);
                either.Backward(0, upstream);
                Assert.True(either.Step(new StepOptions(1e-2, 1)).IsTaken);
            }
            Assert.Equal(Values(fresh), Values(trained));
            gpu.Forget(weights);
        }

        static float[][] Values(TrainingNetwork network)
        {
            using Lifetime.Inside held = network.Hold();
            return [.. network.Parameters.Parameters.Select(parameter => network.Parameters[parameter].ToArray())];
        }
    }

    // The check itself: a kernel that reads what it left.
    [Fact]
    public void WhatALaunchStored_IsUnknownOnceForgotten_AndWhatTheHostWroteIsNot()
    {
        const string Text = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 at) {\n.reg .b64 %x; .reg .b32 %r;\n"
            + "ld.param.u64 %x, [at]; ld.global.u32 %r, [%x]; st.global.u32 [%x+4], %r; ret; }";
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { IsChecked = true });
        using Driver.GpuKernel kernel = gpu.Load("k", Text);
        ulong kept = gpu.Allocate(8), at = gpu.Allocate(8);
        gpu.Upload(at, [5, 5, 0, 5, 1, 1, 1, 1]);
        gpu.Clear(kept, 8);
        Launch(at);
        Launch(kept);
        gpu.Forget(1);
        Launch(kept);
        Launch(at); // its first word is the host's
        gpu.Forget(1);
        byte[] bytes = new byte[8];
        gpu.Download(at, bytes);
        Assert.Equal([5, 5, 0, 5, 0x7e, 0x7e, 0, 0x7e], bytes);
        gpu.Upload(kept, [1, 1, 1, 1, 1, 1, 1, 1]);
        gpu.Forget(0);
        gpu.Download(kept, bytes);
        Assert.All(bytes, value => Assert.Equal(1, value));

        void Launch(ulong address) => gpu.Launch(kernel, new Driver.LaunchShape(1, 1, 1, 0), BitConverter.GetBytes(address));
    }
}
