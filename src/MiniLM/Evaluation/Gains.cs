namespace MiniLM.Evaluation;

/// <summary>What a document of a grade is worth.</summary>
/// <param name="of">Worth of a grade from 0.</param>
internal sealed class Gains(Func<int, double> of)
{
    /// <summary>The grade itself (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002).</summary>
    internal static readonly Gains Linear = new(grade => grade);

    /// <summary>2^grade - 1 (Burges et al., "Learning to rank using gradient descent", 2005).</summary>
    internal static readonly Gains Exponential = new(grade => Math.Pow(2, grade) - 1);

    /// <summary>Some grades' worth; the others' is the grade.</summary>
    internal static Gains Of(IReadOnlyDictionary<int, double> worth) => new(grade => worth.TryGetValue(grade, out double gain) ? gain : grade);

    /// <summary>Worth by rank; 0 without a judgement.</summary>
    internal double[] Ranked(JudgedRanking ranking) => Array.ConvertAll(ranking.Grades, grade => grade < 0 ? 0 : of(grade));

    /// <summary>The worths above 0 of all judged documents, highest first: the best ranking.</summary>
    internal double[] Ideal(JudgedRanking ranking)
    {
        double[] worth = [.. ranking.Judged.ToArray().Select(of).Where(gain => gain > 0)];
        worth.AsSpan().Sort((a, b) => b.CompareTo(a));
        return worth;
    }

    /// <summary>Worth of every judged document.</summary>
    internal IEnumerable<double> All(JudgedRanking ranking) => ranking.Judged.ToArray().Select(of);
}
