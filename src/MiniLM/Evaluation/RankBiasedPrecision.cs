namespace MiniLM.Evaluation;

/// <summary>What a reader gains who looks at the next document with probability p (Moffat and Zobel, "Rank-biased precision", 2008).</summary>
internal static class RankBiasedPrecision
{
    /// <summary>(1 - p) sum of p^(rank - 1) gain, over the first k.</summary>
    internal static double Of(double[] gains, double p, int k = int.MaxValue)
    {
        double sum = 0, weight = 1;
        for (int rank = 0; rank < Math.Min(k, gains.Length); rank++, weight *= p) { sum += gains[rank] * weight; }
        return (1 - p) * sum;
    }

    /// <summary>Gain 1 for a relevant document.</summary>
    internal static double Binary(JudgedRanking ranking, double p, int k) =>
        Of([.. ranking.Grades.Select(grade => grade >= ranking.Level ? 1.0 : 0)], p, k);

    /// <summary>A grade's share of the collection's highest one.</summary>
    internal static double Graded(JudgedRanking ranking, double p, int k) =>
        Of([.. ranking.Grades.Select(grade => grade <= 0 ? 0 : (double)grade / ranking.MaxGrade)], p, k);

    /// <summary>trec_eval's: gains, brought to 0 to 1 by the query's own least and greatest where they are beyond that.</summary>
    internal static double Scaled(JudgedRanking ranking, Gains gains, double p)
    {
        double least = Math.Min(0, gains.All(ranking).DefaultIfEmpty().Min()), most = Math.Max(1, gains.All(ranking).DefaultIfEmpty().Max());
        double[] ranked = gains.Ranked(ranking);
        for (int rank = 0; rank < ranked.Length; rank++)
        {
            if (ranking.Grades[rank] >= 0) { ranked[rank] = (ranked[rank] - least) / (most - least); }
        }
        return Of(ranked, p);
    }

    /// <summary>How much more it could be if every document without a judgement, and all that is not retrieved, gained 1; 0 if all is judged.</summary>
    internal static double Residual(JudgedRanking ranking, double p) => ranking.Grades.All(grade => grade >= 0) ? 0
        : Of([.. ranking.Grades.Select(grade => grade < 0 ? 1.0 : 0)], p) + Math.Pow(p, ranking.Retrieved);
}
