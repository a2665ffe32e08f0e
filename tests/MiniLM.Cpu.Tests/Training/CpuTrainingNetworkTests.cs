using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Training on the CPU against its definition in double.</summary>
public sealed class CpuTrainingNetworkTests
{
    private static readonly int[][] Batches = [[3], [1, 1], [40, 1, 7], [64, 64, 65, 30, 100, 5], [140, 2]];

    public static TheoryData<string> AllTiers() => Tiers.All();

    [Theory, MemberData(nameof(AllTiers))]
    public void Gradients_OfEverySizeAreThoseOfTheDefinition(string tier)
    {
        foreach (RandomNetwork random in Networks())
        {
            using (random)
            {
                foreach (int[] lengths in Batches)
                {
                    foreach (float dropout in new[] { 0, .25f })
                    {
                        Compare(WithDropout(random.Network, dropout), lengths, CpuTiers.Choose(tier), dropout > 0);
                    }
                }
            }
        }
    }

    public static TheoryData<string, Precision> TiersOf16Bits() => CpuNetworkTests.TiersOf16Bits();

    [Theory, MemberData(nameof(TiersOf16Bits))]
    public void Gradients_In16BitsStayNearTheDefinition(string tier, Precision precision)
    {
        foreach (RandomNetwork random in Networks())
        {
            using (random)
            {
                foreach (int[] lengths in Batches) { Compare(WithDropout(random.Network, .25f), lengths, CpuTiers.Choose(tier), true, precision); }
            }
        }
    }

    private static IEnumerable<RandomNetwork> Networks() =>
        [new(20, 5, 33, 2, Activation.Relu), new(36, 1, 31, 1, Activation.GeluTanh), new(64, 2, 70, 2), new(66, 2, 40, 2, relativeBias: true)];

    private static Network WithDropout(Network network, float dropout) => network with
    {
        Config = network.Config with { HiddenDropout = dropout, AttentionDropout = dropout / 2 },
    };

    private static void Compare(Network network, int[] lengths, CpuTier tier, bool drops, Precision precision = Precision.Float32)
    {
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, lengths, seed: 3);
        StepDropout? dropout = drops ? new StepDropout(9876543210, 7, [.. batch.Offsets.Take(batch.Sequences).Select(row => 1000 - row)]) : null;
        Random random = new(5);
        float[] upstream = [.. Enumerable.Range(0, batch.Sequences * network.OutputSize).Select(_ => random.NextSingle() - .5f)];
        string what = $"hidden {network.Config.HiddenSize}, lengths {string.Join(' ', lengths)}, dropout {drops}";

        using ParameterBlock block = new(network);
        using ReferenceTrainingNetwork<double> reference = new(block, new TrainedParameters());
        float[] expected = new float[upstream.Length];
        reference.ForwardSaving(batch, 0, dropout, expected);
        reference.Backward(0, upstream);

        float[][]? bits = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads, tier);
            using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainedParameters());
            float[] actual = new float[upstream.Length];
            trained.ForwardSaving(batch, 0, dropout, actual);
            GoldenBatch.AssertAll(GoldenBatch.Doubles(expected), GoldenBatch.Doubles(actual), Tolerance(precision, 5e-6), what);
            trained.Backward(0, upstream);
            float[][] gradients = [.. trained.Parameters.Parameters.Select(parameter => Gradient(trained, parameter))];
            for (int i = 0; i < gradients.Length; i++)
            {
                string tensor = $"{what}, {threads} threads, {block.Parameters[i].Name}, tensor {i}";
                if (precision == Precision.Float32) { AssertClose(reference.Gradient(block.Parameters[i]), gradients[i], tensor); }
                else { AssertNear(reference.Gradient(block.Parameters[i]), gradients[i], Tolerance(precision, 0), tensor); }
            }
            bits ??= gradients;
            for (int i = 0; i < gradients.Length; i++) { Assert.Equal(bits[i], gradients[i]); }
        }
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
        using TrainingNetwork trained = device.LoadForTraining(network, Precision.Float32, new TrainedParameters());
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
