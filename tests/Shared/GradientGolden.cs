using System.Numerics;
using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Training;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using BinaryCrossEntropyLoss = MiniLM.Training.Losses.Logits.BinaryCrossEntropyLoss;

namespace MiniLM.Tests;

/// <summary>Every parameter's gradient against PyTorch's: the tiny model's whole, the real one's by samples and norms.</summary>
internal static class GradientGolden
{
    /// <summary>A step's way forward and back, in the network's own precision.</summary>
    private interface IStep<T>
    {
        void Forward(PackedBatch batch, int slot, Span<T> output);

        void Backward(int slot, ReadOnlySpan<T> gradient);
    }

    private sealed class DoubleStep(ReferenceTrainingNetwork<double> network) : IStep<double>
    {
        public void Forward(PackedBatch batch, int slot, Span<double> output) => network.ForwardSaving(batch, slot, null, output);

        public void Backward(int slot, ReadOnlySpan<double> gradient) => network.Backward(slot, gradient);
    }

    private sealed class FloatStep(TrainingNetwork network) : IStep<float>
    {
        public void Forward(PackedBatch batch, int slot, Span<float> output) => network.ForwardSaving(batch, slot, null, output);

        public void Backward(int slot, ReadOnlySpan<float> gradient) => network.Backward(slot, gradient);
    }

    /// <summary>The tiny model in double, as the specification has it.</summary>
    internal static void CompareTinyByTheReference()
    {
        foreach ((JsonElement test, GoldenModel model, PackedBatch[] batches, double[]? labels, Golden golden) in Tiny())
        {
            using ReferenceTrainingNetwork<double> network = new(new ParameterBlock(model.Network), new TrainingOptions());
            double loss = Step(new DoubleStep(network), batches, model.Network.OutputSize, labels);
            GoldenBatch.Close(test.GetProperty("loss64").GetDouble(), loss, 1e-12, Name(test));
            CompareTiny(test, golden, network.Parameters, parameter => network.Gradient(parameter).ToArray(), isDouble: true);
        }
    }

    /// <summary>The tiny model on a device, in float32.</summary>
    internal static void CompareTiny(Device device)
    {
        foreach ((JsonElement test, GoldenModel model, PackedBatch[] batches, double[]? labels, Golden golden) in Tiny())
        {
            using TrainingNetwork network = device.LoadForTraining(model.Network, Precision.Float32, new TrainingOptions());
            double loss = Step(new FloatStep(network), batches, model.Network.OutputSize, labels), expected = test.GetProperty("loss64").GetDouble();
            GoldenBatch.Close(expected, loss, 2e-6 + 1e-6 * Math.Abs(expected), Name(test));
            CompareTiny(test, golden, network.Parameters, parameter => Gradient(network, parameter), isDouble: false);
        }
    }

    /// <summary>The real model on a device, in float32.</summary>
    internal static void CompareReal(Device device)
    {
        foreach (JsonElement test in Cases("minilm_grads"))
        {
            using GoldenModel model = GoldenModel.MiniLM(IsClassifier(test));
            using TrainingNetwork network = device.LoadForTraining(model.Network, Precision.Float32, new TrainingOptions());
            JsonElement[] ids = [.. test.GetProperty("input_ids").EnumerateArray()];
            PackedBatch[] batches = IsClassifier(test)
                ? [model.Batch(ids.Zip(test.GetProperty("token_type_ids").EnumerateArray(), (row, types) => (row, (JsonElement?)types)))]
                : [.. ids.Select(column => model.Batch(column.EnumerateArray().Select(row => (row, (JsonElement?)null))))];
            double[]? labels = IsClassifier(test) ? [.. test.GetProperty("labels").EnumerateArray().Select(label => label.GetDouble())] : null;
            double loss = Step(new FloatStep(network), batches, model.Network.OutputSize, labels), expected = test.GetProperty("loss64").GetDouble();
            GoldenBatch.Close(expected, loss, 2e-6 + 1e-6 * Math.Abs(expected), Name(test));
            CompareSamples(test, network);
        }
    }

    private static JsonElement[] Cases(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", name + ".json")));
        JsonElement[] cases = [.. document.RootElement.Clone().GetProperty("cases").EnumerateArray()];
        Assert.NotEmpty(cases);
        return cases;
    }

    private static bool IsClassifier(JsonElement test) => test.GetProperty("loss_kind").GetString()!.StartsWith("BCE", StringComparison.Ordinal);

    private static double Step<T>(IStep<T> step, PackedBatch[] batches, int width, double[]? labels) where T : IBinaryFloatingPointIeee754<T>
    {
        T[][] outputs = [.. batches.Select(batch => new T[batch.Sequences * width])];
        for (int slot = 0; slot < batches.Length; slot++) { step.Forward(batches[slot], slot, outputs[slot]); }
        if (labels is not null)
        {
            T[] gradient = new T[outputs[0].Length];
            double value = new BinaryCrossEntropyLoss().Compute<T>(outputs[0], new CrossEncoderTargets { Labels = new Labels(labels) }, gradient);
            step.Backward(0, gradient);
            return value;
        }
        Column<T>[] columns = [.. outputs.Select(output => new Column<T>(output, width))];
        double loss = new MultipleNegativesRankingLoss().Compute(new BiEncoderBatch<T>(columns));
        for (int slot = 0; slot < batches.Length; slot++) { step.Backward(slot, columns[slot].Gradient); }
        return loss;
    }

    private static string Name(JsonElement test) => test.GetProperty("name").GetString()!;

    private static double[] Gradient(TrainingNetwork network, Parameter parameter)
    {
        float[] values = new float[parameter.Count];
        network.ReadGradient(parameter, values);
        return GoldenBatch.Doubles(values);
    }

    private static IEnumerable<(JsonElement, GoldenModel, PackedBatch[], double[]?, Golden)> Tiny()
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", "tiny_grads.safetensors"));
        foreach (JsonElement test in Cases("tiny_grads"))
        {
            using GoldenModel model = GoldenModel.Tiny(IsClassifier(test));
            string[] negative = golden.Has($"{Name(test)}.negative.input_ids") ? ["negative"] : [];
            string[] parts = IsClassifier(test) ? ["batch"] : ["anchor", "positive", .. negative];
            PackedBatch[] batches = [.. parts.Select(part => GoldenBatch.Read(golden, $"{Name(test)}.{part}.", model.Network.Config).Batch)];
            yield return (test, model, batches, IsClassifier(test) ? golden.Doubles($"{Name(test)}.labels") : null, golden);
        }
    }

    private static void CompareTiny(JsonElement test, Golden golden, ParameterBlock parameters, Func<Parameter, double[]> gradient, bool isDouble)
    {
        double globalNorm = test.GetProperty("global_grad_norm64").GetDouble();
        int compared = 0;
        foreach (Parameter parameter in parameters.Parameters)
        {
            double[] expected = golden.Doubles($"{Name(test)}.grad64.{parameter.Name}"), actual = gradient(parameter);
            string what = $"{Name(test)}, {parameter.Name}";
            if (parameter.Name.EndsWith("attention.self.key.bias", StringComparison.Ordinal)) // none but rounding
            {
                Assert.All(actual, value => Assert.True(Math.Abs(value) <= 1e-7 * globalNorm, $"{what}: {value}"));
                continue;
            }
            double largest = expected.Max(Math.Abs);
            double torch = test.GetProperty("fp32_err").GetProperty(parameter.Name).GetProperty("relmax_eager").GetDouble();
            double tolerance = isDouble ? 1e-12 : Math.Max(1e-5, 10 * torch);
            Assert.Equal(expected.Length, actual.Length);
            for (int i = 0; i < expected.Length; i++) { GoldenBatch.Close(expected[i], actual[i], tolerance * largest, $"{what}[{i}]"); }
            compared++;
        }
        Assert.True(compared > 0);
    }

    private static void CompareSamples(JsonElement test, TrainingNetwork network)
    {
        double globalNorm = test.GetProperty("global_grad_norm64").GetDouble();
        int compared = 0;
        foreach (JsonProperty golden in test.GetProperty("params").EnumerateObject())
        {
            Parameter parameter = network.Parameters.Parameters.Single(parameter => GoldenModel.SameName(golden.Name, parameter.Name));
            double[] actual = Gradient(network, parameter);
            double norm = golden.Value.GetProperty("norm").GetDouble(), largest = golden.Value.GetProperty("absmax").GetDouble();
            if (golden.Name.EndsWith("attention.self.key.bias", StringComparison.Ordinal))
            {
                Assert.All(actual, value => Assert.True(Math.Abs(value) <= 1e-7 * globalNorm, $"{golden.Name}: {value}"));
                continue;
            }
            GoldenBatch.Close(norm, Math.Sqrt(actual.Sum(value => value * value)), 2e-5 * norm, $"{Name(test)}, norm of {golden.Name}");
            int[] places = [.. golden.Value.GetProperty("idx").EnumerateArray().Select(index => index.GetInt32())];
            double[] values = [.. golden.Value.GetProperty("val").EnumerateArray().Select(value => value.GetDouble())];
            for (int i = 0; i < places.Length; i++)
            {
                GoldenBatch.Close(values[i], actual[places[i]], 1e-4 * largest, $"{Name(test)}, {golden.Name}[{places[i]}]");
            }
            compared++;
        }
        Assert.True(compared > 0);
    }
}
