namespace MiniLM.Evaluation;

/// <summary>Precision at every relevant document, averaged.</summary>
internal static class AveragePrecision
{
    // The documents beside those judged are as good as them; this keeps the share defined where none is judged.
    private const double InferredEpsilon = 1e-5;

    // A query with nothing found must not make the mean 0: trec_eval's floor.
    private const double LeastOfGeometricMean = 1e-5;

    /// <summary>Over the first k, divided by R and not by min(k, R).</summary>
    internal static double At(JudgedRanking ranking, int k) => ranking.Relevant == 0 ? 0 : Sum(ranking, k) / ranking.Relevant;

    /// <summary>ln of a value, for a geometric mean.</summary>
    internal static double Logarithm(double value) => Math.Log(Math.Max(value, LeastOfGeometricMean));

    /// <summary>ln((1 + s) / (1 + R - s)), s the sum of the precisions (Robertson, "Yet another average average precision", 2012).</summary>
    internal static double LogOdds(JudgedRanking ranking)
    {
        double sum = Sum(ranking, ranking.Retrieved);
        return Math.Log((1 + sum) / (1 + ranking.Relevant - sum));
    }

    /// <summary>AP where a sample of the pool is judged (Yilmaz and Aslam, "Estimating average precision with incomplete and imperfect judgments",
    /// 2006).</summary>
    internal static double Inferred(JudgedRanking ranking)
    {
        int relevant = 0, others = 0, unjudged = 0;
        double sum = 0;
        for (int rank = 0; rank < ranking.Retrieved; rank++)
        {
            int grade = ranking.Grades[rank];
            if (grade == JudgedRanking.NotJudged) { unjudged++; }
            else if (grade >= 0 && grade < ranking.Level) { others++; }
            else if (grade >= 0)
            {
                double pooled = rank == 0 ? 0 : (double)(relevant + others + unjudged) / rank;
                sum += 1.0 / (rank + 1) + rank / (rank + 1.0) * pooled * ((relevant + InferredEpsilon) / (relevant + others + 2 * InferredEpsilon));
                relevant++;
            }
        }
        return ranking.Relevant == 0 ? 0 : sum / ranking.Relevant;
    }

    private static double Sum(JudgedRanking ranking, int k)
    {
        int relevant = 0;
        double sum = 0;
        for (int rank = 0; rank < Math.Min(k, ranking.Retrieved); rank++)
        {
            if (ranking.IsRelevant(rank)) { sum += (double)++relevant / (rank + 1); }
        }
        return sum;
    }
}
