using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Cuda.Tests;

/// <summary>Every kernel of a training step in a network, with all of the emulator's checks on: gradients, and weights after a step, against the
/// reference.</summary>
/// <remarks>What each computes by itself is in <see cref="CheckedGemmTests"/> and its neighbours, a test a kernel.</remarks>
public sealed class CheckedTrainingTests
{
    [Theory]
    [InlineData(Precision.Float32, "F32", 60), InlineData(Precision.Float16, "F16", 60), InlineData(Precision.BFloat16, "BF16", 80)]
    public void TrainingSteps_LaunchEveryKernelOfTheirStorage(Precision precision, string storage, int capability)
    {
        HashSet<string> launched = [];
        // Of a maximum 16 bits may choose another row, which no tolerance of sums holds.
        PoolingMode[] pooling = [.. Enum.GetValues<PoolingMode>().Where(mode => mode != PoolingMode.Max || precision == Precision.Float32)];
        foreach ((int hidden, int heads, bool relativeBias, Activation activation, Activation[] ofHead) in new (int, int, bool, Activation, Activation[])[]
        {
            (60, 3, false, Activation.Gelu, [Activation.Tanh, Activation.Gelu]), (84, 2, true, Activation.Relu, [Activation.GeluTanh]),
            (140, 1, false, Activation.GeluTanh, [Activation.Relu]),
        })
        {
            using RandomNetwork random = new(hidden, heads, 35, 1, activation, biases: 1, relativeBias);
            EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = capability, IsChecked = true, IsCounted = true, BranchBudget = 1_000_000 })
            {
                LaunchCounted = (name, _, _) => launched.Add(name),
            };
            using CudaDevice device = new(gpu, "emulated", ptx: MutatedKernel.Ptx);
            int width = hidden * pooling.Length;
            IEnumerable<HeadModule> dense = ofHead.Select((of, i) => new DenseModule(random.Linear(70, i == 0 ? width : 70), of, .3f));
            Network network = random.Network with
            {
                Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .2f },
                Pooling = pooling,
                Head = [.. dense, new NormalizeModule()],
            };
            TrainingComparison.Step(device, network, precision);
        }
        Assert.Empty(KernelInfo.All.Keys.Where(name => TrainingKernels.Has(name) && !TrainingKernels.OnTensorCores(name)
            && name.EndsWith(storage, StringComparison.Ordinal)
            && name.EndsWith("BF16", StringComparison.Ordinal) == (storage == "BF16")).Except(launched));
    }
}
