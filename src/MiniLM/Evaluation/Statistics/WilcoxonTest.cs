using MiniLM.Compute.Reference;

namespace MiniLM.Evaluation.Statistics;

/// <summary>Wilcoxon's signed-rank test by the normal approximation: zeros dropped, ties corrected, no continuity correction.</summary>
/// <param name="Statistic">The smaller of the two sums of ranks.</param>
/// <param name="P">Two-sided; NaN when all differences are 0.</param>
internal readonly record struct WilcoxonTest(double Statistic, double P)
{
    internal static WilcoxonTest Of(ReadOnlySpan<double> differences)
    {
        double[] nonZero = [.. differences.ToArray().Where(difference => difference != 0)];
        double[] ranks = AverageRanks.Of(Array.ConvertAll(nonZero, Math.Abs), out double ties);
        double n = nonZero.Length, plus = 0;
        for (int i = 0; i < nonZero.Length; i++) { plus += nonZero[i] > 0 ? ranks[i] : 0; }
        double statistic = Math.Min(plus, n * (n + 1) / 2 - plus);
        double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
        double z = (statistic - n * (n + 1) / 4) / Math.Sqrt(variance);
        return new WilcoxonTest(statistic, Erf.Complement(Math.Abs(z) / Math.Sqrt(2)));
    }
}
