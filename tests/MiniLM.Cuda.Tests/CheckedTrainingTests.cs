using System.Text.RegularExpressions;
using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

namespace MiniLM.Cuda.Tests;

/// <summary>Every kernel of a training step with all of the emulator's checks on: gradients of a network that launches it, and weights after a step, against
/// the reference.</summary>
/// <remarks>A test a kernel, named by it: what "KernelCompiler mutate" runs for a mutant of that kernel.</remarks>
public sealed partial class CheckedTrainingTests
{
    public static TheoryData<string> Kernels() => [.. KernelInfo.All.Keys.Where(TrainingKernels.Has)];

    [Theory, MemberData(nameof(Kernels))]
    public void Kernel_PassesEveryCheckAndAgreesWithTheReference(string kernel)
    {
        Match parts = Parts().Match(kernel);
        Precision precision = parts.Groups["storage"].Value switch { "F32" => Precision.Float32, "F16" => Precision.Float16, _ => Precision.BFloat16 };
        string activation = parts.Groups["activation"].Value;
        HashSet<string> launched = [];
        string operation = parts.Groups["operation"].Value;
        // Of a maximum 16 bits may choose another row, which no tolerance of sums holds: but where pooling itself is asked for.
        PoolingMode[] pooling =
            [.. Enum.GetValues<PoolingMode>().Where(mode => mode != PoolingMode.Max || precision == Precision.Float32 || operation == "Pooling")];
        foreach ((RandomNetwork random, HeadModule[] head) in Networks(operation, parts.Groups["width"].Value, activation, pooling.Length))
        {
            using (random)
            {
                EmulatedGpu gpu = new(
                    new EmulatedGpuOptions { Capability = KernelInfo.All[kernel].Target, IsChecked = true, IsCounted = true, BranchBudget = 1_000_000 })
                {
                    LaunchCounted = (name, _, _) => launched.Add(name),
                };
                using CudaDevice device = new(gpu, "emulated", ptx: MutatedKernel.Ptx);
                Network network = random.Network with
                {
                    Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .2f },
                    Pooling = pooling,
                    Head = head,
                };
                bool isLong = operation.StartsWith("AttentionMma", StringComparison.Ordinal);
                TrainingComparison.Step(device, network, precision, isLong ? TrainingComparison.Long : null);
            }
        }
        Assert.Contains(kernel, launched);
    }

    private static (RandomNetwork, HeadModule[])[] Networks(string operation, string width, string activation, int pooled)
    {
        (RandomNetwork, HeadModule[]) Of(int hidden, int heads, bool relativeBias = false, bool hasHead = false)
        {
            RandomNetwork random = new(hidden, heads, 35, 1, activation is "Relu" or "GeluTanh" ? Enum.Parse<Activation>(activation) : Activation.Gelu,
                biases: 1, relativeBias);
            Activation ofHead = activation.Length > 0 ? Enum.Parse<Activation>(activation) : Activation.Tanh;
            return (random, hasHead ? [new DenseModule(random.Linear(70, hidden * pooled), ofHead, .3f), new NormalizeModule()] : []);
        }
        (RandomNetwork, HeadModule[]) Wide(int hidden, int heads, int inner) => (new RandomNetwork(hidden, heads, inner, 1,
            activation is "Relu" or "GeluTanh" ? Enum.Parse<Activation>(activation) : Activation.Gelu, biases: 1), []);
        return (operation, width) switch
        {
            ("AttentionMmaTraining" or "AttentionMmaQueryGradient" or "AttentionMmaKeyValueGradient", _) => [Wide(128, 128 / int.Parse(width), 128)],
            ("GemmLayerNormTraining", _) => [Wide(int.Parse(width), 4, 96)],
            ("GemmMma" or "GemmMmaDropout" or "WeightGradientMma", _) => [Wide(160, 5, 160)], // of no width that has a fused LayerNorm
            ("AttentionSimtTraining", "128") => [Of(140, 1)], // in two pieces
            ("AttentionSimtTraining" or "AttentionSimtQueryGradient" or "AttentionSimtKeyValueGradient", "64") => [Of(84, 2), Of(140, 1, relativeBias: true)],
            ("AttentionSimtTraining" or "AttentionSimtQueryGradient" or "AttentionSimtKeyValueGradient", _) => [Of(60, 3), Of(36, 2, relativeBias: true)],
            ("RelativeBias", _) => [Of(36, 2, relativeBias: true)],
            ("Dropout" or "Normalize" or "ActivationBackward" or "WeightGradientSimt", _) => [Of(36, 2, hasHead: true)],
            _ when activation == "Tanh" => [Of(36, 2, hasHead: true)],
            _ => [Of(132, 6)], // a row is more than a warp's step; the last vector within a row is whole
        };
    }

    [GeneratedRegex(@"^(?<operation>[A-Z]\w+?)(?<width>\d+)?(?<activation>Gelu|GeluTanh|Relu|Tanh)?(Training|Backward)?(?<storage>F32|F16|BF16)$")]
    private static partial Regex Parts();
}
