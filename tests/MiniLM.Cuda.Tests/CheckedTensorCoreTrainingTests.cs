using System.Text.RegularExpressions;
using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Cuda.Tests;

/// <summary>Every kernel of a training step on tensor cores, with all of the emulator's checks on: gradients of a network that launches it, and its weights
/// after a step, against the reference.</summary>
/// <remarks>A test a kernel, named by it: what "KernelCompiler mutate" runs for a mutant of that kernel.</remarks>
public sealed partial class CheckedTensorCoreTrainingTests
{
    public static TheoryData<string> Kernels() => [.. KernelInfo.All.Keys.Where(name => TrainingKernels.Has(name) && TrainingKernels.OnTensorCores(name))];

    [Theory, MemberData(nameof(Kernels))]
    public void Kernel_PassesEveryCheckAndAgreesWithTheReference(string kernel)
    {
        Match parts = Parts().Match(kernel);
        string operation = parts.Groups["operation"].Value;
        int width = int.TryParse(parts.Groups["width"].ValueSpan, out int number) ? number : 0;
        Activation activation = parts.Groups["activation"] is { Success: true, Value: var name } ? Enum.Parse<Activation>(name) : Activation.Gelu;
        bool isAttention = operation.StartsWith("AttentionMma", StringComparison.Ordinal);
        (int hidden, int heads, int inner) = isAttention ? (128, 128 / width, 128) : operation == "GemmLayerNormTraining" ? (width, 4, 96)
            : (160, 5, 160); // no width that has a LayerNorm in a product's epilogue
        using RandomNetwork random = new(hidden, heads, inner, 1, activation, biases: 1);
        HashSet<string> launched = [];
        EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = 80, IsChecked = true, IsCounted = true, BranchBudget = 1_000_000 })
        {
            LaunchCounted = (entry, _, _) => launched.Add(entry),
        };
        using CudaDevice device = new(gpu, "emulated", ptx: MutatedKernel.Ptx);
        Network network = random.Network with
        {
            Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .2f },
            Pooling = [PoolingMode.Mean],
            Head = [],
        };
        Precision precision = parts.Groups["storage"].Value == "F16" ? Precision.Float16 : Precision.BFloat16;
        TrainingComparison.Step(device, network, precision, isAttention ? TrainingComparison.Long : null);
        Assert.Contains(kernel, launched);
    }

    [GeneratedRegex(@"^(?<operation>[A-Z]\w+?)(?<width>\d+)?(?<activation>Gelu|GeluTanh|Relu)?(Training|Backward)?(?<storage>F16|BF16)$")]
    private static partial Regex Parts();
}
