using System.Globalization;

namespace MiniLM.Training;

/// <summary>Where a run is after a step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="TotalSteps">Of the run.</param>
/// <param name="Epoch">Passes over the data done, with their fraction.</param>
/// <param name="Loss">Of the step.</param>
/// <param name="LearningRate">That moved the parameters.</param>
/// <param name="GradientNorm">Before gradients were cut.</param>
/// <param name="TokensPerSecond">Of the steps since the last evaluation or checkpoint.</param>
/// <param name="Remaining">Until the last step at this pace.</param>
public sealed record TrainingProgress(
    int Step, int TotalSteps, double Epoch, double Loss, double LearningRate, double GradientNorm, double TokensPerSecond, TimeSpan Remaining)
{
    /// <summary>Hours, minutes and seconds that remain; a run may take days, and hours of all of them count.</summary>
    internal string Left => string.Create(CultureInfo.InvariantCulture, $"{(long)Remaining.TotalHours}:{Remaining:mm\\:ss} left");
}
