namespace MiniLM.Training.Losses;

/// <summary>Logarithms of sums of exponentials, which do not overflow. Scores are few beside embeddings: they are double.</summary>
internal static class LogSumExp
{
    /// <summary>Gives log sum exp(x), and makes each x its share exp(x) / sum; no number gives minus infinity.</summary>
    /// <remarks>A share is exp(x - log sum exp(x)), as in PyTorch: what the best leaves to the others is lost where that logarithm cannot show it.</remarks>
    internal static double Shares(Span<double> x)
    {
        double max = double.NegativeInfinity, sum = 0;
        foreach (double value in x) { max = Math.Max(max, value); }
        if (double.IsNegativeInfinity(max)) { return max; }
        foreach (double value in x) { sum += Math.Exp(value - max); }
        double logSum = max + Math.Log(sum);
        foreach (ref double value in x) { value = Math.Exp(value - logSum); }
        return logSum;
    }

    /// <summary>Cross-entropy of a row with one right answer, log sum exp(x) - x_target; x becomes its gradient, share - 1 at the target.</summary>
    internal static double CrossEntropy(Span<double> x, int target)
    {
        double right = x[target], loss = Shares(x) - right;
        x[target] -= 1;
        return loss;
    }
}
