using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Training.Evaluators;

/// <summary>Pairs that are the same or not, by the similarity of their embeddings: as BinaryClassificationEvaluator.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">Pairs; a label above 0 is positive.</param>
/// <param name="similarity">Of the model.</param>
internal sealed class BinaryClassificationEvaluator(string name, TrainingData data, SimilarityFunction similarity)
    : ThresholdEvaluator(name, data)
{
    internal override EvaluatorTable Table => new("binary_classification_evaluation",
    [
        .. new[] { "accuracy", "accuracy_threshold", "f1", "precision", "recall", "f1_threshold", "ap", "mcc" }
            .Select(metric => ($"{similarity.Name()}_{metric}", $"{similarity.Name()}_{metric}")),
    ]);

    private protected override IReadOnlyList<string> Measured =>
    [
        .. new[] { "ap", "f1", "f1_threshold", "precision", "recall", "accuracy", "accuracy_threshold", "mcc" }
            .Select(metric => $"{similarity.Name()}_{metric}"),
    ];

    private protected override double Score(SequenceOutputs outputs, int row) => similarity.Of(outputs[row, 0], outputs[row, 1]);

    internal override string F1Name => $"{similarity.Name()}_f1";
}
