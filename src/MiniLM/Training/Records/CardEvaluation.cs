namespace MiniLM.Training.Records;

/// <summary>The results of an evaluator on a data set.</summary>
/// <param name="Name">Of the evaluator, as in the log: <c>eval_{name}_{metric}</c>.</param>
/// <param name="Type">Of the task as the Hub has it: <c>binary-classification</c>.</param>
/// <param name="DataSet">Name of the rows.</param>
/// <param name="Metrics">In the order in which they are shown.</param>
/// <param name="Primary">The metric that counts; null: none does more than another.</param>
internal sealed record CardEvaluation(string Name, string Type, string DataSet, IReadOnlyList<CardMetric> Metrics, string? Primary = null);

/// <summary>A number before and after training; what the data leave undefined is NaN.</summary>
/// <param name="Name">As in the log: <c>cosine_ap</c>.</param>
/// <param name="Before">Null: it was not measured.</param>
/// <param name="After">Of the model that the card is of.</param>
internal sealed record CardMetric(string Name, double? Before, double After);
