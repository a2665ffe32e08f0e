namespace MiniLM.Training.Records;

/// <summary>A line of a run's log history: numbers under the names of transformers' trainer (<c>loss</c>, <c>learning_rate</c>, <c>eval_dev_map</c>).</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Epoch">Passes over the data done, with its fraction.</param>
/// <param name="Values">In the order in which they are shown; a number that the data leave undefined is NaN.</param>
public sealed record LogEntry(int Step, double Epoch, IReadOnlyList<KeyValuePair<string, double>> Values);
