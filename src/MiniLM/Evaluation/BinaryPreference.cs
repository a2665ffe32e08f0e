namespace MiniLM.Evaluation;

/// <summary>How many of the judged pairs of a relevant and another document are ranked right: documents without a judgement play no part
/// (Buckley and Voorhees, "Retrieval evaluation with incomplete information", 2004).</summary>
internal static class BinaryPreference
{
    internal static double Of(JudgedRanking ranking)
    {
        int others = 0, most = Math.Min(ranking.NotRelevant, ranking.Relevant);
        double sum = 0;
        foreach (int grade in ranking.Grades)
        {
            if (grade < 0) { continue; }
            if (grade < ranking.Level) { others++; }
            else { sum += others == 0 ? 1 : 1 - (double)Math.Min(others, ranking.Relevant) / most; }
        }
        return ranking.Relevant == 0 ? 0 : sum / ranking.Relevant;
    }
}
