using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>What <see cref="CpuTrainingNetworkTests"/> asks of every size, of a few small networks: seconds, not minutes.</summary>
public sealed class SmallTrainingNetworkTests
{
    private static readonly int[] Lengths = [40, 1, 70, 33, 20, 5]; // two groups of 128 rows, the second of an odd number; sequences of one row

    private static readonly Precision[] Precisions = [Precision.Float32, Precision.BFloat16];

    /// <summary>Float32; bfloat16 in hardware, where this machine has it, and rounded.</summary>
    public static TheoryData<CpuTier, Precision> All() =>
        [.. from tier in CpuTiers.Supported where tier != CpuTier.Vector128 from precision in Precisions select (tier, precision)];

    [Theory, MemberData(nameof(All))]
    public void Gradients_AreThoseOfTheDefinition(CpuTier tier, Precision precision)
    {
        using RandomNetwork bert = new(34, 2, 35, 2), mpnet = new(34, 2, 33, 1, Activation.GeluTanh, relativeBias: true), whole = new(64, 2, 64, 1),
            none = new(33, 1, 8, 0);
        foreach (RandomNetwork random in new[] { bert, mpnet, whole, none })
        {
            foreach (bool drops in new[] { false, true })
            {
                Network network = random.Network with
                {
                    Config = random.Network.Config with { HiddenDropout = drops ? .1f : 0, AttentionDropout = drops ? .2f : 0 },
                };
                Compare(network, tier, precision, drops);
            }
        }
    }

    // Padding is trained by nobody; a token that comes again adds up.
    private static PackedBatch Batch(EncoderConfig config)
    {
        PackedBatch batch = DeviceContract.RandomBatch(config, Lengths, seed: 3);
        batch.TokenIds[3] = config.PadTokenId;
        if (config.PadPosition is { } position) { batch.Positions[5] = position; }
        return batch;
    }

    private static StepDropout Dropout(PackedBatch batch) => new(9876543210, 7, [.. batch.Offsets.Take(batch.Sequences).Select(row => 1000 - row)]);

    private static float[] Upstream(int count)
    {
        Random random = new(5);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];
    }

    private static void Compare(Network network, CpuTier tier, Precision precision, bool drops)
    {
        PackedBatch batch = Batch(network.Config);
        StepDropout? dropout = drops ? Dropout(batch) : null;
        float[] upstream = Upstream(batch.Sequences * network.OutputSize);
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(network), new TrainingOptions());
        double[] expected = new double[upstream.Length];
        reference.ForwardSaving(batch, 0, dropout, expected);
        reference.Backward(0, upstream);
        string what = $"hidden {network.Config.HiddenSize}, dropout {drops}";
        bool isFloat32 = precision == Precision.Float32;

        float[][]? bits = null;
        foreach ((int threads, bool recomputes) in new[] { (2, false), (1, true) })
        {
            using CpuDevice device = new(threads, tier);
            using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions { RecomputesInner = recomputes });
            float[] actual = new float[upstream.Length];
            trained.ForwardSaving(batch, 0, dropout, actual);
            GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(actual), isFloat32 ? 5e-6 : 4e-2, what);
            trained.Backward(0, upstream);
            float[][] gradients = [.. trained.Parameters.Parameters.Select(parameter => Gradient(trained, parameter))];
            for (int i = 0; i < gradients.Length; i++)
            {
                AssertNear(reference.Gradient(reference.Parameters.Parameters[i]), gradients[i], isFloat32 ? 5e-6 : 5e-2, $"{what}, tensor {i}");
            }
            bits ??= [actual, .. gradients];
            Assert.Equal(bits, [actual, .. gradients]);
        }
    }

    private static float[] Gradient(TrainingNetwork network, Parameter parameter)
    {
        float[] values = new float[parameter.Count];
        network.ReadGradient(parameter, values);
        return values;
    }

    // As vectors: of 16 bits single elements err by more. A key's bias has no gradient but for rounding.
    private static void AssertNear(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        double error = 0, length = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            error += Math.Pow(expected[i] - actual[i], 2);
            length += expected[i] * expected[i];
        }
        Tiers.Close(0, Math.Sqrt(error), tolerance * Math.Max(Math.Sqrt(length), 2e-2), what);
    }

    // Two batches a step, in slots of their own; then a smaller and a larger one than before.
    [Theory]
    [InlineData(Precision.Float32), InlineData(Precision.BFloat16)]
    public void Steps_AreThoseOfTheDefinition(Precision precision)
    {
        using RandomNetwork random = new(34, 2, 35, 1);
        Network network = random.Network;
        TrainingOptions training = new() { IsTrained = name => name != "3", Decays = name => name.Length > 1 };
        using CpuDevice device = new(2);
        using TrainingNetwork trained = device.LoadForTraining(Numbered(network), precision, training);
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(Numbered(network)), training);
        float tolerance = precision == Precision.Float32 ? 2e-5f : 3e-2f;
        PackedBatch[][] steps = [[Of(3, 9), Of(140)], [Of(5)], [Of(150, 40), Of(2)]];
        for (int step = 0; step < steps.Length; step++)
        {
            foreach (TrainingNetwork either in new[] { trained, reference })
            {
                for (int slot = 0; slot < steps[step].Length; slot++)
                {
                    either.ForwardSaving(steps[step][slot], slot, null, new float[steps[step][slot].Sequences * network.OutputSize]);
                }
                for (int slot = 0; slot < steps[step].Length; slot++)
                {
                    either.Backward(slot, Upstream(steps[step][slot].Sequences * network.OutputSize));
                }
            }
            Assert.Throws<InvalidOperationException>(() => trained.Backward(0, Upstream(network.OutputSize)));
            StepOptions options = new(1e-2, .1) { LossScale = 2 };
            (StepResult result, StepResult expected) = (trained.Step(options), reference.Step(options));
            Tiers.Close(expected.GradientNorm, result.GradientNorm, tolerance * expected.GradientNorm, "norm");
            Assert.True(result.IsTaken);
            Assert.Equal(step + 1, trained.Steps);
            for (int i = 0; i < trained.Parameters.Parameters.Count; i++)
            {
                (Parameter parameter, Parameter right) = (trained.Parameters.Parameters[i], reference.Parameters.Parameters[i]);
                if (precision == Precision.Float32)
                {
                    foreach (OptimizerState state in Enum.GetValues<OptimizerState>())
                    {
                        float[] moment = new float[parameter.Count], of = new float[parameter.Count];
                        trained.ReadState(parameter, state, moment);
                        reference.ReadState(right, state, of);
                        AssertNear(GoldenBatch.Doubles(of), moment, tolerance, $"step {step}, tensor {i}, {state}");
                    }
                    AssertMoved(network.Tensors().ElementAt(i).ToFloats(), reference.Values(right), trained.Parameters[parameter], i);
                }
                Assert.False(Gradient(trained, parameter).AsSpan().ContainsAnyExcept(0));
            }
            AssertInference(trained, steps[step][0], precision == Precision.Float32 ? 1e-4 : 5e-2);
        }

        PackedBatch Of(params int[] lengths) => DeviceContract.RandomBatch(network.Config, lengths, seed: lengths[0]);
    }

    // Adam divides by the root of the moment: where a gradient is rounding alone, so is the direction.
    private static void AssertMoved(float[] from, ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, int tensor)
    {
        double error = 0, length = 0;
        for (int i = 0; i < from.Length; i++)
        {
            error += Math.Pow(expected[i] - actual[i], 2);
            length += Math.Pow(expected[i] - from[i], 2);
        }
        if (tensor == 3) { Assert.Equal(from, actual.ToArray()); }
        else if (tensor != 12) { Tiers.Close(0, Math.Sqrt(error), 1e-2 * Math.Sqrt(length), $"tensor {tensor} moved"); }
    }

    // The panels that infer are those that train: they were packed again.
    private static void AssertInference(TrainingNetwork trained, PackedBatch batch, double tolerance)
    {
        float[] saved = new float[batch.Sequences * trained.Parameters.Network.OutputSize], inferred = new float[saved.Length];
        double[] expected = new double[saved.Length];
        trained.ForwardSaving(batch, 0, null, saved);
        trained.Forward(batch, inferred);
        ReferenceNetwork<double> now = new(trained.Parameters.Network);
        now.Pass.Forward(batch, expected, default);
        GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(saved), tolerance, "a saving pass after the step");
        GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(inferred), tolerance, "a pass after the step");
        trained.Backward(0, Upstream(saved.Length));
        trained.ClearGradients();
        foreach (Parameter parameter in trained.Parameters.Parameters) { Assert.False(Gradient(trained, parameter).AsSpan().ContainsAnyExcept(0)); }
    }

    /// <summary>Each tensor named by its number.</summary>
    private static unsafe Network Numbered(Network network)
    {
        int number = 0;
        Dictionary<Tensor, Tensor> named = network.Tensors().ToDictionary(tensor => tensor, tensor => new Tensor(
            $"{number++}", tensor.ElementType, [.. tensor.Shape], tensor.Data, tensor.Count * sizeof(float), tensor.File));
        return network.With(tensor => named[tensor]);
    }

    [Theory]
    [InlineData(float.NaN), InlineData(float.PositiveInfinity)]
    public void AGradientThatIsNotFinite_ChangesNothingAndIsForgotten(float bad)
    {
        using RandomNetwork random = new(34, 2, 35, 1);
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [3, 2], seed: 3);
        float[] upstream = Upstream(batch.Sequences * random.Network.OutputSize);
        using CpuDevice device = new(2);
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        float[][] before = [.. trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray())];
        trained.ForwardSaving(batch, 0, null, new float[upstream.Length]);
        trained.Backward(0, [bad, .. upstream[1..]]);
        Assert.False(trained.Step(new StepOptions(1e-3, .5)).IsTaken);
        Assert.Equal(0, trained.Steps);
        Assert.Equal(before, trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray()));
        foreach (Parameter parameter in trained.Parameters.Parameters) { Assert.False(Gradient(trained, parameter).AsSpan().ContainsAnyExcept(0)); }
    }

    [Fact]
    public void States_AreWrittenAsTheyAreRead()
    {
        using RandomNetwork random = new(34, 2, 35, 1);
        using CpuDevice device = new(1);
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        int number = 0;
        foreach (OptimizerState state in Enum.GetValues<OptimizerState>())
        {
            foreach (Parameter parameter in trained.Parameters.Parameters)
            {
                trained.WriteState(parameter, state, [.. Enumerable.Range(number++, parameter.Count).Select(value => (float)value)]);
            }
        }
        number = 0;
        foreach (OptimizerState state in Enum.GetValues<OptimizerState>())
        {
            foreach (Parameter parameter in trained.Parameters.Parameters)
            {
                float[] values = new float[parameter.Count];
                trained.ReadState(parameter, state, values);
                Assert.Equal(Enumerable.Range(number++, parameter.Count).Select(value => (float)value), values);
            }
        }
    }
}
