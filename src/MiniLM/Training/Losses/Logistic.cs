namespace MiniLM.Training.Losses;

/// <summary>The logistic function and its integral, which neither overflow nor lose digits.</summary>
internal static class Logistic
{
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
