using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>One query's ranking as its judgements see it: all that a measure looks at.</summary>
internal sealed class JudgedRanking
{
    /// <summary>Grade of a document that was pooled but not judged.</summary>
    internal const int NotJudged = -1;

    /// <summary>Grade of a document that the judgements do not name.</summary>
    internal const int NotPooled = -2;

    private readonly int[] _judged;

    /// <param name="grades">By rank.</param>
    /// <param name="judged">Grades from 0 of all judged documents of the query, highest first.</param>
    /// <param name="level">Lowest grade of a relevant document, from 1.</param>
    /// <param name="maxGrade">Highest grade of the collection.</param>
    internal JudgedRanking(int[] grades, int[] judged, int level, int maxGrade)
    {
        (Grades, _judged, Level, MaxGrade) = (grades, judged, level, maxGrade);
        Relevant = judged.Count(grade => grade >= level);
        RelevantRetrieved = RelevantWithin(grades.Length);
    }

    /// <summary>Grade by rank: from 0, or <see cref="NotJudged"/> or <see cref="NotPooled"/>.</summary>
    internal int[] Grades { get; }

    /// <summary>Grades of all judged documents of the query, highest first.</summary>
    internal ReadOnlySpan<int> Judged => _judged;

    /// <summary>Lowest grade of a relevant document.</summary>
    internal int Level { get; }

    /// <summary>Highest grade of the collection.</summary>
    internal int MaxGrade { get; }

    internal int Retrieved => Grades.Length;

    /// <summary>R: relevant documents of the query, retrieved or not.</summary>
    internal int Relevant { get; }

    internal int RelevantRetrieved { get; }

    /// <summary>N: judged documents of the query that are not relevant.</summary>
    internal int NotRelevant => _judged.Length - Relevant;

    /// <summary>The ranking of a run: float32 score down, then id down by bytes.</summary>
    /// <param name="run">The run.</param>
    /// <param name="query">Of the run; -1: it has none, so that nothing is retrieved.</param>
    /// <param name="judgements">Grades of the query's documents.</param>
    /// <param name="options">Level, and whether documents that are not judged are left out.</param>
    /// <param name="maxGrade">Highest grade of the collection.</param>
    internal static JudgedRanking Of(TrecRun run, int query, Dictionary<string, int> judgements, RankingOptions options, int maxGrade)
    {
        int[] grades = query < 0 ? []
            : [.. run.Ranking(query).Select(document => judgements.TryGetValue(document, out int grade) ? Math.Max(grade, NotJudged) : NotPooled)];
        int[] judged = [.. judgements.Values.Where(grade => grade >= 0).OrderDescending()];
        JudgedRanking ranking = new(grades, judged, options.Level, maxGrade);
        return options.JudgedOnly ? ranking.JudgedOnly() : ranking;
    }

    internal bool IsRelevant(int rank) => Grades[rank] >= Level;

    /// <summary>Relevant documents among the first <paramref name="k"/>.</summary>
    internal int RelevantWithin(int k)
    {
        int relevant = 0;
        for (int rank = 0; rank < Math.Min(k, Retrieved); rank++) { relevant += IsRelevant(rank) ? 1 : 0; }
        return relevant;
    }

    /// <summary>The same ranking with another lowest grade of a relevant document.</summary>
    internal JudgedRanking At(int level) => level == Level ? this : new JudgedRanking(Grades, _judged, level, MaxGrade);

    /// <summary>The ranking without documents that are not judged.</summary>
    internal JudgedRanking JudgedOnly() => new([.. Grades.Where(grade => grade >= 0)], _judged, Level, MaxGrade);
}
