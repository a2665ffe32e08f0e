using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

/// <summary>fp16 and bf16: goldens within 16 bits' tolerances, tensor-core kernels against the reference, the same bits in any batch.</summary>
public sealed class PrecisionTests
{
    private const int MostRows = 1000;

    private static CudaDevice Open(int capability = 80, MmaMode mma = MmaMode.Fused, uint jitter = 0, bool isChecked = false) =>
        new(new EmulatedGpu(new EmulatedGpuOptions { Capability = capability, Mma = mma, JitterSeed = jitter, IsChecked = isChecked }), "emulated");

    private static float[] Forward(CudaDevice device, Network network, Precision precision, PackedBatch batch)
    {
        using DeviceNetwork loaded = device.Load(network, precision);
        float[] output = new float[batch.Sequences * network.OutputSize];
        loaded.Forward(batch, output);
        return output;
    }

    private static void Close(double[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance,
                $"{what}, element {i}: expected {expected[i]:R}, got {actual[i]:R}, tolerance {tolerance:R}");
        }
    }

    /// <summary>Those whose goldens hold logits: the README has a tolerance of 16 bits for these.</summary>
    public static TheoryData<string> TinyClassifiers()
    {
        if (SharedFolder.Root is null) { return DeviceContract.TinyFolders(); }
        return [.. DeviceContract.RunTinyFolders().Select(row => row.Data).Where(name =>
        {
            using Golden golden = DeviceContract.TinyGolden(name);
            return golden.Prefixes().Any(prefix => golden.Has(prefix + "logits"));
        })];
    }

    public static TheoryData<string> RealCases() => DeviceContract.RealCases();

    [Theory, MemberData(nameof(TinyClassifiers))]
    public void Float16_TinyModelsGiveTheirLogitsOnTierG(string name)
    {
        using ModelFolder model = ModelFolder.Open(SharedFolder.Require("golden", "forward", "tiny", name));
        using Golden golden = DeviceContract.TinyGolden(name);
        using CudaDevice device = Open(60);
        int compared = 0;
        foreach (string prefix in golden.Prefixes().Where(prefix => golden.Has(prefix + "logits")))
        {
            PackedBatch batch = GoldenBatch.Read(golden, prefix, model.Network.Config).Batch;
            double[] expected = golden.Doubles(prefix + "logits");
            float[] actual = Forward(device, model.Network, Precision.Float16, batch);
            int size = model.Network.OutputSize;
            for (int sequence = 0; sequence < batch.Sequences; sequence++)
            {
                // The golden's head takes column 0, which left padding makes meaningless (README, Pitfalls).
                if (batch.Columns[batch.Offsets[sequence]] != 0) { continue; }
                Range range = (sequence * size)..((sequence + 1) * size);
                Close(expected[range], actual[range], 5e-3, $"{prefix}logits, sequence {sequence}");
                compared++;
            }
        }
        Assert.True(compared > 0, $"nothing was compared for {name}");
    }

    [Theory, MemberData(nameof(RealCases))]
    public void Float16AndBFloat16_RealModelGivesItsEmbeddingsOnTensorCores(string name)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "minilm.safetensors"));
        using ModelFolder model = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        PackedBatch batch = GoldenBatch.Read(golden, name + ".", model.Network.Config).Batch;
        Assert.SkipWhen(batch.Rows > MostRows, $"skipped: {name} has more than {MostRows} rows");
        double[] expected = golden.Doubles(name + ".sentence_embedding");
        using CudaDevice device = Open();
        Close(expected, Forward(device, model.Network, Precision.Float16, batch), 1e-3, name + " float16");
        Close(expected, Forward(device, model.Network, Precision.BFloat16, batch), 1e-2, name + " bfloat16");
    }

    public static TheoryData<int, int, int, string> Shapes() => new()
    {
        { 128, 4, 256, "Gelu" }, // fused LayerNorm, heads of 32
        { 128, 2, 128, "GeluTanh" }, // heads of 64
        { 256, 8, 384, "Relu" },
        { 384, 12, 1536, "Gelu" },
        { 96, 3, 160, "Gelu" }, // padded to the tile, LayerNorm apart
        { 512, 8, 256, "Gelu" }, // too wide for the fused LayerNorm
    };

    [Theory, MemberData(nameof(Shapes))]
    public void TensorCores_AgreeWithTheReference(int hidden, int heads, int inner, string activation)
    {
        using RandomNetwork random = new(hidden, heads, inner, 2, Enum.Parse<Activation>(activation));
        using ReferenceDevice reference = new();
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, hidden == 384 ? [1, 17, 63] : [1, 2, 15, 16, 17, 63, 64, 65, 129], seed: 4);
        float[] expected = new float[batch.Sequences * hidden];
        using (DeviceNetwork network = reference.Load(random.Network, Precision.Float32)) { network.Forward(batch, expected); }
        double[] exact = Array.ConvertAll(expected, value => (double)value);
        using CudaDevice device = Open(isChecked: true);
        Close(exact, Forward(device, random.Network, Precision.Float16, batch), 1e-3, "float16");
        Close(exact, Forward(device, random.Network, Precision.BFloat16, batch), 1e-2, "bfloat16");
    }

    [Theory]
    [InlineData(300), InlineData(512)]
    public void TensorCoreAttention_TakesSequencesThatDoNotFitAtOnce(int length)
    {
        using RandomNetwork random = new(128, 4, 128, 1);
        using ReferenceDevice reference = new();
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [length, 3], seed: 4);
        float[] expected = new float[batch.Sequences * 128];
        using (DeviceNetwork network = reference.Load(random.Network, Precision.Float32)) { network.Forward(batch, expected); }
        using CudaDevice device = Open(isChecked: true);
        Close(Array.ConvertAll(expected, value => (double)value), Forward(device, random.Network, Precision.Float16, batch), 1e-3, "float16");
    }

    [Fact]
    public void EveryMmaRoundingAndJitteredApproximation_StaysWithinTheTolerance()
    {
        using RandomNetwork random = new(128, 4, 256, 2);
        using ReferenceDevice reference = new();
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [5, 33, 64], seed: 9);
        float[] expected = new float[batch.Sequences * 128];
        using (DeviceNetwork network = reference.Load(random.Network, Precision.Float32)) { network.Forward(batch, expected); }
        double[] exact = Array.ConvertAll(expected, value => (double)value);
        foreach (MmaMode mode in Enum.GetValues<MmaMode>())
        {
            foreach (uint jitter in new uint[] { 0, 1, 2 })
            {
                using CudaDevice device = Open(mma: mode, jitter: jitter);
                Close(exact, Forward(device, random.Network, Precision.Float16, batch), 1e-3, $"float16 {mode} jitter {jitter}");
                Close(exact, Forward(device, random.Network, Precision.BFloat16, batch), 1e-2, $"bfloat16 {mode} jitter {jitter}");
                if (mode == MmaMode.Fused) { Close(exact, Forward(device, random.Network, Precision.Float32, batch), 2e-6, $"float32 jitter {jitter}"); }
            }
        }
    }

    [Theory]
    [InlineData("Float32"), InlineData("Float16"), InlineData("BFloat16")]
    public void ASequenceGivesTheSameBitsAloneAndInABatchAndTwice(string precision)
    {
        using RandomNetwork random = new(128, 4, 256, 2);
        using CudaDevice device = Open();
        using DeviceNetwork network = device.Load(random.Network, Enum.Parse<Precision>(precision));
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [7, 1, 64, 65, 130, 16], seed: 3), alone = new();
        float[] together = new float[6 * 128], twice = new float[6 * 128], one = new float[128];
        network.Forward(batch, together);
        network.Forward(batch, twice);
        Assert.Equal(together, twice);
        for (int sequence = 0; sequence < 6; sequence++)
        {
            (int first, int length) = (batch.Offsets[sequence], batch.Length(sequence));
            alone.Clear();
            alone.Add(batch.TokenIds.AsSpan(first, length), batch.TypeIds.AsSpan(first, length), random.Network.Config.Architecture);
            network.Forward(alone, one);
            Assert.True(together.AsSpan(sequence * 128, 128).SequenceEqual(one), $"sequence {sequence}");
        }
    }

    // What tier A's kernels do not take runs on tier G's in both storages of 16 bits: relative bias, sizes that are no multiple of 32.
    [Theory]
    [InlineData(64, 2, 96, true), InlineData(90, 5, 70, false)]
    public void SixteenBits_RunWithoutTensorCoreKernelsFromSm80On(int hidden, int heads, int inner, bool relativeBias)
    {
        using RandomNetwork random = new(hidden, heads, inner, 2, relativeBias: relativeBias);
        using ReferenceDevice reference = new();
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [1, 2, 17, 40], seed: 4);
        float[] expected = new float[batch.Sequences * hidden];
        using (DeviceNetwork network = reference.Load(random.Network, Precision.Float32)) { network.Forward(batch, expected); }
        double[] exact = Array.ConvertAll(expected, value => (double)value);
        using CudaDevice device = Open(isChecked: true);
        Close(exact, Forward(device, random.Network, Precision.Float16, batch), 2e-3, "float16");
        Close(exact, Forward(device, random.Network, Precision.BFloat16, batch), 2e-2, "bfloat16");
    }

    [Theory]
    [InlineData(Precision.Float16), InlineData(Precision.BFloat16)]
    public void WhatTensorCoresDoNotTake_IsSaid(Precision precision)
    {
        using RandomNetwork random = new(64, 2, 96, 1, relativeBias: true);
        List<string> said = [];
        using CudaDevice device = new(new EmulatedGpu(), "emulated", said.Add);
        device.Load(random.Network, precision).Dispose();
        Assert.Equal("attention (relative bias) runs without tensor cores on emulated sm_80", Assert.Single(said));
    }

    [Theory]
    [InlineData(60), InlineData(75)]
    public void BFloat16_IsRefusedByNameBelowSm80(int capability)
    {
        using RandomNetwork random = new(64, 2, 64, 1);
        using CudaDevice device = Open(capability);
        Assert.False(device.Supports(Precision.BFloat16));
        Assert.Contains("no BFloat16 kernels", Assert.Throws<NotSupportedException>(() => device.Load(random.Network, Precision.BFloat16)).Message,
            StringComparison.Ordinal);
    }
}
