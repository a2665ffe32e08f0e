namespace MiniLM.Evaluation;

/// <summary>trec_eval's G: a document counts the less, the more the ranking before it lost against the best one.</summary>
internal static class NormalizedGain
{
    /// <summary>Sum of gain / log2(2 + lost) over the sum of all gains; a rank at which the best ranking gains less than 1 costs 1.</summary>
    internal static double Of(JudgedRanking ranking, Gains gains)
    {
        double[] ranked = gains.Ranked(ranking), ideal = gains.Ideal(ranking);
        double cost = 0, gained = 0, sum = 0;
        for (int rank = 0; rank < ranked.Length; rank++)
        {
            gained += ranked[rank];
            cost += rank < ideal.Length ? Math.Max(ideal[rank], 1) : 1;
            if (ranked[rank] != 0) { sum += ranked[rank] / Math.Log2(2 + cost - gained); }
        }
        return ideal.Length == 0 ? 0 : sum / ideal.Sum();
    }

    /// <summary>With gains 1 for a relevant document and 0: the mean of 1 / log2(2 + others before it).</summary>
    internal static double Binary(JudgedRanking ranking)
    {
        int relevant = 0;
        double sum = 0;
        for (int rank = 0; rank < ranking.Retrieved; rank++)
        {
            if (ranking.IsRelevant(rank)) { sum += 1 / Math.Log2(3 + rank - ++relevant); }
        }
        return ranking.Relevant == 0 ? 0 : sum / ranking.Relevant;
    }
}
