namespace MiniLM.Evaluation.Statistics;

/// <summary>Student's t distribution.</summary>
internal static class StudentT
{
    /// <summary>P(|T| >= |t|) = I_{df / (df + t^2)}(df / 2, 1 / 2).</summary>
    /// <param name="t">NaN gives NaN, infinity 0.</param>
    /// <param name="df">Degrees of freedom; below 1 the result is NaN.</param>
    internal static double TwoSided(double t, int df)
    {
        if (df < 1) { return double.NaN; }
        if (double.IsInfinity(t)) { return 0; }
        double square = t * t, sum = df + square;
        return IncompleteBeta.Regularized(df / sum, square / sum, df / 2.0, 0.5);
    }

    /// <summary>The t that is exceeded, either way, with probability p: 0 &lt; p &lt; 1.</summary>
    internal static double Quantile(double p, int df)
    {
        if (df < 1) { return double.NaN; }
        double low = 0, high = 1;
        while (TwoSided(high, df) > p) { (low, high) = (high, 2 * high); }
        for (double middle; (middle = low + (high - low) / 2) > low && middle < high;)
        {
            if (TwoSided(middle, df) > p) { low = middle; } else { high = middle; }
        }
        return high;
    }
}
