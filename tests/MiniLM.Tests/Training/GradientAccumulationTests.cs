using System.Text.Json;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class GradientAccumulationTests
{
    private static readonly Dictionary<string, GradientAccumulation> Forms = new()
    {
        ["mean_of_means"] = GradientAccumulation.MeanOfMeans,
        ["per_item"] = GradientAccumulation.PerRow,
        ["sum_of_means"] = GradientAccumulation.SumOfMeans,
    };

    [Fact]
    public void LossOfAStep_IsTheGoldensInEveryForm()
    {
        foreach (JsonElement update in TrainingJson.Read("grad_accumulation.json").Cases("cases").SelectMany(test => test.Cases("updates")))
        {
            int[] rows = [.. update.Cases("micro_batches").Select(batch => batch.GetArrayLength())];
            double[] losses = update.GetProperty("micro_losses").Numbers();
            Assert.Equal((update.Integer("items"), rows.Length), (rows.Sum(), losses.Length));
            foreach (JsonProperty form in update.GetProperty("forms").EnumerateObject())
            {
                double loss = losses.Select((value, batch) => value * Forms[form.Name].Weight(rows[batch], rows.Sum(), rows.Length)).Sum();
                Assert.Equal(form.Value.Number("loss"), loss, 1e-12);
            }
        }
    }

    [Fact]
    public void Weights_ByHand()
    {
        Assert.Equal(.25, GradientAccumulation.MeanOfMeans.Weight(rows: 3, rowsOfStep: 5, microBatches: 4));
        Assert.Equal(.6, GradientAccumulation.PerRow.Weight(rows: 3, rowsOfStep: 5, microBatches: 4));
        Assert.Equal(1, GradientAccumulation.SumOfMeans.Weight(rows: 3, rowsOfStep: 5, microBatches: 4));
    }

    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(0, 1, 1)] // as transformers has it
    [InlineData(1, 3, 1)]
    [InlineData(3, 3, 1)]
    [InlineData(4, 3, 2)]
    [InlineData(7, 1, 7)]
    public void StepsPerEpoch_CountTheLastHoweverShort(int microBatches, int accumulation, int expected) =>
        Assert.Equal(expected, GradientAccumulations.StepsPerEpoch(microBatches, accumulation));
}
