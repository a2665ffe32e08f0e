namespace MiniLM.Training.Losses;

/// <summary>Mean of -(w y log sigmoid(x) + (1 - y) log sigmoid(-x)), w the weight of positives.</summary>
internal static class BinaryCrossEntropy
{
    /// <summary>Gives the mean and overwrites the gradient of x.</summary>
    internal static double Mean(ReadOnlySpan<double> x, ReadOnlySpan<double> y, double positiveWeight, Span<double> gradient)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            sum += positiveWeight * y[i] * Logistic.Plus(-x[i]) + (1 - y[i]) * Logistic.Plus(x[i]);
            gradient[i] = ((1 - y[i]) * Logistic.Sigmoid(x[i]) - positiveWeight * y[i] * Logistic.Sigmoid(-x[i])) / x.Length;
        }
        return sum / x.Length;
    }
}
