using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Compute.Reference;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Training.Losses;
using BinaryCrossEntropyLoss = MiniLM.Training.Losses.Logits.BinaryCrossEntropyLoss;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Gradients of steps of several micro-batches against PyTorch's, in each convention, by the reference in double.</summary>
public sealed class GradientAccumulationGoldenTests
{
    // The first is that of a run (TrainingStepsTests); the others are those of a mean over all rows, and of transformers 5 alone.
    private static double Weight(string form, int rows, int rowsOfStep, int batches) => form switch
    {
        "mean_of_means" => 1.0 / batches,
        "per_item" => rows / (double)rowsOfStep,
        _ => 1,
    };

    [Theory]
    [InlineData("mean_of_means"), InlineData("per_item"), InlineData("sum_of_means")]
    public void GradientsOfAStep(string form)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", "grad_accumulation.json")));
        JsonElement[] rows = [.. document.RootElement.GetProperty("rows").EnumerateArray()];
        using GoldenModel model = GoldenModel.Tiny(isClassifier: true);
        using ReferenceTrainingNetwork<double> network = new(new ParameterBlock(model.Network), new TrainingOptions());
        int compared = 0;
        JsonElement.ArrayEnumerator cases = document.RootElement.GetProperty("cases").EnumerateArray();
        foreach (JsonElement update in cases.SelectMany(test => test.GetProperty("updates").EnumerateArray()))
        {
            int[][] batches = [.. update.GetProperty("micro_batches").EnumerateArray()
                .Select(batch => batch.EnumerateArray().Select(row => row.GetInt32()).ToArray())];
            network.ClearGradients();
            foreach (int[] batch in batches)
            {
                Add(network, model, [.. batch.Select(row => rows[row])], Weight(form, batch.Length, batches.Sum(other => other.Length), batches.Length));
            }
            JsonElement expected = update.GetProperty("forms").GetProperty(form);
            double squares = network.Parameters.Parameters.Sum(parameter => Squares(network, parameter));
            Tiers.Close(expected.GetProperty("global_grad_norm").GetDouble(), Math.Sqrt(squares), 1e-11, form);
            foreach (JsonProperty norm in expected.GetProperty("param_grad_norms").EnumerateObject())
            {
                Parameter parameter = network.Parameters.Parameters.Single(parameter => GoldenModel.SameName(norm.Name, parameter.Name));
                Tiers.Close(norm.Value.GetDouble(), Math.Sqrt(Squares(network, parameter)), 1e-11, $"{form}, {norm.Name}");
                compared++;
            }
        }
        Assert.True(compared > 0);
    }

    private static void Add(ReferenceTrainingNetwork<double> network, GoldenModel model, JsonElement[] rows, double weight)
    {
        PackedBatch batch = model.Batch(rows.Select(row => (row.GetProperty("input_ids"), (JsonElement?)row.GetProperty("token_type_ids"))));
        double[] logits = new double[rows.Length], gradient = new double[rows.Length];
        network.ForwardSaving(batch, 0, null, logits);
        Labels labels = new([.. rows.Select(row => row.GetProperty("label").GetDouble())]);
        new BinaryCrossEntropyLoss().Compute<double>(logits, new CrossEncoderTargets { Labels = labels }, gradient);
        network.Backward(0, Array.ConvertAll(gradient, value => value * weight));
    }

    private static double Squares(ReferenceTrainingNetwork<double> network, Parameter parameter)
    {
        double sum = 0;
        foreach (double value in network.Gradient(parameter)) { sum += value * value; }
        return sum;
    }
}
