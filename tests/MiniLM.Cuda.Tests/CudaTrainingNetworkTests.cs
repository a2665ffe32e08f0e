using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using static MiniLM.Cuda.Tests.TrainingComparison;

namespace MiniLM.Cuda.Tests;

/// <summary>Gradients and steps of small networks of odd sizes against the reference in double, with all of the emulator's checks on.</summary>
public sealed class CudaTrainingNetworkTests
{
    public static TheoryData<Precision, int> All() => new()
    {
        { Precision.Float32, 60 }, { Precision.Float16, 60 }, { Precision.BFloat16, 80 },
    };

    private static CudaDevice Open(int capability)
    {
        EmulatedGpuOptions options = new() { Capability = capability, IsChecked = true, BranchBudget = 1_000_000 };
        return new CudaDevice(new EmulatedGpu(options), "emulated", ptx: MutatedKernel.Ptx);
    }

    [Theory, MemberData(nameof(All))]
    public void Gradients_AreThoseOfTheDefinition(Precision precision, int capability)
    {
        using RandomNetwork bert = new(36, 2, 35, 2), mpnet = new(36, 2, 33, 2, Activation.GeluTanh, relativeBias: true),
            wide = new(84, 2, 64, 1, Activation.Relu), pieces = new(140, 1, 33, 1), none = new(33, 1, 8, 0);
        foreach (RandomNetwork random in new[] { bert, mpnet, wide, pieces, none })
        {
            foreach (bool drops in new[] { false, true })
            {
                Network network = random.Network with
                {
                    Config = random.Network.Config with { HiddenDropout = drops ? .1f : 0, AttentionDropout = drops ? .2f : 0 },
                };
                using CudaDevice device = Open(capability);
                Gradients(device, network, precision, drops);
            }
        }
    }

    // Every pooling; a head of dense modules with dropout, every activation, and normalisations.
    [Fact]
    public void Heads_PassTheirGradientsBack()
    {
        using RandomNetwork random = new(36, 2, 35, 1);
        Network whole = random.Network with
        {
            Pooling = Enum.GetValues<PoolingMode>(),
            Head = [new DenseModule(random.Linear(70, 36 * Enum.GetValues<PoolingMode>().Length), Activation.Tanh, .3f), new NormalizeModule(),
                new DenseModule(random.Linear(33, 70), Activation.Gelu), new DenseModule(random.Linear(20, 33), Activation.GeluTanh, .1f),
                new DenseModule(random.Linear(66, 20), Activation.Relu), new DenseModule(random.Linear(3, 66), Activation.Identity, .1f)],
        };
        using CudaDevice device = Open(60);
        Gradients(device, whole, Precision.Float32, drops: true);
        DenseModule score = new(random.Linear(1, 36), Activation.Identity);
        Gradients(device, whole with { Pooling = [PoolingMode.Max], Head = [score] }, Precision.Float32, drops: false);
    }

    // Two batches a step, in slots of their own; then a smaller and a larger one than before.
    [Theory, MemberData(nameof(All))]
    public void Steps_AreThoseOfTheDefinition(Precision precision, int capability)
    {
        using RandomNetwork random = new(36, 2, 35, 2, relativeBias: true);
        Network network = random.Network;
        TrainingOptions training = new() { IsTrained = name => !name.EndsWith("/3", StringComparison.Ordinal), Decays = name => name.Length > 8 };
        using CudaDevice device = Open(capability);
        using TrainingNetwork trained = device.LoadForTraining(Numbered(network), precision, training);
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(Numbered(network)), training);
        double tolerance = precision == Precision.Float32 ? 2e-5 : Tolerance(precision);
        PackedBatch[][] steps = [[Of(3, 9), Of(140)], [Of(5)], [Of(150, 40), Of(2)]];
        for (int step = 0; step < steps.Length; step++)
        {
            foreach (TrainingNetwork either in new[] { trained, reference })
            {
                for (int slot = 0; slot < steps[step].Length; slot++)
                {
                    either.ForwardSaving(steps[step][slot], slot, null, new float[steps[step][slot].Sequences * network.OutputSize]);
                }
                for (int slot = 0; slot < steps[step].Length; slot++) { either.Backward(slot, Upstream(steps[step][slot].Sequences * network.OutputSize)); }
            }
            Assert.Throws<InvalidOperationException>(() => trained.Backward(0, Upstream(network.OutputSize)));
            StepOptions options = new(1e-2, .1) { LossScale = 2 };
            (StepResult result, StepResult expected) = (trained.Step(options), reference.Step(options));
            GoldenBatch.Close(expected.GradientNorm, result.GradientNorm, tolerance * expected.GradientNorm, "norm");
            Assert.True(result.IsTaken);
            Assert.Equal(step + 1, trained.Steps);
            using Lifetime.Inside held = trained.Hold();
            for (int i = 0; i < trained.Parameters.Parameters.Count; i++)
            {
                (Parameter parameter, Parameter right) = (trained.Parameters.Parameters[i], reference.Parameters.Parameters[i]);
                // Not each time: what nobody asks for may be overwritten.
                if (step == 1) { Assert.False(Gradient(trained, parameter).AsSpan().ContainsAnyExcept(0)); }
                float[] from = network.Tensors().ElementAt(i).ToFloats(), moment = new float[parameter.Count], of = new float[parameter.Count];
                if (i == 3) { Assert.Equal(from, trained.Parameters[parameter].ToArray()); }
                if (precision != Precision.Float32) { continue; }
                foreach (OptimizerState state in Enum.GetValues<OptimizerState>())
                {
                    trained.ReadState(parameter, state, moment);
                    reference.ReadState(right, state, of);
                    AssertNear(GoldenBatch.Doubles(of), moment, tolerance, $"step {step}, tensor {i}, {state}");
                }
                // Adam divides by the root of the moment: where a gradient is rounding alone, as a key's bias has it, so is the direction.
                if (IsKeyBias(trained, parameter)) { continue; }
                AssertMoved(from, reference.Values(right), trained.Parameters[parameter], $"step {step}, tensor {i}");
            }
            float[] inferred = new float[steps[step][0].Sequences * network.OutputSize];
            double[] now = new double[inferred.Length];
            trained.Forward(steps[step][0], inferred);
            new ReferenceNetwork<double>(trained.Parameters.Network).Pass.Forward(steps[step][0], now, default);
            GoldenBatch.AssertAll(now, GoldenBatch.Doubles(inferred), Tolerance(precision), "a pass after the step");
        }
        Assert.Equal(0, trained.Step(new StepOptions(1e-2, .1)).GradientNorm); // no pass since the last

        PackedBatch Of(params int[] lengths) => DeviceContract.RandomBatch(network.Config, lengths, seed: lengths[0]);
    }

    [Theory, MemberData(nameof(All))]
    public void TheWayBack_EndsWhereNothingBelowIsTrained(Precision precision, int capability)
    {
        using RandomNetwork random = new(36, 2, 35, 2);
        Network network = Numbered(random.Network);
        LayerWeights upper = network.Encoder.Layers[1];
        HashSet<string> names = [.. upper.Linears.Select(linear => linear.Weight.Name), .. upper.Norms.Select(norm => norm.Beta.Name)];
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, [3, 40], seed: 3);
        float[] upstream = Upstream(batch.Sequences * network.OutputSize);
        using CudaDevice device = Open(capability);
        using TrainingNetwork all = device.LoadForTraining(random.Network, precision, new TrainingOptions());
        using TrainingNetwork some = device.LoadForTraining(network, precision, new TrainingOptions { IsTrained = names.Contains });
        int launches = 0;
        device.Launcher.Launched = (_, _, _, _) => launches++;
        int[] taken = [.. new[] { all, some }.Select(trained =>
        {
            trained.ForwardSaving(batch, 0, null, new float[upstream.Length]);
            launches = 0;
            trained.Backward(0, upstream);
            return launches;
        })];
        Assert.True(taken[1] < taken[0]);
        int compared = 0;
        for (int i = 0; i < all.Parameters.Parameters.Count; i++)
        {
            if (!names.Contains(some.Parameters.Parameters[i].Name)) { continue; }
            Assert.Equal(Gradient(all, all.Parameters.Parameters[i]), Gradient(some, some.Parameters.Parameters[i]));
            compared++;
        }
        Assert.Equal(names.Count, compared);
    }

    /// <summary>Each tensor named by its number.</summary>
    private static unsafe Network Numbered(Network network)
    {
        int number = 0;
        Dictionary<Weights.Tensor, Weights.Tensor> named = network.Tensors().ToDictionary(tensor => tensor, tensor => new Weights.Tensor(
            $"n/{number++}", tensor.ElementType, [.. tensor.Shape], tensor.Data, tensor.Count * sizeof(float), tensor.File));
        return network.With(tensor => named[tensor]);
    }

    [Theory]
    [InlineData(float.NaN), InlineData(float.PositiveInfinity)]
    public void AGradientThatIsNotFinite_ChangesNothingAndIsForgotten(float bad)
    {
        using RandomNetwork random = new(36, 2, 35, 1);
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [3, 2], seed: 3);
        float[] upstream = Upstream(batch.Sequences * random.Network.OutputSize);
        using CudaDevice device = Open(60);
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        float[][] before = [.. trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray())];
        trained.ForwardSaving(batch, 0, null, new float[upstream.Length]);
        trained.Backward(0, [bad, .. upstream[1..]]);
        Assert.False(trained.Step(new StepOptions(1e-3, .5)).IsTaken);
        Assert.Equal(0, trained.Steps);
        trained.ForwardSaving(batch, 0, null, new float[upstream.Length]);
        trained.Backward(0, upstream);
        trained.ClearGradients();
        using Lifetime.Inside held = trained.Hold();
        Assert.Equal(before, trained.Parameters.Parameters.Select(parameter => trained.Parameters[parameter].ToArray()));
        foreach (Parameter parameter in trained.Parameters.Parameters) { Assert.False(Gradient(trained, parameter).AsSpan().ContainsAnyExcept(0)); }
    }

    [Fact]
    public void GradientCheckpointing_IsSaidToChangeNothing()
    {
        using RandomNetwork random = new(36, 2, 35, 1);
        List<string> said = [];
        using CudaDevice device = new(new EmulatedGpu(new EmulatedGpuOptions { Capability = 60 }), "emulated", said.Add);
        device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions { RecomputesInner = true }).Dispose();
        Assert.StartsWith("gradient_checkpointing changes nothing on emulated sm_60", Assert.Single(said), StringComparison.Ordinal);
    }

    // The same in other micro-batches, by other threads of the emulator, and with and without checks.
    [Fact]
    public void Gradients_DependOnNoThread_AndLittleOnTheCut()
    {
        using RandomNetwork random = new(36, 2, 35, 2);
        Network network = random.Network with { Config = random.Network.Config with { HiddenDropout = .1f, AttentionDropout = .2f } };
        PackedBatch batch = Batch(network.Config);
        StepDropout dropout = Dropout(batch);
        float[] upstream = Upstream(batch.Sequences * network.OutputSize);
        float[][] whole = Run(threads: 1, cut: batch.Sequences), again = Run(threads: 3, cut: batch.Sequences), parts = Run(threads: 2, cut: 4);
        Assert.Equal(whole, again);
        for (int i = 0; i < whole.Length; i++)
        {
            AssertNear(GoldenBatch.Doubles(whole[i]), parts[i], 1e-6, $"tensor {i}");
        }

        float[][] Run(int threads, int cut)
        {
            using CudaDevice device = new(new EmulatedGpu(new EmulatedGpuOptions { Threads = threads }), "emulated", ptx: MutatedKernel.Ptx);
            using TrainingNetwork trained = device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
            for (int first = 0; first < batch.Sequences; first += cut)
            {
                int end = Math.Min(first + cut, batch.Sequences);
                PackedBatch part = new() { PromptRows = batch.PromptRows };
                for (int sequence = first; sequence < end; sequence++)
                {
                    (int from, int to) = (batch.Offsets[sequence], batch.Offsets[sequence + 1]);
                    part.Add(batch.TokenIds.AsSpan()[from..to], batch.TypeIds.AsSpan()[from..to], network.Config.Architecture);
                }
                trained.ForwardSaving(part, 0, dropout with { FirstRows = dropout.FirstRows[first..end] }, new float[part.Sequences * network.OutputSize]);
                trained.Backward(0, upstream.AsSpan()[(first * network.OutputSize)..(end * network.OutputSize)]);
            }
            return [.. trained.Parameters.Parameters.Select(parameter => Gradient(trained, parameter))];
        }
    }
}
