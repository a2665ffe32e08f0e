using System.Globalization;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Tests;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>What kernels do on any GPU, counted by the emulator: instructions of a k step, bank conflicts, coalescing.</summary>
public sealed class KernelCountTests
{
    private const int Hidden = 384;

    private static LaunchCounts CountGemm(string name, int rows, int columns, int depth)
    {
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { IsCounted = true });
        LaunchCounts? counted = null;
        gpu.LaunchCounted = (_, _, counts) => counted = counts;
        using KernelLauncher launcher = new(gpu);
        using GpuArena arena = new(gpu);
        int bytes = name.EndsWith("F32", StringComparison.Ordinal) ? 4 : 2;
        long a = arena.Plan((long)rows * depth * bytes), b = arena.Plan((long)columns * depth * bytes), c = arena.Plan((long)rows * columns * bytes),
            vector = arena.Plan(columns * 4L);
        arena.Commit();
        GemmArguments arguments = new()
        {
            A = arena.At(a),
            B = arena.At(b),
            C = arena.At(c),
            Bias = arena.At(vector),
            Gamma = arena.At(vector),
            Beta = arena.At(vector),
            Residual = name.StartsWith("GemmLayerNorm", StringComparison.Ordinal) ? arena.At(c) : 0,
            StrideA = (uint)(depth * bytes),
            StrideB = (uint)(depth * bytes),
            StrideC = (uint)(columns * bytes),
            Rows = (uint)rows,
            Epsilon = 1e-12f,
        };
        launcher.Gemm(name, arguments, columns, depth);
        return counted!;
    }

    private static Dictionary<string, List<LaunchCounts>> CountForward(Precision precision, int capability, int heads = 12)
    {
        EmulatedGpu gpu = new(new EmulatedGpuOptions { IsCounted = true, Capability = capability });
        Dictionary<string, List<LaunchCounts>> counted = [];
        using CudaDevice device = new(gpu, "emulated");
        using RandomNetwork random = new(Hidden, heads, 2 * Hidden, 1);
        using DeviceNetwork network = device.Load(random.Network, precision);
        gpu.LaunchCounted = (name, _, counts) =>
        {
            if (!counted.TryGetValue(name, out List<LaunchCounts>? all)) { counted[name] = all = []; }
            all.Add(counts);
        };
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [64, 7, 33, 24], seed: 5);
        network.Forward(batch, new float[batch.Sequences * Hidden]);
        return counted;
    }

    [Fact]
    public void AStepOfGemmMma_Is64MmaAnd16LdmatrixAndAtMost40OthersAnd16Moves()
    {
        KernelInfo info = KernelInfo.All["GemmMmaF16"];
        LaunchCounts four = CountGemm("GemmMmaF16", info.TileRows, info.TileColumns, 4 * info.TileDepth),
            five = CountGemm("GemmMmaF16", info.TileRows, info.TileColumns, 5 * info.TileDepth);
        const int Warps = 4;
        Dictionary<string, long> step = five.ByRoot.ToDictionary(root => root.Key, root => root.Value - four.ByRoot.GetValueOrDefault(root.Key));
        Assert.All(step.Values, count => Assert.Equal(0, count % Warps));
        string all = string.Join(", ", step.Where(root => root.Value != 0).Select(root => $"{root.Key} {root.Value / Warps}"));
        Assert.Equal(64, step["mma"] / Warps);
        Assert.Equal(16, step["ldmatrix"] / Warps);
        Assert.True(step["mov"] / Warps <= 16, all);
        Assert.True((step.Values.Sum() - step["mma"] - step["ldmatrix"] - step["mov"]) / Warps <= 40, all);
    }

    public static TheoryData<string> TensorCoreGemms() => [.. KernelInfo.All.Keys.Where(name => !TrainingKernels.Has(name)
        && (name.StartsWith("GemmMma", StringComparison.Ordinal) || name.StartsWith("GemmLayerNorm", StringComparison.Ordinal)))];

    [Theory, MemberData(nameof(TensorCoreGemms))]
    public void ATensorCoreGemm_HasNoBankConflicts(string name)
    {
        KernelInfo info = KernelInfo.All[name];
        NoConflicts(name, CountGemm(name, info.TileRows, info.TileColumns, 128));
    }

    [Theory]
    [InlineData("Float16", 12, 32), InlineData("Float16", 6, 64), InlineData("BFloat16", 12, 32), InlineData("BFloat16", 6, 64)]
    public void TensorCoreAttention_HasNoBankConflicts(string precision, int heads, int headSize)
    {
        string name = $"AttentionMma{headSize}{(precision == "Float16" ? "F16" : "BF16")}";
        Assert.All(CountForward(Enum.Parse<Precision>(precision), 80, heads: heads)[name], counts => NoConflicts(name, counts));
    }

    private static void NoConflicts(string name, LaunchCounts counts)
    {
        Assert.NotEmpty(counts.Shared);
        foreach ((string kind, SharedTraffic traffic) in counts.Shared)
        {
            Assert.True(traffic.Wavefronts == traffic.IdealWavefronts, $"{name}, {kind}: {traffic}");
        }
    }

    [Fact]
    public void GemmSimt_LoadsWithoutBankConflictsAndStoresTwoWayAtWorst()
    {
        KernelInfo info = KernelInfo.All["GemmSimtF32"];
        LaunchCounts counts = CountGemm(info.Name, info.TileRows, info.TileColumns, 64);
        SharedTraffic loads = counts.Shared["ld"];
        Assert.Equal(loads.IdealWavefronts, loads.Wavefronts);
        foreach (CountedLine line in counts.Lines.Where(line => line.Text.Contains("st.shared", StringComparison.Ordinal)))
        {
            Assert.True(line.Counts.Wavefronts <= 2 * line.Counts.IdealWavefronts,
                string.Create(CultureInfo.InvariantCulture, $"line {line.Line}: {line.Text}"));
        }
    }

    [Fact]
    public void TopK_HasNoBankConflicts_AndTouchesFewSectorsBeyondItsBytes()
    {
        const int Width = 8;
        LaunchCounts? counted = null;
        EmulatedGpu gpu = new(new EmulatedGpuOptions { IsCounted = true });
        gpu.LaunchCounted = (name, _, counts) => counted = name == "TopKF32" ? counts : counted;
        using CudaDevice device = new(gpu, "emulated");
        using DocumentSearch search = device.Hold(DocumentRows.Of(new float[DocumentSearch.Block * Width], Width));
        search.Search(new float[4 * Width], SimilarityFunction.Cosine, [new(10), new(10), new(10), new(10)]);
        NoConflicts("TopKF32", counted!);
        Assert.All(counted!.Global.Values, traffic => Assert.True(traffic.IdealSectors >= .9 * traffic.Sectors, $"{traffic}"));
    }

    // Hidden 384 has the LayerNorm in a product's epilogue, 160 has not.
    public static TheoryData<string, int, int> Steps() => new()
    {
        { "Float16", 80, Hidden }, { "BFloat16", 80, 160 }, { "Float32", 60, Hidden }, { "Float16", 60, Hidden },
    };

    [Theory, MemberData(nameof(Steps))]
    public void EveryKernelOfATrainingStep_TouchesFewSectorsBeyondItsBytes_AndTensorCoresHaveNoBankConflicts(string precision, int capability, int hidden)
    {
        List<string> wrong = [];
        foreach ((string name, List<LaunchCounts> launches) in CountStep(Enum.Parse<Precision>(precision), capability, hidden))
        {
            long sectors = launches.Sum(launch => launch.Global.Values.Sum(traffic => traffic.Sectors)),
                ideal = launches.Sum(launch => launch.Global.Values.Sum(traffic => traffic.IdealSectors));
            string line = string.Create(CultureInfo.InvariantCulture, $"{name}: {ideal} of {sectors} sectors ({(double)ideal / sectors:F3})");
            if (ideal < 0.9 * sectors) { wrong.Add(line); }
            if (!TrainingKernels.OnTensorCores(name)) { continue; }
            Assert.All(launches, counts => NoConflicts(name, counts));
        }
        Assert.Empty(wrong);
    }

    private static Dictionary<string, List<LaunchCounts>> CountStep(Precision precision, int capability, int hidden)
    {
        EmulatedGpu gpu = new(new EmulatedGpuOptions { IsCounted = true, Capability = capability });
        Dictionary<string, List<LaunchCounts>> counted = [];
        using CudaDevice device = new(gpu, "emulated");
        using RandomNetwork random = new(hidden, hidden / 32, 2 * hidden, 1);
        Network dropped = random.Network with { Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .1f } };
        using TrainingNetwork network = device.LoadForTraining(dropped, precision, new TrainingOptions());
        gpu.LaunchCounted = (name, _, counts) =>
        {
            if (!counted.TryGetValue(name, out List<LaunchCounts>? all)) { counted[name] = all = []; }
            all.Add(counts);
        };
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [64, 7, 33, 24], seed: 5);
        float[] output = new float[batch.Sequences * hidden];
        network.ForwardSaving(batch, 0, new StepDropout(1, 2, [0, 64, 71, 104]), output);
        network.Backward(0, output);
        network.Step(new StepOptions(1e-3, .1));
        return counted;
    }

    public static TheoryData<string, int> Passes() => new() { { "Float16", 80 }, { "BFloat16", 80 }, { "Float32", 80 }, { "Float32", 60 }, { "Float16", 60 } };

    [Theory, MemberData(nameof(Passes))]
    public void EveryKernelOfAForwardPass_TouchesFewSectorsBeyondItsBytes(string precision, int capability)
    {
        List<string> wrong = [];
        foreach ((string name, List<LaunchCounts> launches) in CountForward(Enum.Parse<Precision>(precision), capability))
        {
            long sectors = launches.Sum(launch => launch.Global.Values.Sum(traffic => traffic.Sectors)),
                ideal = launches.Sum(launch => launch.Global.Values.Sum(traffic => traffic.IdealSectors));
            string line = string.Create(CultureInfo.InvariantCulture, $"{name}: {ideal} of {sectors} sectors ({(double)ideal / sectors:F3})");
            if (ideal < 0.9 * sectors) { wrong.Add(line); }
        }
        Assert.Empty(wrong);
    }
}
