using System.Text.RegularExpressions;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

/// <summary>Every kernel of a forward pass with all of the emulator's checks on, in networks of odd sizes: each element of a layer's rows, or of
/// the head's, against the reference.</summary>
/// <remarks>A test a kernel, named by it: what "KernelCompiler mutate" runs for a mutant of that kernel.</remarks>
public sealed partial class CheckedKernelTests
{
    public static TheoryData<string> Kernels() =>
        [.. KernelInfo.All.Keys.Where(name => !name.StartsWith("Convert", StringComparison.Ordinal) && !name.StartsWith("TopK", StringComparison.Ordinal)
            && !TrainingKernels.Has(name))];

    [Theory, MemberData(nameof(Kernels))]
    public void Kernel_PassesEveryCheckAndAgreesWithTheReference(string kernel)
    {
        Match parts = Parts().Match(kernel);
        string operation = parts.Groups["operation"].Value, variant = parts.Groups["variant"].Value, storage = parts.Groups["storage"].Value;
        // A layer's rows are normalized to about 1. Measured: 2e-6, 4e-3, 3e-2; the emulator's bits are the same everywhere.
        (Precision precision, float tolerance) = storage switch
        {
            "F32" => (Precision.Float32, 4e-6f),
            "F16" => (Precision.Float16, 6e-3f),
            _ => (Precision.BFloat16, 4e-2f),
        };
        HashSet<string> launched = [];
        EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = KernelInfo.All[kernel].Target, IsChecked = true, IsCounted = true, BranchBudget = 100_000 })
        {
            LaunchCounted = (name, _, _) => launched.Add(name),
        };
        using CudaDevice device = new(gpu, "emulated", ptx: MutatedKernel.Ptx);
        using ReferenceDevice reference = new();
        foreach ((RandomNetwork random, int[] lengths) in Networks(operation, variant, storage))
        {
            using (random)
            {
                PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, lengths, seed: 4);
                batch.PromptRows = 1; // pooling leaves the first row out
                PoolingMode[] pooling = variant == "Tanh" ? [PoolingMode.Cls]
                    : operation == "Normalize" ? [PoolingMode.Mean]
                    : Enum.GetValues<PoolingMode>();
                Network network = random.Network with { Pooling = pooling, Head = Head(operation, variant, random) };
                bool isHead = operation is "Pooling" or "Normalize" || variant == "Tanh";
                float[] expected = Run(reference, network, Precision.Float32, batch, isHead), actual = Run(device, network, precision, batch, isHead);
                for (int i = 0; i < expected.Length; i++)
                {
                    Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance,
                        $"element {i}: expected {expected[i]:R}, got {actual[i]:R}, tolerance {tolerance:R}");
                }
            }
        }
        Assert.Contains(kernel, launched);
    }

    /// <summary>Small networks that run on a kernel and come to each of its branches.</summary>
    private static (RandomNetwork, int[])[] Networks(string operation, string variant, string storage)
    {
        int[] lengths = [1, 17, 2, 65, 50]; // 135 rows: more than a tile, the last one cut
        int number = int.TryParse(variant, out int parsed) ? parsed : 0;
        // Biases as large as the sums: a swapped one shows in any storage.
        RandomNetwork Network(int hidden, int heads, int inner, bool relativeBias = false) =>
            new(hidden, heads, inner, 1, variant is "GeluTanh" or "Relu" ? Enum.Parse<Activation>(variant) : Activation.Gelu, biases: 1, relativeBias);
        switch (operation)
        {
            case "AttentionMma": return [(Network(128, 128 / number, 128), [1, 300, 17, 2, 64])]; // 300: more than the keys that are resident
            case "AttentionSimt":
                (int size, int heads) = number switch { 32 => (20, 3), 64 => (42, 2), _ => (140, 1) }; // 140: in two pieces
                return [(Network(heads * size, heads, 64), lengths), (Network(heads * size, heads, 64, relativeBias: true), lengths)];
            case "GemmLayerNorm": return [(Network(number, number / 64, 256), lengths)]; // 8 steps of k end in the stage that the epilogue writes to first
            // With and without types; padded to 64 a row is less than a warp's step, and 63 ends within a vector.
            case "EmbeddingLayerNorm": return [(Network(96, 3, 64), lengths), (Network(63, 1, 64, relativeBias: true), lengths)];
            case "GemmSimt" when storage == "BF16": return [(Network(90, 3, 160), lengths)]; // no multiple of 32
            case "LayerNorm" when storage != "BF16": return [(Network(96, 3, 64), lengths), (Network(63, 1, 64), lengths)];
            default: return [(Network(96, 3, 160), lengths)];
        }
    }

    private static HeadModule[] Head(string operation, string variant, RandomNetwork random) => (operation, variant) switch
    {
        ("Normalize", _) => [new NormalizeModule()],
        (_, "Tanh") => [new DenseModule(random.Linear(70, random.Network.Config.HiddenSize), Activation.Tanh)],
        _ => [],
    };

    /// <summary>The head's output, or all rows of the layer.</summary>
    private static float[] Run(Device device, Network network, Precision precision, PackedBatch batch, bool isHead)
    {
        using DeviceNetwork loaded = device.Load(network, precision);
        float[] result = new float[isHead ? batch.Sequences * network.OutputSize : batch.Rows * network.Config.HiddenSize];
        if (isHead) { loaded.Forward(batch, result); } else { loaded.Hidden(batch, 1, result); }
        return result;
    }

    [GeneratedRegex(@"^(?<operation>[A-Z]\w+?)(?<variant>\d+|Gelu|GeluTanh|Relu|Tanh)?(?<storage>F32|F16|BF16)$")]
    private static partial Regex Parts();
}
