namespace MiniLM.Training.Evaluators;

/// <summary>The mean loss over rows, without dropout: <c>loss</c>, or with several sets <c>NAME_loss</c>.</summary>
/// <param name="name">Of the set; empty: it is the only one.</param>
/// <param name="data">The set.</param>
/// <param name="objective">The loss over it.</param>
/// <param name="batchSize">Rows of a batch; the last one counts by its rows.</param>
internal sealed class LossEvaluator(string name, TrainingData data, Objective objective, int batchSize) : DataEvaluator(name, data)
{
    private protected override IReadOnlyList<string> Measured => ["loss"];

    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation)
    {
        double sum = 0;
        for (int first = 0; first < Data.Count; first += batchSize)
        {
            int[] rows = [.. Enumerable.Range(first, Math.Min(batchSize, Data.Count - first))];
            sum += objective.Evaluate(rows, outputs, cancellation) * rows.Length;
        }
        return [sum / Data.Count];
    }
}
