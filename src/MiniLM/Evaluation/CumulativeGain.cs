namespace MiniLM.Evaluation;

/// <summary>Gains discounted by log2(rank + 1), and over those of the best ranking.</summary>
internal static class CumulativeGain
{
    internal static double Normalized(JudgedRanking ranking, Gains gains, int k = int.MaxValue) =>
        Sum(gains.Ideal(ranking), k) is > 0 and double ideal ? Discounted(ranking, gains, k) / ideal : 0;

    /// <summary>DCG.</summary>
    internal static double Discounted(JudgedRanking ranking, Gains gains, int k = int.MaxValue) => Sum(gains.Ranked(ranking), k);

    /// <summary>DCG of the best ranking.</summary>
    internal static double Ideal(JudgedRanking ranking, Gains gains) => Sum(gains.Ideal(ranking), int.MaxValue);

    /// <summary>nDCG at every document that is worth something, averaged; of one that is not retrieved, nDCG of all.</summary>
    internal static double AtRelevant(JudgedRanking ranking, Gains gains)
    {
        double[] ranked = gains.Ranked(ranking), ideal = gains.Ideal(ranking);
        if (ideal.Length == 0) { return 0; }
        double gain = 0, best = 0, sum = 0;
        int found = 0;
        for (int rank = 0; rank < Math.Max(ranked.Length, ideal.Length); rank++)
        {
            if (rank < ideal.Length) { best += Discount(ideal[rank], rank); }
            if (rank >= ranked.Length) { continue; }
            gain += Discount(ranked[rank], rank);
            if (ranked[rank] <= 0) { continue; }
            sum += gain / best;
            found++;
        }
        return Math.Max(0, sum + (ideal.Length - found) * gain / best) / ideal.Length;
    }

    /// <summary>nDCG where the best ranking's gain falls, averaged; and of all, where that is longer.</summary>
    internal static double AtLevels(JudgedRanking ranking, Gains gains)
    {
        double[] ranked = gains.Ranked(ranking), ideal = gains.Ideal(ranking);
        if (ranking.Relevant == 0 || ideal.Length == 0) { return 0; }
        double gain = 0, best = 0, sum = 0;
        int levels = 0;
        for (int rank = 0; rank < ideal.Length; rank++)
        {
            if (rank < ranked.Length) { gain += Discount(ranked[rank], rank); }
            best += Discount(ideal[rank], rank);
            if (rank + 1 < ideal.Length && ideal[rank + 1] == ideal[rank]) { continue; }
            sum += gain / best;
            levels++;
        }
        // trec_eval looks at the end of a ranking when it is at least two documents longer than the best one.
        if (ranked.Length <= ideal.Length + 1) { return sum / levels; }
        return (sum + Sum(ranked, int.MaxValue) / best) / (levels + 1);
    }

    private static double Sum(double[] gains, int k)
    {
        double sum = 0;
        for (int rank = 0; rank < Math.Min(k, gains.Length); rank++) { sum += Discount(gains[rank], rank); }
        return sum;
    }

    private static double Discount(double gain, int rank) => gain == 0 ? 0 : gain / Math.Log2(rank + 2);
}
