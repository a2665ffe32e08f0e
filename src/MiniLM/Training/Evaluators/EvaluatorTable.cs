namespace MiniLM.Training.Evaluators;

/// <summary>The CSV file of an evaluator as sentence-transformers has it.</summary>
/// <param name="Prefix">Of its name.</param>
/// <param name="Columns">Behind <c>epoch,steps</c>: a heading, and the metric below it without the name of the data.</param>
/// <param name="Suffix">Behind the name of the data.</param>
internal sealed record EvaluatorTable(string Prefix, (string Heading, string Metric)[] Columns, string Suffix = "results")
{
    /// <summary>The file's name.</summary>
    /// <param name="name">Of the data; empty: it has none.</param>
    internal string FileName(string name) => $"{Prefix}{(name.Length > 0 ? "_" + name : "")}_{Suffix}.csv";
}
