namespace MiniLM.Evaluation;

/// <summary>Measures that count relevant documents up to a rank, or in all that is retrieved. A ranking that is shorter goes on with others.</summary>
internal static class Precision
{
    /// <summary>Relevant among the first k, over k.</summary>
    internal static double At(JudgedRanking ranking, int k) => (double)ranking.RelevantWithin(k) / k;

    /// <summary>Relevant among the first k, over R.</summary>
    internal static double Recall(JudgedRanking ranking, int k) => Share(ranking.RelevantWithin(k), ranking.Relevant);

    /// <summary>Precision over the best that is possible.</summary>
    internal static double Relative(JudgedRanking ranking, int k) => Share(ranking.RelevantWithin(k), Math.Min(k, ranking.Relevant));

    /// <summary>1: there is a relevant document among the first k.</summary>
    internal static double Success(JudgedRanking ranking, int k) => ranking.RelevantWithin(k) > 0 ? 1 : 0;

    /// <summary>Relevant among the first R, over R.</summary>
    internal static double AtR(JudgedRanking ranking) => Recall(ranking, ranking.Relevant);

    /// <summary>Precision at a multiple of R, which trec_eval rounds so.</summary>
    internal static double AtMultipleOfR(JudgedRanking ranking, double multiple) =>
        (int)(multiple * ranking.Relevant + 0.9) is > 0 and int k ? At(ranking, k) : 0;

    /// <summary>1 / rank of the first relevant document among the first k; 0 without one.</summary>
    internal static double ReciprocalRank(JudgedRanking ranking, int k)
    {
        for (int rank = 0; rank < Math.Min(k, ranking.Retrieved); rank++)
        {
            if (ranking.IsRelevant(rank)) { return 1.0 / (rank + 1); }
        }
        return 0;
    }

    /// <summary>Share of the first k that the judgements name, whatever the grade; of a shorter ranking, of what there is.</summary>
    internal static double Judged(JudgedRanking ranking, int k) =>
        Share(ranking.Grades.Take(k).Count(grade => grade != JudgedRanking.NotPooled), Math.Min(k, ranking.Retrieved));

    /// <summary>Documents without a judgement among the first k, over k.</summary>
    internal static double Unjudged(JudgedRanking ranking, int k) => (double)ranking.Grades.Take(k).Count(grade => grade < 0) / k;

    internal static double OfSet(JudgedRanking ranking) => Share(ranking.RelevantRetrieved, ranking.Retrieved);

    internal static double RecallOfSet(JudgedRanking ranking) => Share(ranking.RelevantRetrieved, ranking.Relevant);

    internal static double RelativeOfSet(JudgedRanking ranking) => Share(ranking.RelevantRetrieved, Math.Min(ranking.Retrieved, ranking.Relevant));

    /// <summary>Precision times recall of what is retrieved.</summary>
    internal static double AverageOfSet(JudgedRanking ranking) =>
        Share((double)ranking.RelevantRetrieved * ranking.RelevantRetrieved, (double)ranking.Retrieved * ranking.Relevant);

    /// <summary>(x + 1) P R / (x P + R) of what is retrieved.</summary>
    /// <param name="ranking">Its precision is P, its recall R.</param>
    /// <param name="x">Weight of the recall.</param>
    internal static double FOfSet(JudgedRanking ranking, double x)
    {
        double precision = OfSet(ranking), recall = RecallOfSet(ranking);
        return Share((x + 1) * precision * recall, x * precision + recall);
    }

    /// <summary>Worth of what is retrieved and not: four weights times relevant and other documents retrieved, relevant and other documents left.</summary>
    internal static double Utility(JudgedRanking ranking, double[] weights)
    {
        // The size of the collection is not known: trec_eval takes 0, and a query that the run has not counts 0.
        int relevant = ranking.RelevantRetrieved, others = ranking.Retrieved - relevant, missed = ranking.Relevant - relevant;
        return ranking.Retrieved == 0 ? 0 : weights[0] * relevant + weights[1] * others + weights[2] * missed - weights[3] * (others + ranking.Relevant);
    }

    private static double Share(double part, double whole) => whole == 0 ? 0 : part / whole;
}
