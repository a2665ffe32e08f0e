using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Training.Evaluators;

/// <summary>How often an anchor is nearer to its positive than to its negatives: as TripletEvaluator.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">An anchor, a positive and negatives a row.</param>
/// <param name="similarity">Of the model.</param>
internal sealed class TripletEvaluator(string name, TrainingData data, SimilarityFunction similarity) : DataEvaluator(name, data)
{
    internal override EvaluatorTable Table => new("triplet_evaluation", [($"accuracy_{similarity.Name()}", $"{similarity.Name()}_accuracy")]);

    private protected override IReadOnlyList<string> Measured => [$"{similarity.Name()}_accuracy"];

    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation) => [Enumerable.Range(0, Data.Count).Average(row =>
    {
        double positive = similarity.Of(outputs[row, 0], outputs[row, 1]);
        return Enumerable.Range(2, Data.Rows.Tokens.Columns(row) - 2).All(column => positive > similarity.Of(outputs[row, 0], outputs[row, column])) ? 1.0 : 0;
    })];
}
