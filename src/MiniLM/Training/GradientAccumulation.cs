namespace MiniLM.Training;

/// <summary>How the micro-batches of a step, each with the mean loss of its rows, become the step's loss and gradient.</summary>
internal enum GradientAccumulation
{
    /// <summary>The mean of the means, as sentence-transformers' trainers have it; a step at the end of an epoch divides by the micro-batches it has.</summary>
    MeanOfMeans,

    /// <summary>The mean over all rows of the step: what one large batch would give, where the loss is of each row alone.</summary>
    PerRow,

    /// <summary>The sum of the means, as the plain transformers 5 Trainer has it for a model with a loss of its own.</summary>
    SumOfMeans,
}

/// <summary>Counts of steps with <see cref="GradientAccumulation"/>.</summary>
internal static class GradientAccumulations
{
    /// <summary>What the mean loss of a micro-batch, and its gradient, are multiplied by.</summary>
    /// <param name="how">The convention.</param>
    /// <param name="rows">Of the micro-batch.</param>
    /// <param name="rowsOfStep">Of all micro-batches of its step.</param>
    /// <param name="microBatches">Of its step.</param>
    internal static double Weight(this GradientAccumulation how, int rows, int rowsOfStep, int microBatches) => how switch
    {
        GradientAccumulation.MeanOfMeans => 1.0 / microBatches,
        GradientAccumulation.PerRow => rows / (double)rowsOfStep,
        _ => 1,
    };

    /// <summary>Steps of an epoch, the last of which may have fewer micro-batches; one at least, as transformers counts.</summary>
    internal static int StepsPerEpoch(int microBatches, int gradientAccumulationSteps) =>
        Math.Max(1, (microBatches - 1) / gradientAccumulationSteps + 1);
}
