namespace MiniLM.Evaluation;

/// <summary>The highest precision at a recall or beyond it.</summary>
internal static class InterpolatedPrecision
{
    /// <summary>The recalls of the usual curve.</summary>
    internal static readonly double[] Recalls = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

    /// <summary>At a recall from 0 to 1. Which number of documents that is, is rounded as trec_eval 9 does (10 rounds to the nearest).</summary>
    internal static double At(JudgedRanking ranking, double recall)
    {
        int wanted = (int)(recall * ranking.Relevant + 0.9), found = ranking.RelevantRetrieved;
        if (wanted > found) { return 0; }
        double best = 0;
        for (int rank = ranking.Retrieved - 1; rank >= 0 && found >= Math.Max(wanted, 1); rank--)
        {
            best = Math.Max(best, (double)found / (rank + 1));
            if (ranking.IsRelevant(rank)) { found--; }
        }
        return best;
    }

    internal static double Average(JudgedRanking ranking, double[] recalls) => recalls.Sum(recall => At(ranking, recall)) / recalls.Length;
}
