namespace MiniLM.Training.Losses;

/// <summary>Exponentials that neither overflow nor lose digits. Scores are few beside embeddings: double.</summary>
internal static class Softmax
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

    /// <summary>1 / (1 + exp(-x)).</summary>
    internal static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    /// <summary>log(1 + exp(x)) = -log sigmoid(-x).</summary>
    internal static double Plus(double x)
    {
        // log(1 + small) would lose the digits of small: what 1 + small became corrects it (Kahan).
        double small = Math.Exp(-Math.Abs(x)), sum = 1 + small;
        return Math.Max(x, 0) + (sum == 1 ? small : Math.Log(sum) * (small / (sum - 1)));
    }

    /// <summary>torch.nn.functional.softplus with its slope: <see cref="Plus"/>, and x itself above 20.</summary>
    internal static (double Value, double Slope) TorchPlus(double x) => x > 20 ? (x, 1) : (Plus(x), Sigmoid(x));
}
