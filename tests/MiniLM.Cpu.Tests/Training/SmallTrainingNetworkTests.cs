using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cpu.Training;
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

    /// <summary>Float32; bfloat16 by AVX512-BF16, interpreted where this machine has no AVX-512, and rounded.</summary>
    public static TheoryData<CpuTier, Precision> All() =>
        [.. from tier in Tiers.Tested where tier != CpuTier.Vector128 from precision in Precisions select (tier, precision)];

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
                Assert.Equal(reference.Values(right).ToArray().Select(value => (float)value), reference.Parameters[right].ToArray());
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
    public void AForwardPassThatSaves_GivesItsOutput_AndRefusesNoSlotAndTooFewRows()
    {
        using RandomNetwork random = new(34, 2, 35, 1);
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [3, 2], seed: 3);
        float[] output = new float[batch.Sequences * random.Network.OutputSize];
        double[] expected = new double[output.Length];
        using CpuDevice device = new(1);
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(random.Network), new TrainingOptions());
        reference.ForwardSaving(batch, 1, null, expected);
        foreach (TrainingNetwork either in new[] { trained, reference })
        {
            Assert.Throws<ArgumentOutOfRangeException>("slot", () => either.ForwardSaving(batch, -1, null, output));
            Assert.Throws<ArgumentException>(() => either.ForwardSaving(batch, 0, new StepDropout(1, 2, [0]), output));
            either.ForwardSaving(batch, 0, new StepDropout(1, 2, [0, 3]), output);
            GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(output), 5e-6, "without a probability nothing is dropped");
            Array.Clear(output);
        }
    }

    [Fact]
    public void Parameters_LieOneBehindTheOther_EachFromACacheLineOn()
    {
        using RandomNetwork random = new(32, 2, 35, 1);
        using ParameterBlock block = new(random.Network);
        long end = 0;
        foreach (Parameter parameter in block.Parameters)
        {
            Assert.InRange(parameter.Offset - end, 0, ParameterBlock.Alignment - 1);
            Assert.Equal(0, parameter.Offset % ParameterBlock.Alignment);
            end = parameter.Offset + parameter.Count;
        }
        Assert.InRange(block.Length - end, 0, ParameterBlock.Alignment - 1);
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

    [Fact]
    public void ADisposedNetwork_RefusesEveryCall()
    {
        using CpuDevice cpu = new(1);
        using ReferenceDevice reference = new();
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        foreach (Device device in new Device[] { cpu, reference })
        {
            TrainingNetwork network = device.LoadForTraining(folder.Network, Precision.Float32, new TrainingOptions());
            Parameter parameter = network.Parameters.Parameters[0];
            float[] values = new float[parameter.Count];
            PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, [3], seed: 1);
            network.Dispose();
            Action[] calls =
            [
                () => network.ForwardSaving(batch, 0, null, new float[folder.OutputSize]), () => network.Backward(0, new float[folder.OutputSize]),
                () => network.Step(new StepOptions(1, 0, null, 1)), network.ClearGradients, () => network.ReadGradient(parameter, values),
                () => network.ReadState(parameter, OptimizerState.FirstMoment, values),
                () => network.WriteState(parameter, OptimizerState.SecondMoment, values), () => network.Hold(),
                () => network.Forward(batch, new float[folder.OutputSize]),
            ];
            Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
        }
    }

    // Groups of 128 rows, which is the most, of 100 and of 29: together those would be a row too many.
    [Fact]
    public void AStep_AllocatesNothing()
    {
        using RandomNetwork random = new(34, 2, 35, 2);
        using CpuDevice device = new(1); // so that all is done by this thread, whose bytes are counted
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new());
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [5, 17, 3], seed: 3);
        float[] output = new float[3 * random.Network.OutputSize];
        StepOptions options = new(1e-3);
        StepDropout dropout = new(1, 2, batch.Offsets);
        (long forward, long backward, long step) = (0, 0, 0);
        for (int repeat = 0; repeat < 2; repeat++) // the first makes room
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            trained.ForwardSaving(batch, 0, dropout, output);
            long saved = GC.GetAllocatedBytesForCurrentThread();
            trained.Backward(0, output);
            long back = GC.GetAllocatedBytesForCurrentThread();
            trained.Step(options);
            (forward, backward, step) = (saved - before, back - saved, GC.GetAllocatedBytesForCurrentThread() - back);
        }
        Assert.Equal((0, 0, 0), (forward, backward, step));
    }

    [Theory]
    [InlineData(384, 1536, 14, 8, 1, 8), InlineData(1536, 384, 14, 8, 4, 2), InlineData(384, 384, 14, 8, 2, 4), InlineData(384, 384, 14, 12, 3, 4)]
    [InlineData(4096, 64, 14, 8, 8, 1), InlineData(64, 4096, 14, 8, 1, 8), InlineData(34, 34, 14, 8, 3, 1), InlineData(28, 96, 14, 6, 2, 3)]
    [InlineData(3, 5, 6, 4, 1, 1)]
    public void AWeightIsCut_SoThatItsPiecesReadTheLeast(int outputs, int inputs, int strip, int pieces, int tall, int wide) =>
        Assert.Equal((tall, wide), CpuTrainingNetwork.PiecesOf(outputs, inputs, strip, pieces));

    [Theory]
    [InlineData(1, Precision.Float32, false), InlineData(2, Precision.Float32, true), InlineData(3, Precision.BFloat16, false)]
    [InlineData(2, Precision.BFloat16, true)]
    public void Logs_HaveTheFlopAndBytesOfEveryOperation(int threads, Precision precision, bool recomputesInner)
    {
        int[] lengths = [100, 28, 100, 29];
        const int Groups = 3, Layers = 2, Heads = 2, Head = 17, Inner = 35, Hidden = Heads * Head, PaddedHidden = 64, Context = Heads * 32, PaddedInner = 64;
        long rows = lengths.Sum(), pairs = lengths.Sum(length => (long)length * length);
        using RandomNetwork random = new(Hidden, Heads, Inner, Layers);
        Network network = random.Network with { Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .2f } };
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, lengths, seed: 3);
        using CpuDevice device = new(threads);
        ProductKernels products = device.KernelsOf(precision).Products;
        (int size, int group, int ofFloats) = (products.Size, products.Group, sizeof(float));
        Assert.Equal(Step(false, out _, out _), Step(true, out OperationSpan[][] logs, out TrainingMemory memory));

        long kept = recomputesInner ? 0 : PaddedInner, words = 128 / group + 100 / group + (29 + group - 1) / group;
        Assert.Equal(ofFloats * (2 * rows * PaddedHidden + Layers * (words * (2 * PaddedHidden + Context + kept)
            + rows * (2 * PaddedHidden + 3 * Context / group + kept))), memory.Activations);
        // A layer's panels of 32 columns, q, k and v of a head in one each; the biases; and the other way.
        long panels = Layers * (ofFloats * ((3 * Context + PaddedInner) * Words(Hidden) + PaddedHidden * (Words(Context) + Words(Inner))
            + 3 * Context + 2 * PaddedHidden + PaddedInner) + size * (4 * Context + 2 * PaddedInner) * PaddedHidden);
        Assert.Equal(panels, memory.Panels);
        Assert.Equal((memory.Weights, 2 * memory.Weights), (memory.Gradients, memory.Moments));
        long parameters = network.Tensors().Sum(tensor => tensor.Count);
        Assert.InRange(memory.Weights, ofFloats * parameters, ofFloats * parameters + 64 * network.Tensors().Count());
        Assert.True(memory.Workspace > 0);

        Dictionary<(CpuPhase, string), (long Flop, long Bytes)> expected = [];
        CpuPhase phase = CpuPhase.Forward;
        Values("Embedding", rows * Hidden, 10, 4);
        Values("Dropout", (1 + 2 * Layers) * rows * Hidden, 1, 2);
        Note("Attention", Layers * 4 * pairs * Hidden, Layers * 4 * size * rows * Hidden);
        Product("QueryKeyValue", Heads * Groups, Heads * rows, Hidden, 3 * Head, size);
        Product("AttentionOutput", Groups, rows, Hidden, Hidden, ofFloats);
        Product("FeedForwardUp", Groups, rows, Hidden, Inner, ofFloats);
        Product("FeedForwardDown", Groups, rows, Inner, Hidden, ofFloats);
        Values("Residual", 2 * Layers * rows * Hidden, 1, 3);
        Values("LayerNorm", 2 * Layers * rows * Hidden, 8, 2);
        Values("Activation", Layers * rows * Inner, 0, 3);
        Casts(Layers * rows * (2 * PaddedHidden + PaddedInner), alsoWords: Layers * rows * Hidden);
        Values("Head", rows * Hidden, 1, 1); // a mean
        phase = CpuPhase.Backward;
        Values("HeadBackward", rows * Hidden, 2, 2);
        Values("LayerNormBackward", (1 + 2 * Layers) * rows * Hidden, 17, 3);
        Values("DropoutBackward", (1 + 2 * Layers) * rows * Hidden, 1, 2);
        Values("ActivationBackward", Layers * rows * Inner, 0, 3);
        Note("AttentionBackward", Layers * 8 * pairs * Hidden, Layers * (4 * size + 3 * ofFloats) * rows * Hidden);
        Product("FeedForwardDown.dX", Groups, rows, Hidden, Inner, ofFloats);
        Product("FeedForwardUp.dX", Groups, rows, Inner, Hidden, 2 * ofFloats);
        Product("AttentionOutput.dX", Groups, rows, Hidden, Hidden, size);
        Product("QueryKeyValue.dX", Groups, rows, 3 * Hidden, Hidden, 2 * ofFloats);
        Gradient("FeedForwardDown.dW", 1, Hidden, Inner);
        Gradient("FeedForwardUp.dW", 1, Inner, Hidden);
        Gradient("AttentionOutput.dW", Heads, Hidden, Head);
        Gradient("QueryKeyValue.dW", 3 * Heads, Head, Hidden);
        Values("Embedding.dW", rows * Hidden, 3, 7);
        // Of results' rows; then of the groups' sums, padded: six rows of hidden, of biases and LayerNorms, and the others' biases.
        Values("BiasSums", Layers * (rows * (5 * Hidden + Inner) + Groups * (6 * PaddedHidden + 3 * Context + PaddedInner)), 1, 1);
        Casts(Layers * rows * (2 * PaddedHidden + PaddedInner + 3 * Context + (recomputesInner ? PaddedHidden + PaddedInner : 0)), alsoWords: 0);
        if (recomputesInner)
        {
            Product("FeedForwardUp", Groups, rows, Hidden, Inner, ofFloats);
            Values("Activation", Layers * rows * Inner, 0, 3);
            if (!products.IsExact) { Values("LayerNorm", Layers * rows * Hidden, 8, 2); }
        }
        phase = CpuPhase.Step;
        Values("GradientNorm", parameters, 2, 1);
        Values("AdamW", parameters, 15, 7);
        Values("Clearing", memory.Weights / ofFloats, 0, 1);
        long forward = (3 * Context + PaddedInner) * Hidden + PaddedHidden * (Context + Inner), backward = (4 * Context + 2 * PaddedInner) * PaddedHidden;
        Note("Packing", 0, Layers * (ofFloats + size) * threads * (forward / threads + backward / threads));
        Assert.Equal(expected.OrderBy(entry => entry.Key), logs.SelectMany(log => log).Where(span => span.Operation != CpuOperation.Wait)
            .GroupBy(span => (span.Phase, span.Name)).ToDictionary(of => of.Key, of => (of.Sum(span => span.Flop), of.Sum(span => span.Bytes)))
            .OrderBy(entry => entry.Key));

        // Each thread waits before and behind what all do, once for the panels of inference, and while the first is alone, for head and biases.
        for (int thread = 0; thread < threads; thread++)
        {
            int together = 1 + 2 * Layers + 2 + 4, alone = thread == 0 ? 0 : 2 + Layers;
            Assert.Equal(2 * together + 1 + alone, logs[thread].Count(span => span.Operation == CpuOperation.Wait));
            Assert.Equal(thread == 0 ? 2 : 0, logs[thread].Count(span => span.Operation == CpuOperation.Head));
            Assert.All(logs[thread].Zip(logs[thread].Skip(1)), pair => Assert.True(pair.First.End <= pair.Second.Start));
            Assert.All(logs[thread], span => Assert.True(span.Start <= span.End));
        }

        float[] Step(bool isNoted, out OperationSpan[][] spans, out TrainingMemory memory)
        {
            using CpuTrainingNetwork trained = (CpuTrainingNetwork)device.LoadForTraining(network, precision, new() { RecomputesInner = recomputesInner });
            if (isNoted) { trained.Logs = [.. Enumerable.Range(0, threads).Select(_ => new OperationLog(products))]; }
            float[] output = new float[lengths.Length * network.OutputSize];
            trained.ForwardSaving(batch, 0, Dropout(batch), output);
            trained.Backward(0, output);
            trained.Step(new StepOptions(1e-3));
            (spans, memory) = ([.. (trained.Logs ?? []).Select(log => log.Spans.ToArray())], trained.Memory);
            trained.Forward(batch, output);
            return output;
        }

        void Note(string name, long flop, long bytes) => expected.Add((phase, name), (flop, bytes));
        void Values(string name, long values, int flop, int floats) => Note(name, flop * values, floats * ofFloats * values);
        // Of each layer: its operands and results, the right operand once a call.
        void Product(string name, long calls, long left, long inner, long right, int result) =>
            Note(name, Layers * 2 * left * inner * right, Layers * (size * (left * inner + calls * inner * right) + result * left * right));
        void Casts(long values, long alsoWords)
        {
            int pairing = group > 1 ? 2 * size : 0;
            if (!products.IsExact) { Note("Cast", 0, (ofFloats + size + pairing) * values + pairing * alsoWords); }
        }
        // Of each layer, added: weights, heads apart, in pieces of channels and columns, each by all rows.
        void Gradient(string name, int weights, int channels, int columns)
        {
            (int tall, int wide) = CpuTrainingNetwork.PiecesOf(channels, columns, products.OuterChannels, 4 * threads);
            long count = Layers * weights, values = (long)channels * columns;
            Note(name, 2 * count * rows * values, count * (size * rows * (wide * channels + tall * columns) + 2L * ofFloats * values));
        }
        int Words(int width) => (width + group - 1) / group;
    }

    [Fact]
    public void ALayersPanels_AreFreedWithIt()
    {
        using RandomNetwork random = new(34, 2, 35, 1);
        LayerBackward layer = new(ProductKernels.For(CpuTier.Scalar), random.Network.Encoder.Layers[0], random.Network.Config, new RowWidths(64, 64, 64, 32));
        PackedTransposed[] all = [layer.QueryKeyValue, layer.AttentionOutput, layer.Up, layer.Down];
        unsafe
        {
            Assert.All(all, linear => Assert.True(linear.Weights != null));
            layer.Dispose();
            Assert.All(all, linear => Assert.True(linear.Weights == null));
        }
    }
}
