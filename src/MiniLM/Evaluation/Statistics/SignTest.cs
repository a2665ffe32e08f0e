namespace MiniLM.Evaluation.Statistics;

/// <summary>The exact sign test: whether plus and minus are equally likely, by the binomial distribution; zeros are dropped.</summary>
/// <param name="Plus">Differences above 0.</param>
/// <param name="Minus">Differences below 0.</param>
/// <param name="Zero">Differences of 0.</param>
/// <param name="P">Two-sided; 1 when all are 0.</param>
internal readonly record struct SignTest(int Plus, int Minus, int Zero, double P)
{
    internal static SignTest Of(ReadOnlySpan<double> differences)
    {
        int plus = 0, minus = 0;
        foreach (double difference in differences)
        {
            if (difference > 0) { plus++; }
            else if (difference < 0) { minus++; }
        }
        int fewer = Math.Min(plus, minus), more = Math.Max(plus, minus);
        // P(X <= k) of n throws = I_1/2(n - k, k + 1).
        double p = more == 0 ? 1 : Math.Min(1, 2 * IncompleteBeta.Regularized(0.5, 0.5, more, fewer + 1));
        return new SignTest(plus, minus, differences.Length - plus - minus, p);
    }
}
