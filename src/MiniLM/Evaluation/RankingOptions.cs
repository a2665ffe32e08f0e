namespace MiniLM.Evaluation;

/// <summary>What counts in an evaluation.</summary>
public sealed record RankingOptions
{
    /// <summary>Lowest grade of a relevant document, from 1; a measure that names its own (<c>P(rel=2)@5</c>) keeps that.</summary>
    public int Level { get; init; } = 1;

    /// <summary>Leave out documents that are not judged before anything is measured.</summary>
    public bool JudgedOnly { get; init; }

    /// <summary>Average over all judged queries: one that the run has not counts with nothing retrieved.</summary>
    public bool AllQueries { get; init; }
}
