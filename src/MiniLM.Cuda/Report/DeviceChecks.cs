using System.Runtime.InteropServices;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cuda.Report;

/// <summary>Whether a device computes what the emulator of this process does with the committed kernels: random networks, each for some kernels.</summary>
/// <remarks>
/// Bounds are those that the tests hold the emulator to against the reference. Both round to the same storage in the same places; they may differ by the
/// approximations of ex2, rcp, rsqrt and tanh, and by the order in which an mma adds.
/// </remarks>
internal sealed class DeviceChecks(CudaDevice device, Action<string> say, CancellationToken cancellation)
{
    private const int Steps = 8;
    private const float HiddenDropout = .1f, AttentionDropout = .2f, HeadDropout = .3f;

    // 65 and 17: tiles that are cut; 1: shorter than any; 300: more keys than are resident, where they are.
    private static readonly int[] Lengths = [1, 17, 2, 65, 50], LongLengths = [3, 300], TrainedLengths = [40, 1, 70, 33, 20, 5];
    private static readonly PoolingMode[] EveryPooling = Enum.GetValues<PoolingMode>();

    private readonly List<DeviceCheck> _checks = [];

    /// <param name="device">What is compared.</param>
    /// <param name="precisions">In which, where the device has them.</param>
    /// <param name="say">Told what runs.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal static DeviceCheck[] Run(CudaDevice device, IEnumerable<Precision> precisions, Action<string> say, CancellationToken cancellation)
    {
        DeviceChecks checks = new(device, say, cancellation);
        foreach (Precision precision in precisions.Where(device.Supports))
        {
            checks.ForwardPasses(precision);
            checks.TrainingSteps(precision);
            checks.Training(precision);
        }
        checks.Similarity();
        checks.Search();
        return [.. checks._checks];
    }

    /// <summary>Largest difference of an element of a row, rows being normalized to about 1.</summary>
    private static double ForwardBound(Precision precision) => precision switch { Precision.Float32 => 4e-6, Precision.Float16 => 6e-3, _ => 4e-2 };

    /// <summary>Difference of a tensor's gradient, of its norm.</summary>
    private static double GradientBound(Precision precision) => precision switch { Precision.Float32 => 5e-6, Precision.Float16 => 2e-2, _ => 1e-1 };

    private void ForwardPasses(Precision precision)
    {
        (string Name, Func<RandomNetwork> Make)[] cases =
        [
            ("hidden 384, 12 heads of 32, GELU", () => new(384, 12, 1536, 1)),
            ("hidden 128, 2 heads of 64, GELU of tanh", () => new(128, 2, 256, 1, Activation.GeluTanh)),
            ("hidden 256, 8 heads of 32, ReLU", () => new(256, 8, 384, 2, Activation.Relu)),
            ("MPNet, hidden 96, 3 heads of 32", () => new(96, 3, 160, 1, relativeBias: true)),
            ("MPNet, hidden 128, 2 heads of 64", () => new(128, 2, 128, 2, Activation.Relu, relativeBias: true)),
            ("hidden 140, a head of 140", () => new(140, 1, 64, 1)),
            ("hidden 90, 3 heads of 30, GELU of tanh", () => new(90, 3, 70, 1, Activation.GeluTanh)),
            ("hidden 63, a head of 63, ReLU", () => new(63, 1, 33, 1, Activation.Relu)),
        ];
        foreach ((string name, Func<RandomNetwork> make) in cases)
        {
            Forward($"forward: {name}", precision, make, random => random.Network with { Pooling = EveryPooling, Head = [] }, Lengths);
        }
        foreach (int heads in new[] { 2, 4 })
        {
            Forward($"forward: {heads} heads of {128 / heads}, 300 tokens", precision,
                () => new(128, heads, 128, 1), random => random.Network, LongLengths);
        }
        Forward("forward: a head of dense modules and normalizations", precision, () => new(36, 2, 35, 1), WithHead, Lengths);
        foreach (ElementType storage in new[] { ElementType.F16, ElementType.BF16 })
        {
            Forward($"forward: hidden 96, weights in {storage}", precision, () => new(96, 3, 160, 1), random => random.As(storage), Lengths);
            Forward($"forward: hidden 90, weights in {storage}", precision, () => new(90, 3, 70, 1), random => random.As(storage), Lengths);
        }
    }

    private void Forward(string name, Precision precision, Func<RandomNetwork> make, Func<RandomNetwork, Network> network, int[] lengths) =>
        Check(name, precision, () =>
        {
            using RandomNetwork random = make();
            Network loaded = network(random);
            (float[] Hidden, float[] Output) actual = Rows(device, loaded, precision, lengths),
                expected = Emulated(on => Rows(on, loaded, precision, lengths));
            double error = Larger(Difference(expected.Hidden, actual.Hidden), Difference(expected.Output, actual.Output));
            return [new(name, precision, error, ForwardBound(precision), HaveEqualBits(expected.Hidden, actual.Hidden, expected.Output, actual.Output))];
        });

    private (float[] Hidden, float[] Output) Rows(CudaDevice on, Network network, Precision precision, int[] lengths)
    {
        PackedBatch batch = RandomNetwork.Batch(network.Config, lengths, seed: 4);
        batch.PromptRows = 1;
        using DeviceNetwork loaded = on.Load(network, precision, cancellation);
        float[] hidden = new float[batch.Rows * network.Config.HiddenSize], output = new float[batch.Sequences * network.OutputSize];
        loaded.Hidden(batch, network.Config.NumHiddenLayers, hidden, cancellation);
        loaded.Forward(batch, output, cancellation);
        return (hidden, output);
    }

    /// <summary>Every activation of a dense module, and normalizations between.</summary>
    private static Network WithHead(RandomNetwork random) => random.Network with
    {
        Pooling = EveryPooling,
        Head =
        [
            new DenseModule(random.Linear(70, random.Network.Config.HiddenSize * EveryPooling.Length), Activation.Tanh, HeadDropout), new NormalizeModule(),
            new DenseModule(random.Linear(33, 70), Activation.Gelu), new DenseModule(random.Linear(20, 33), Activation.GeluTanh, HeadDropout),
            new DenseModule(random.Linear(66, 20), Activation.Relu), new NormalizeModule(), new DenseModule(random.Linear(3, 66), Activation.Identity),
        ],
    };

    private void TrainingSteps(Precision precision)
    {
        // Of a maximum 16 bits may choose another row, which no bound of sums holds.
        PoolingMode[] pooling = [.. EveryPooling.Where(mode => mode != PoolingMode.Max || precision == Precision.Float32)];
        (string Name, Func<RandomNetwork> Make)[] cases =
        [
            ("hidden 36, 2 heads of 18, GELU", () => new(36, 2, 35, 2)),
            ("MPNet, hidden 36, GELU of tanh", () => new(36, 2, 33, 2, Activation.GeluTanh, relativeBias: true)),
            ("hidden 84, 2 heads of 42, ReLU", () => new(84, 2, 64, 1, Activation.Relu)),
            ("hidden 140, a head of 140", () => new(140, 1, 33, 1)),
            ("hidden 384, 12 heads of 32, GELU", () => new(384, 12, 96, 1)),
            ("hidden 256, 4 heads of 64, ReLU", () => new(256, 4, 96, 1, Activation.Relu)),
            ("hidden 128, 4 heads of 32, GELU of tanh", () => new(128, 4, 96, 1, Activation.GeluTanh)),
            ("hidden 160, 5 heads of 32, GELU", () => new(160, 5, 160, 1)),
        ];
        foreach ((string name, Func<RandomNetwork> make) in cases)
        {
            Step($"training: {name}", precision, make, random => random.Network with { Pooling = pooling });
        }
        if (precision == Precision.Float32) { Step("training: a head of dense modules and normalizations", precision, () => new(36, 2, 35, 1), WithHead); }
    }

    /// <summary>What a step with dropout gave.</summary>
    private sealed record Stepped(float[] Output, float[][] Gradients, StepResult Result, float[][] Weights, bool[] IsKeyBias);

    private void Step(string name, Precision precision, Func<RandomNetwork> make, Func<RandomNetwork, Network> network) => Check(name, precision, () =>
    {
        using RandomNetwork random = make();
        Network trained = network(random);
        trained = trained with { Config = trained.Config with { HiddenDropout = HiddenDropout, AttentionDropout = AttentionDropout } };
        Stepped actual = Step(device, trained, precision), expected = Emulated(on => Step(on, trained, precision));
        List<DeviceCheck> checks =
        [
            new($"{name}: outputs", precision, Difference(expected.Output, actual.Output), GradientBound(precision),
                HaveEqualBits(expected.Output, actual.Output)),
            new($"{name}: gradients", precision, GradientDifference(expected, actual), GradientBound(precision),
                expected.Gradients.Zip(actual.Gradients).All(pair => HaveEqualBits(pair.First, pair.Second))),
            new($"{name}: norm of the gradients", precision, Math.Abs(expected.Result.GradientNorm - actual.Result.GradientNorm) / expected.Result.GradientNorm,
                GradientBound(precision), expected.Result == actual.Result,
                actual.Result.IsTaken ? null : "the step was not taken: a gradient is said not to be finite"),
        ];
        // Of 16 bits no bound is known: AdamW divides by the root of the moment, so that a gradient's sign alone decides of a first step.
        if (precision == Precision.Float32)
        {
            checks.Add(new($"{name}: weights after a step, of the way they moved", precision, MovedDifference(trained, expected, actual), 1e-2,
                expected.Weights.Zip(actual.Weights).All(pair => HaveEqualBits(pair.First, pair.Second))));
        }
        return checks;
    });

    private Stepped Step(CudaDevice on, Network network, Precision precision)
    {
        PackedBatch batch = RandomNetwork.Batch(network.Config, TrainedLengths, seed: 3);
        batch.PromptRows = 1;
        using TrainingNetwork trained = on.LoadForTraining(network, precision, new TrainingOptions(), cancellation);
        float[] output = new float[batch.Sequences * network.OutputSize], upstream = Values(output.Length, seed: 5);
        trained.ForwardSaving(batch, 0, new StepDropout(9876543210, 7, [.. batch.Offsets.Take(batch.Sequences)]), output, cancellation);
        trained.Backward(0, upstream, cancellation);
        float[][] gradients = [.. trained.Parameters.Parameters.Select(parameter =>
        {
            float[] values = new float[parameter.Count];
            trained.ReadGradient(parameter, values);
            return values;
        })];
        StepResult result = trained.Step(new StepOptions(1e-2, .1) { LossScale = 2 });
        return new Stepped(output, gradients, result, Weights(trained), [.. trained.Parameters.Parameters.Select(parameter =>
            trained.Parameters.Network.Encoder.Layers.Any(layer => layer.Key.Bias == parameter.Tensor))]);
    }

    private static float[][] Weights(TrainingNetwork trained)
    {
        using Lifetime.Inside held = trained.Hold();
        return [.. trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray())];
    }

    /// <summary>Of each tensor's gradient its distance in lengths of it; the largest.</summary>
    private static double GradientDifference(Stepped expected, Stepped actual)
    {
        double largest = 0;
        for (int i = 0; i < expected.Gradients.Length; i++)
        {
            // A key's bias has no gradient but for rounding: that of sums as large as its weight's.
            float[] scale = expected.Gradients[expected.IsKeyBias[i] ? i - 1 : i];
            largest = Larger(largest, Distance(expected.Gradients[i], actual.Gradients[i]) / Math.Max(Distance(scale, new float[scale.Length]), 2e-2));
        }
        return largest;
    }

    private static double MovedDifference(Network before, Stepped expected, Stepped actual)
    {
        double largest = 0;
        Tensor[] tensors = [.. before.Tensors()];
        for (int i = 0; i < tensors.Length; i++)
        {
            // Where a gradient is rounding alone, as a key's bias has it, so is the direction.
            double moved = Distance(expected.Weights[i], tensors[i].ToFloats()), distance = Distance(expected.Weights[i], actual.Weights[i]);
            if (!expected.IsKeyBias[i]) { largest = Larger(largest, moved > 0 ? distance / moved : distance); }
        }
        return largest;
    }

    private void Training(Precision precision) => Check("several steps", precision, () =>
    {
        (double[] Losses, float[][] Weights) first = Train(precision), second = Train(precision);
        int differing = first.Weights.Zip(second.Weights).Sum(pair =>
            pair.First.Zip(pair.Second).Count(values => BitConverter.SingleToInt32Bits(values.First) != BitConverter.SingleToInt32Bits(values.Second)));
        return
        [
            new($"several steps: the loss of the {Steps}th, of the first", precision, first.Losses[^1] / first.Losses[0], .9, null),
            new("several steps: weights that differ in a second run", precision, differing, 0, differing == 0),
        ];
    });

    /// <summary>Steps with dropout towards random vectors.</summary>
    private (double[] Losses, float[][] Weights) Train(Precision precision)
    {
        using RandomNetwork random = new(64, 2, 96, 2);
        Network network = random.Network with { Config = random.Network.Config with { HiddenDropout = HiddenDropout } };
        PackedBatch batch = RandomNetwork.Batch(network.Config, TrainedLengths, seed: 3);
        using TrainingNetwork trained = device.LoadForTraining(network, precision, new TrainingOptions(), cancellation);
        float[] output = new float[batch.Sequences * network.OutputSize], targets = Values(output.Length, seed: 6), gradient = new float[output.Length];
        StepOptions options = new(5e-3) { LossScale = 64 };
        double[] losses = new double[Steps];
        for (uint step = 0; step < Steps; step++)
        {
            trained.ForwardSaving(batch, 0, new StepDropout(1, step, batch.Offsets), output, cancellation);
            for (int i = 0; i < output.Length; i++)
            {
                double difference = output[i] - targets[i] / Math.Sqrt(network.OutputSize);
                losses[step] += difference * difference / batch.Sequences;
                gradient[i] = (float)(2 * options.LossScale * difference / batch.Sequences);
            }
            trained.Backward(0, gradient, cancellation);
            trained.Step(options);
        }
        return (losses, Weights(trained));
    }

    // Products and sums of fp32 alone, in one order: no bit may differ.
    private void Similarity() => Check("similarity", Precision.Float32, () =>
    {
        const int Queries = 17, Documents = 70, Width = 100;
        float[] Scores(CudaDevice on)
        {
            float[] scores = new float[Queries * Documents];
            on.Similarity(Values(Queries * Width, seed: 1), Values(Documents * Width, seed: 2), Width, scores, cancellation);
            return scores;
        }
        float[] actual = Scores(device), expected = Emulated(Scores);
        return [new("similarity", Precision.Float32, Difference(expected, actual), 0, HaveEqualBits(expected, actual))];
    });

    // More than a block; three documents that are one, and one that has no score.
    private void Search() => Check("search", Precision.Float32, () =>
    {
        const int Queries = 3, Documents = 8200, Width = 20, K = 100;
        float[] queries = Values(Queries * Width, seed: 1), vectors = Values(Documents * Width, seed: 2), lengths = Values(Documents, seed: 3);
        foreach (int copy in new[] { 7000, Documents - 1 })
        {
            vectors.AsSpan(0, Width).CopyTo(vectors.AsSpan(copy * Width));
            lengths[copy] = lengths[0] = 9;
        }
        lengths[1] = float.NaN;
        DocumentRows rows = DocumentRows.Of(vectors, Width, (first, count) => lengths.AsSpan(first, count));
        SearchHit[] Found(CudaDevice on)
        {
            TopDocuments[] best = [.. Enumerable.Range(0, Queries).Select(_ => new TopDocuments(K))];
            using DocumentSearch search = on.Hold(rows);
            search.Search(queries, SimilarityFunction.Dot, best, cancellation);
            return [.. best.SelectMany(top => top.Ordered())];
        }
        SearchHit[] actual = Found(device), expected = Emulated(Found);
        int differing = Math.Abs(expected.Length - actual.Length) + expected.Zip(actual).Count(hits => hits.First != hits.Second);
        return [new("search: documents that differ", Precision.Float32, differing, 0, differing == 0)];
    });

    /// <summary>Work of a check on the emulator; behind the device's, whose driver may have refused kernels by then.</summary>
    private T Emulated<T>(Func<CudaDevice, T> work)
    {
        using CudaDevice emulated = device.AsEmulated(isCounted: false);
        return work(emulated);
    }

    private void Check(string name, Precision precision, Func<IReadOnlyList<DeviceCheck>> compare)
    {
        say($"{name} ({Named(precision)})");
        try
        {
            foreach (DeviceCheck check in compare())
            {
                _checks.Add(double.IsFinite(check.Error ?? 0) ? check : check with { Error = null, Problem = check.Problem ?? "a result is not finite" });
            }
        }
        catch (Exception error) when (error is GpuException or NotSupportedException)
        {
            _checks.Add(new DeviceCheck(name, precision, null, 0, null, error.Message));
        }
    }

    /// <summary>As --precision has it.</summary>
    internal static string Named(Precision precision) => precision.ToString().ToLowerInvariant();

    private static float[] Values(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];
    }

    private static bool HaveEqualBits(params float[][] pairs)
    {
        for (int i = 0; i < pairs.Length; i += 2)
        {
            if (!MemoryMarshal.AsBytes(pairs[i].AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(pairs[i + 1].AsSpan()))) { return false; }
        }
        return true;
    }

    /// <summary>The largest, of the largest expected value where that is above 1; NaN where one is.</summary>
    private static double Difference(float[] expected, float[] actual)
    {
        double largest = 0, scale = 1;
        for (int i = 0; i < expected.Length; i++)
        {
            largest = Larger(largest, Math.Abs((double)expected[i] - actual[i]));
            scale = Math.Max(scale, Math.Abs(expected[i]));
        }
        return largest / scale;
    }

    private static double Distance(float[] one, float[] other) => Math.Sqrt(one.Zip(other).Sum(pair => Math.Pow((double)pair.First - pair.Second, 2)));

    private static double Larger(double one, double other) => Math.Max(one, other); // NaN if one is
}
