namespace MiniLM.Evaluation;

/// <summary>How the values of queries become the run's.</summary>
internal enum MeasureSummary
{
    Mean,

    /// <summary>exp(mean): the value of a query is a logarithm.</summary>
    GeometricMean,

    /// <summary>Over the queries that the run has.</summary>
    Sum,

    /// <summary>How many queries there are.</summary>
    Queries,

    /// <summary>No number: the run's tag.</summary>
    Tag,

    /// <summary>No number: a text a query.</summary>
    None,
}

/// <summary>A measure of a ranking, by name.</summary>
/// <param name="Name">As asked for.</param>
/// <param name="Value">The number of a query.</param>
internal sealed record Measure(string Name, Func<JudgedRanking, double> Value)
{
    internal MeasureSummary Summary { get; init; }

    /// <summary>The text of a query, of a measure that is none.</summary>
    internal Func<JudgedRanking, string>? Text { get; init; }

    /// <summary>trec_eval prints it as a whole number.</summary>
    internal bool IsCount { get; init; }

    /// <summary>Its place in what trec_eval prints; last when trec_eval has no such measure.</summary>
    internal int Place { get; init; } = int.MaxValue;

    internal bool IsNumber => Summary is not (MeasureSummary.Tag or MeasureSummary.None);

    /// <summary>trec_eval prints it for a query, not only for all.</summary>
    internal bool IsPrintedPerQuery => Summary is not (MeasureSummary.Tag or MeasureSummary.Queries or MeasureSummary.GeometricMean);
}
