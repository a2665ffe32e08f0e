using MiniLM.Training;
using MiniLM.Training.Losses;

namespace MiniLM.Tests.Training;

/// <summary>What a loss trains beside the model: how it begins, and one step of it by hand.</summary>
public sealed class LossMatricesTests
{
    private static readonly LossParameter[] Parameters =
        [new("classifier.weight", 2, 3, Spread: .5), new("classifier.bias", 1, 2, Start: 4, Spread: .25), new("logit_scale", 1, 1, Start: 3)];

    private static float[] Values(LossMatrices matrices, int at) => matrices.Columns()[at].Values.ToArray();

    private static void AddGradient(LossMatrices matrices, float of, double weight)
    {
        Column<float>[] columns = matrices.Columns();
        foreach (Column<float> column in columns) { column.Gradient.Fill(of); }
        matrices.AddGradients(columns, weight);
    }

    [Fact]
    public void ABeginning_IsUniformAroundItsStartAndFollowsFromTheSeed()
    {
        LossMatrices one = new(Parameters, 7), same = new(Parameters, 7), other = new(Parameters, 8);
        Assert.Equal(Values(one, 0), Values(same, 0));
        Assert.NotEqual(Values(one, 0), Values(other, 0));
        Assert.Equal(6, Values(one, 0).Distinct().Count());
        Assert.All(Values(one, 0), value => Assert.InRange(value, -.5f, .5f));
        Assert.All(Values(one, 1), value => Assert.InRange(value, 3.75f, 4.25f));
        Assert.Equal([3f], Values(one, 2));
        float[] many = Values(new LossMatrices([new LossParameter("w", 100, 100, Spread: 1)], 1), 0);
        Assert.Equal(0, many.Average(), .02f);
        Assert.Equal(1 / 3.0, many.Average(value => value * value), .01); // the variance of uniform numbers
        Assert.InRange(many.Max(), .999f, 1);
    }

    // The first step of Adam goes by the rate against the sign of the gradient, whatever its size; only the weight decays.
    [Fact]
    public void AStep_IsAdamsOfTheUnscaledSum()
    {
        LossMatrices matrices = new(Parameters, 7);
        float[] weight = Values(matrices, 0), bias = Values(matrices, 1);
        StepOptions options = new(LearningRate: .1, WeightDecay: .5, MaxGradientNorm: 1e-9, LossScale: 1024);
        AddGradient(matrices, 3, .5 * 1024);
        AddGradient(matrices, 1, .5 * 1024);
        matrices.Step(options, isTaken: true);
        for (int i = 0; i < 6; i++) { Assert.Equal(weight[i] * .95f - .1f, Values(matrices, 0)[i], 1e-6f); }
        for (int i = 0; i < 2; i++) { Assert.Equal(bias[i] - .1f, Values(matrices, 1)[i], 1e-6f); }

        // The second: m = .9 x .1 x 2 + .1 x -1 over 1 - .9^2, v = .999 x .001 x 4 + .001 over 1 - .999^2.
        float[] then = Values(matrices, 1);
        AddGradient(matrices, -1, 1024);
        matrices.Step(options, isTaken: true);
        double moved = .1 * ((.9 * .2 - .1) / .19) / Math.Sqrt((.999 * .004 + .001) / (1 - .999 * .999));
        for (int i = 0; i < 2; i++) { Assert.Equal(then[i] - moved, Values(matrices, 1)[i], 1e-6); }
    }

    [Fact]
    public void AStepWithoutGradientsOrThatIsNotTaken_LeavesThemAlone()
    {
        LossMatrices matrices = new(Parameters, 7);
        float[] before = Values(matrices, 0);
        StepOptions options = new(LearningRate: .1, WeightDecay: .5);
        matrices.Step(options, isTaken: true);
        Assert.Equal(before, Values(matrices, 0));
        AddGradient(matrices, 1, 1);
        matrices.Step(options, isTaken: false);
        matrices.Step(options, isTaken: true); // what the other left is gone
        Assert.Equal(before, Values(matrices, 0));
    }
}
