using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>Training on an emulated GPU against the reference in double.</summary>
internal static class TrainingComparison
{
    // Sequences of one row; more rows than a tile, than a part of a weight's gradient, than a swept tile.
    private static readonly int[] Several = [40, 1, 70, 33, 20, 5];

    /// <summary>More rows than lie in shared memory at a time.</summary>
    internal static readonly int[] Long = [1, 300, 17, 2, 64];

    /// <summary>Relative error of the norm of a tensor's gradient: fp32's sums; a rounding of each row that a gradient passes, and signs that it changes
    /// before a ReLU (measured: 1.3e-2 and 8e-2, without ReLU 3e-3 and 3e-2).</summary>
    internal static double Tolerance(Precision precision) => precision switch { Precision.Float32 => 5e-6, Precision.Float16 => 2e-2, _ => 1e-1 };

    /// <summary>The gradients, then the weights after a step of AdamW, and what they infer.</summary>
    internal static void Step(CudaDevice device, Network network, Precision precision, int[]? lengths = null)
    {
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(network), new TrainingOptions());
        using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions());
        Gradients(trained, reference, network, precision, drops: true, lengths);
        StepOptions options = new(1e-2, .1) { LossScale = 2 };
        (StepResult result, StepResult expected) = (trained.Step(options), reference.Step(options));
        GoldenBatch.Close(expected.GradientNorm, result.GradientNorm, Tolerance(precision) * expected.GradientNorm, "norm");
        Assert.True(result.IsTaken);
        using Lifetime.Inside held = trained.Hold();
        for (int i = 0; i < trained.Parameters.Parameters.Count; i++)
        {
            (Parameter parameter, Parameter right) = (trained.Parameters.Parameters[i], reference.Parameters.Parameters[i]);
            // Adam divides by the root of the moment: where a gradient is rounding alone, as a key's bias has it, so is the direction.
            if (precision == Precision.Float32 && !IsKeyBias(trained, parameter))
            {
                AssertMoved(network.Tensors().ElementAt(i).ToFloats(), reference.Values(right), trained.Parameters[parameter], $"tensor {i}");
            }
        }
        PackedBatch batch = Batch(network.Config);
        float[] inferred = new float[batch.Sequences * network.OutputSize];
        double[] now = new double[inferred.Length];
        trained.Forward(batch, inferred);
        new ReferenceNetwork<double>(trained.Parameters.Network).Pass.Forward(batch, now, default);
        GoldenBatch.AssertAll(now, GoldenBatch.Doubles(inferred), Tolerance(precision) * 10, "a pass after the step");
    }

    /// <summary>The outputs of a pass with dropout or without, and the gradient of every parameter.</summary>
    internal static void Gradients(CudaDevice device, Network network, Precision precision, bool drops)
    {
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(network), new TrainingOptions());
        using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions());
        Gradients(trained, reference, network, precision, drops);
    }

    private static void Gradients(
        TrainingNetwork trained, ReferenceTrainingNetwork<double> reference, Network network, Precision precision, bool drops, int[]? lengths = null)
    {
        PackedBatch batch = Batch(network.Config, lengths);
        StepDropout? dropout = drops ? Dropout(batch) : null;
        float[] upstream = Upstream(batch.Sequences * network.OutputSize), actual = new float[upstream.Length];
        double[] expected = new double[upstream.Length];
        reference.ForwardSaving(batch, 0, dropout, expected);
        reference.Backward(0, upstream);
        string what = $"{precision}, hidden {network.Config.HiddenSize}, dropout {drops}";
        trained.ForwardSaving(batch, 0, dropout, actual);
        double greatest = Math.Max(1, GoldenBatch.Largest(expected)); // without a normalisation behind it, pooling has rows of any size
        GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(actual), Tolerance(precision) * greatest, what);
        trained.Backward(0, upstream);
        for (int i = 0; i < trained.Parameters.Parameters.Count; i++)
        {
            (Parameter parameter, Parameter right) = (trained.Parameters.Parameters[i], reference.Parameters.Parameters[i]);
            // A key's bias has no gradient but for rounding: that of sums as large as its weight's.
            Parameter scale = IsKeyBias(trained, parameter) ? reference.Parameters.Parameters[i - 1] : right;
            AssertNear(reference.Gradient(right), Gradient(trained, parameter), Tolerance(precision), $"{what}, tensor {i}", Length(reference.Gradient(scale)));
        }
    }

    // Padding is trained by nobody; a token that comes again adds up.
    internal static PackedBatch Batch(EncoderConfig config, int[]? lengths = null)
    {
        PackedBatch batch = DeviceContract.RandomBatch(config, lengths ?? Several, seed: 3);
        batch.TokenIds[3] = config.PadTokenId;
        if (config.PadPosition is { } position) { batch.Positions[5] = position; }
        batch.PromptRows = 1;
        return batch;
    }

    internal static StepDropout Dropout(PackedBatch batch) => new(9876543210, 7, [.. batch.Offsets.Take(batch.Sequences).Select(row => 1000 - row)]);

    internal static float[] Upstream(int count)
    {
        Random random = new(5);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];
    }

    internal static float[] Gradient(TrainingNetwork network, Parameter parameter)
    {
        float[] values = new float[parameter.Count];
        network.ReadGradient(parameter, values);
        return values;
    }

    // As vectors: of 16 bits single elements err by more.
    internal static void AssertNear(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double tolerance, string what, double? scale = null)
    {
        double error = 0;
        for (int i = 0; i < actual.Length; i++) { error += Math.Pow(expected[i] - actual[i], 2); }
        GoldenBatch.Close(0, Math.Sqrt(error), tolerance * Math.Max(scale ?? Length(expected), 2e-2), what);
    }

    private static double Length(ReadOnlySpan<double> values)
    {
        double squares = 0;
        foreach (double value in values) { squares += value * value; }
        return Math.Sqrt(squares);
    }

    internal static bool IsKeyBias(TrainingNetwork network, Parameter parameter) =>
        network.Parameters.Network.Encoder.Layers.Any(layer => layer.Key.Bias == parameter.Tensor);

    internal static void AssertMoved(float[] from, ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, string what)
    {
        double error = 0, length = 0;
        for (int i = 0; i < from.Length; i++)
        {
            error += Math.Pow(expected[i] - actual[i], 2);
            length += Math.Pow(expected[i] - from[i], 2);
        }
        GoldenBatch.Close(0, Math.Sqrt(error), 1e-2 * Math.Sqrt(length), $"{what} moved");
    }
}
