namespace MiniLM.Training.Records;

/// <summary>Rows that a model was trained or evaluated on.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Size">Rows.</param>
/// <param name="Columns">In the order of the loss.</param>
/// <param name="Samples">Some rows, their columns as text.</param>
/// <param name="Loss">Name of the loss; null: it is not measured here.</param>
/// <param name="LossParameters">Its settings by name; a value is JSON.</param>
internal sealed record CardDataSet(string Name, long Size, IReadOnlyList<CardColumn> Columns, IReadOnlyList<IReadOnlyList<string>> Samples, string? Loss,
    IReadOnlyList<KeyValuePair<string, string>> LossParameters);

/// <summary>A column and what is in it.</summary>
internal sealed record CardColumn(string Name, ColumnStatistics Statistics);

/// <summary>What is in a column: <see cref="RangeStatistics"/> or <see cref="ClassStatistics"/>.</summary>
internal abstract record ColumnStatistics;

/// <summary>The least, the mean and the greatest of something counted or measured.</summary>
/// <param name="Of">Tokens or characters of a text, elements of a list, or the number itself.</param>
/// <param name="Min">The least.</param>
/// <param name="Mean">The mean.</param>
/// <param name="Max">The greatest.</param>
internal sealed record RangeStatistics(RangeOf Of, double Min, double Mean, double Max) : ColumnStatistics;

/// <summary>The distinct values of a label, each with its share of the rows.</summary>
internal sealed record ClassStatistics(IReadOnlyList<KeyValuePair<string, double>> Shares) : ColumnStatistics;

/// <summary>What <see cref="RangeStatistics"/> are of.</summary>
internal enum RangeOf
{
    Tokens,
    Characters,
    Elements,
    Numbers,
}
