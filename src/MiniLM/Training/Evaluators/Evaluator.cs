namespace MiniLM.Training.Evaluators;

/// <summary>Measures the model that is trained, under the names of sentence-transformers' evaluators.</summary>
internal abstract class Evaluator
{
    /// <param name="name">Of what is measured; empty: it has none.</param>
    private protected Evaluator(string name) => Name = name;

    internal string Name { get; }

    /// <summary>The file that sentence-transformers writes; null: it has no such evaluator.</summary>
    internal virtual EvaluatorTable? Table => null;

    /// <summary>Metrics with the name before them, known before anything is computed; the first is the one to judge by.</summary>
    internal IReadOnlyList<string> Metrics => [.. Measured.Select(Full)];

    /// <summary>Metrics without the name.</summary>
    private protected abstract IReadOnlyList<string> Measured { get; }

    /// <summary>Numbers in the order of <see cref="Metrics"/> with their names.</summary>
    internal IEnumerable<KeyValuePair<string, double>> Named(double[] values) => Metrics.Zip(values, KeyValuePair.Create);

    /// <summary>A metric with the name before it.</summary>
    internal string Full(string metric) => Name.Length == 0 ? metric : $"{Name}_{metric}";
}
