namespace MiniLM.Training.Losses;

/// <summary>Mean of (y - target)^2.</summary>
internal static class SquaredError
{
    /// <summary>Gives the mean and overwrites the gradient of y, 2 (y - target) / n.</summary>
    internal static double Mean(ReadOnlySpan<double> y, ReadOnlySpan<double> targets, Span<double> gradient)
    {
        double sum = 0;
        for (int i = 0; i < y.Length; i++)
        {
            double error = y[i] - targets[i];
            sum += error * error;
            gradient[i] = 2 * error / y.Length;
        }
        return sum / y.Length;
    }
}
