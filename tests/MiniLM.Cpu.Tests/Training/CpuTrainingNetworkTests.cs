using System.Globalization;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Training on the CPU against its definition in double.</summary>
public sealed class CpuTrainingNetworkTests
{
    private static readonly int[][] Batches = [[3], [1, 1], [40, 1, 7], [64, 64, 65, 30, 100, 5], [140, 2]];

    private static readonly (string Name, Func<RandomNetwork> Make)[] Networks =
    [
        ("relu", () => new(20, 5, 33, 2, Activation.Relu)), ("one head", () => new(36, 1, 31, 1, Activation.GeluTanh)), ("bert", () => new(64, 2, 70, 2)),
        ("mpnet", () => new(66, 2, 40, 2, relativeBias: true)),
    ];

    public static TheoryData<string> AllNetworks() => [.. Networks.Select(network => network.Name)];

    [Theory, MemberData(nameof(AllNetworks))]
    public void Gradients_OfEverySizeTierAndPrecisionAreThoseOfTheDefinition(string name)
    {
        using RandomNetwork random = Networks.Single(network => network.Name == name).Make();
        foreach (int[] lengths in Batches)
        {
            Compare(WithDropout(random.Network, 0), lengths, drops: false, [Precision.Float32]);
            Compare(WithDropout(random.Network, .25f), lengths, drops: true, [Precision.Float32, Precision.BFloat16, Precision.Float16]);
        }
    }

    private static Network WithDropout(Network network, float dropout) => network with
    {
        Config = network.Config with { HiddenDropout = dropout, AttentionDropout = dropout / 2 },
    };

    // The definition costs more than all that it is compared to: it is computed once.
    private static void Compare(Network network, int[] lengths, bool drops, Precision[] precisions)
    {
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, lengths, seed: 3);
        StepDropout? dropout = drops ? new StepDropout(9876543210, 7, [.. batch.Offsets.Take(batch.Sequences).Select(row => 1000 - row)]) : null;
        float[] upstream = Upstream(batch.Sequences * network.OutputSize);
        using ParameterBlock block = new(network);
        using ReferenceTrainingNetwork<double> reference = new(block, new TrainingOptions());
        float[] expected = new float[upstream.Length];
        reference.ForwardSaving(batch, 0, dropout, expected);
        reference.Backward(0, upstream);

        foreach ((CpuTier tier, Precision precision) in from tier in Tiers.Tested from precision in precisions select (tier, precision))
        {
            float[][]? bits = null;
            foreach (int threads in new[] { 1, 2, 3 })
            {
                string what = $"{tier}, {precision}, {threads} threads, lengths {string.Join(' ', lengths)}, dropout {drops}";
                using CpuDevice device = new(threads, tier);
                using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions());
                float[] actual = new float[upstream.Length];
                trained.ForwardSaving(batch, 0, dropout, actual);
                GoldenBatch.AssertAll(GoldenBatch.Doubles(expected), GoldenBatch.Doubles(actual), Tolerance(precision, 5e-6), what);
                trained.Backward(0, upstream);
                float[][] gradients = Gradients(trained);
                for (int i = 0; i < gradients.Length; i++)
                {
                    string tensor = $"{what}, {block.Parameters[i].Name}, tensor {i}";
                    if (precision == Precision.Float32) { AssertClose(reference.Gradient(block.Parameters[i]), gradients[i], tensor); }
                    else { AssertNear(reference.Gradient(block.Parameters[i]), gradients[i], Tolerance(precision, 0), tensor); }
                }
                bits ??= gradients;
                for (int i = 0; i < gradients.Length; i++) { Assert.Equal(bits[i], gradients[i]); }
            }
        }
    }

    public static TheoryData<Precision> AllPrecisions() => [Precision.Float32, Precision.BFloat16, Precision.Float16];

    private static readonly int[] Mixed = [64, 3, 64, 65, 30, 100, 5];

    private static float[] Upstream(int count)
    {
        Random random = new(5);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];
    }

    private static float[][] Gradients(TrainingNetwork network) => [.. network.Parameters.Parameters.Select(parameter => Gradient(network, parameter))];

    [Theory, MemberData(nameof(AllPrecisions))]
    public void RecomputingInnerActivations_ChangesNoBit(Precision precision)
    {
        using RandomNetwork random = new(66, 2, 70, 2);
        Network network = WithDropout(random.Network, .1f);
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, Mixed, seed: 3);
        StepDropout dropout = new(1, 2, [.. batch.Offsets.Take(batch.Sequences)]);
        float[][][] found = [.. new[] { false, true }.Select(recomputes =>
        {
            using CpuDevice device = new(2);
            using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions { RecomputesInner = recomputes });
            float[] output = new float[batch.Sequences * network.OutputSize];
            trained.ForwardSaving(batch, 0, dropout, output);
            trained.Backward(0, Upstream(output.Length));
            return (float[][])[output, .. Gradients(trained)];
        })];
        Assert.Equal(found[0], found[1]);
    }

    // Sums are cut elsewhere, masks are not: a dropped value goes by its row in the step.
    [Theory, MemberData(nameof(AllPrecisions))]
    public void AnotherCutOfAStep_GivesTheSameGradients(Precision precision)
    {
        using RandomNetwork random = new(64, 2, 70, 2);
        Network network = WithDropout(random.Network, .1f);
        PackedBatch whole = DeviceContract.RandomBatch(network.Config, Mixed, seed: 3);
        int size = network.OutputSize;
        float[] upstream = Upstream(whole.Sequences * size);
        using CpuDevice device = new(2);
        float[][]? expected = null;
        foreach (int[] cut in new int[][] { [0, 7], [0, 1, 4, 7], [0, 1, 2, 3, 4, 5, 6, 7] })
        {
            using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions());
            for (int part = 0; part + 1 < cut.Length; part++)
            {
                PackedBatch batch = new();
                for (int sequence = cut[part]; sequence < cut[part + 1]; sequence++)
                {
                    Range rows = whole.Offsets[sequence]..whole.Offsets[sequence + 1];
                    batch.Add(whole.TokenIds.AsSpan()[rows], whole.TypeIds.AsSpan()[rows], network.Config.Architecture);
                }
                trained.ForwardSaving(batch, 0, new StepDropout(1, 2, whole.Offsets[cut[part]..cut[part + 1]]), new float[batch.Sequences * size]);
                trained.Backward(0, upstream.AsSpan(cut[part] * size, batch.Sequences * size));
            }
            float[][] gradients = Gradients(trained);
            expected ??= gradients;
            for (int i = 0; i < gradients.Length; i++)
            {
                double error = 0, length = 0;
                for (int k = 0; k < gradients[i].Length; k++)
                {
                    error += Math.Pow((double)gradients[i][k] - expected[i][k], 2);
                    length += Math.Pow(expected[i][k], 2);
                }
                Tiers.Close(0, Math.Sqrt(error), 1e-6 * Math.Max(Math.Sqrt(length), 1e-2), $"{cut.Length - 1} parts, tensor {i}");
            }
        }
    }

    [Fact]
    public void AFrozenParameter_NeitherMovesNorDecaysNorCountsInTheNorm()
    {
        using RandomNetwork random = new(64, 2, 70, 2);
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, Mixed, seed: 3);
        float[] upstream = Upstream(batch.Sequences * random.Network.OutputSize);
        using CpuDevice device = new(2);
        using TrainingNetwork all = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions { Decays = _ => true });
        using TrainingNetwork half = device.LoadForTraining(Numbered(random.Network), Precision.Float32, new TrainingOptions
        {
            IsTrained = name => int.Parse(name, CultureInfo.InvariantCulture) % 2 == 0,
            Decays = _ => true,
        });
        foreach (TrainingNetwork trained in new[] { all, half })
        {
            trained.ForwardSaving(batch, 0, null, new float[upstream.Length]);
            trained.Backward(0, upstream);
        }
        double squares = 0;
        foreach (Parameter parameter in half.Parameters.Parameters.Where((_, i) => i % 2 == 0))
        {
            foreach (float value in Gradient(half, parameter)) { squares += (double)value * value; }
        }
        float[][] before = [.. half.Parameters.Parameters.Select(parameter => half.Parameters[parameter].ToArray())];
        StepResult result = half.Step(new StepOptions(1e-3, .5));
        Assert.Equal(Math.Sqrt(squares), result.GradientNorm, 1e-9 * result.GradientNorm);
        Assert.True(all.Step(new StepOptions(1e-3, .5)).GradientNorm > result.GradientNorm);
        for (int i = 0; i < before.Length; i++)
        {
            Parameter parameter = half.Parameters.Parameters[i];
            float[] moment = new float[parameter.Count];
            half.ReadState(parameter, OptimizerState.FirstMoment, moment);
            Assert.Equal(i % 2 == 1, before[i].AsSpan().SequenceEqual(half.Parameters[parameter]));
            Assert.Equal(i % 2 == 1, !moment.AsSpan().ContainsAnyExcept(0));
        }
    }

    // Nothing below the lowest layer that is trained has a gradient, nor has a matrix that is not; the others have the same bits.
    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3)]
    public void TheWayBack_EndsWhereNothingBelowIsTrained(int frozen)
    {
        using RandomNetwork random = new(64, 2, 70, 3);
        Network whole = random.Network with { Head = [new DenseModule(random.Linear(5, 64), Activation.Tanh), new NormalizeModule()] },
            network = Numbered(whole);
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, Mixed, seed: 3);
        float[] upstream = Upstream(batch.Sequences * network.OutputSize);
        HashSet<string> trained = [.. network.Encoder.Layers[frozen..].SelectMany(layer => layer.Norms).Select(norm => norm.Gamma.Name),
            .. network.Encoder.Layers[frozen..].Select(layer => layer.Up.Weight.Name),
            .. network.Head.OfType<DenseModule>().Select(dense => dense.Linear.Weight.Name)];
        using CpuDevice device = new(2);
        using TrainingNetwork all = device.LoadForTraining(whole, Precision.Float32, new TrainingOptions());
        using TrainingNetwork some = device.LoadForTraining(network, Precision.Float32, new TrainingOptions { IsTrained = trained.Contains });
        foreach (TrainingNetwork either in new[] { all, some })
        {
            either.ForwardSaving(batch, 0, null, new float[upstream.Length]);
            either.Backward(0, upstream);
        }
        int compared = 0;
        for (int i = 0; i < all.Parameters.Parameters.Count; i++)
        {
            Parameter parameter = some.Parameters.Parameters[i];
            if (trained.Contains(parameter.Name))
            {
                Assert.Equal(Gradient(all, all.Parameters.Parameters[i]), Gradient(some, parameter));
                compared++;
            }
            else if (parameter.Tensor.Shape.Length == 2) { Assert.All(Gradient(some, parameter), value => Assert.Equal(0, value)); }
        }
        Assert.Equal(trained.Count, compared);
    }

    /// <summary>Each tensor named by its number.</summary>
    private static unsafe Network Numbered(Network network)
    {
        int number = 0;
        Dictionary<Tensor, Tensor> named = network.Tensors().ToDictionary(tensor => tensor, tensor => new Tensor(
            (number++).ToString(CultureInfo.InvariantCulture), tensor.ElementType, [.. tensor.Shape], tensor.Data, tensor.Count * sizeof(float), tensor.File));
        return network.With(tensor => named[tensor]);
    }

    [Theory]
    [InlineData(float.NaN), InlineData(float.PositiveInfinity)]
    public void AGradientThatIsNotFinite_ChangesNothingAndIsForgotten(float bad)
    {
        using RandomNetwork random = new(64, 2, 70, 2);
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, Mixed, seed: 3);
        float[] upstream = Upstream(batch.Sequences * random.Network.OutputSize), output = new float[upstream.Length];
        using CpuDevice device = new(2);
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        float[][] before = [.. trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray())];
        trained.ForwardSaving(batch, 0, null, output);
        trained.Backward(0, [bad, .. upstream[1..]]);
        StepResult skipped = trained.Step(new StepOptions(1e-3, .5));
        Assert.False(skipped.IsTaken);
        Assert.Equal(0, trained.Steps);
        Assert.Equal(before, trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray()));
        trained.ForwardSaving(batch, 0, null, output);
        trained.Backward(0, upstream);
        StepResult taken = trained.Step(new StepOptions(1e-3, .5));
        Assert.True(taken.IsTaken && taken.GradientNorm > 0);
        Assert.Equal(1, trained.Steps);
    }

    [Fact]
    public void AStep_AllocatesNothing()
    {
        using RandomNetwork random = new(64, 2, 70, 2);
        Network network = WithDropout(random.Network, .1f);
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, [64, 64, 65, 30, 100, 5], seed: 3);
        StepDropout dropout = new(1, 2, [.. batch.Offsets.Take(batch.Sequences)]);
        float[] output = new float[batch.Sequences * network.OutputSize];
        StepOptions options = new(1e-3, .01);
        using CpuDevice device = new(1);
        using TrainingNetwork trained = device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        long[] allocated = new long[3];
        for (int step = 0; step < 3; step++) // the first two have arrays to make, and code
        {
            long[] before = [GC.GetAllocatedBytesForCurrentThread(), 0, 0, 0];
            trained.ForwardSaving(batch, 0, dropout, output);
            before[1] = GC.GetAllocatedBytesForCurrentThread();
            trained.Backward(0, output);
            before[2] = GC.GetAllocatedBytesForCurrentThread();
            trained.Step(options);
            before[3] = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 3; i++) { allocated[i] = before[i + 1] - before[i]; }
        }
        Assert.Equal([0, 0, 0], allocated);
    }

    private static float[] Gradient(TrainingNetwork network, Parameter parameter)
    {
        float[] values = new float[parameter.Count];
        network.ReadGradient(parameter, values);
        return values;
    }

    // Of 16 bits the operands are rounded, by 2^-9 and 2^-12 of them.
    private static double Tolerance(Precision precision, double ofFloat32) => precision switch
    {
        Precision.BFloat16 => 8e-2,
        Precision.Float16 => 1e-2,
        _ => ofFloat32,
    };

    // As vectors: a ReLU at 0 goes the other way for an operand's last bit, and single elements with it.
    private static void AssertNear(ReadOnlySpan<double> expected, float[] actual, double tolerance, string what)
    {
        double error = 0, length = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            error += Math.Pow(expected[i] - actual[i], 2);
            length += expected[i] * expected[i];
        }
        Tiers.Close(0, Math.Sqrt(error), tolerance * Math.Max(Math.Sqrt(length), 2e-2), what); // a key's bias has no gradient but for rounding
    }

    private static void AssertClose(ReadOnlySpan<double> expected, float[] actual, string what)
    {
        double largest = 1e-3; // a key's bias has none but for rounding
        foreach (double value in expected) { largest = Math.Max(largest, Math.Abs(value)); }
        for (int i = 0; i < actual.Length; i++) { Tiers.Close(expected[i], actual[i], 2e-5 * largest, $"{what}, element {i}"); }
    }
}
