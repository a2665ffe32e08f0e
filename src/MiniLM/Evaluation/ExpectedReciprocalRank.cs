namespace MiniLM.Evaluation;

/// <summary>1 / rank at which a reader stops, who stops at a document with a probability that its grade gives
/// (Chapelle et al., "Expected reciprocal rank for graded relevance", 2009).</summary>
internal static class ExpectedReciprocalRank
{
    /// <summary>Over the first k; the probability is (2^grade - 1) / 2^(highest grade of the collection).</summary>
    internal static double At(JudgedRanking ranking, int k)
    {
        double sum = 0, goesOn = 1;
        for (int rank = 0; rank < Math.Min(k, ranking.Retrieved); rank++)
        {
            double stops = (Math.Pow(2, Math.Max(0, ranking.Grades[rank])) - 1) / Math.Pow(2, ranking.MaxGrade);
            sum += goesOn * stops / (rank + 1);
            goesOn *= 1 - stops;
        }
        return sum;
    }
}
