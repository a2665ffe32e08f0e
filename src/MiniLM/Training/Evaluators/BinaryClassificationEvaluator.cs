using MiniLM.Evaluation;
using MiniLM.Model;

namespace MiniLM.Training.Evaluators;

/// <summary>Pairs that are the same or not, by the similarity of their embeddings: as BinaryClassificationEvaluator.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">Pairs; a label above 0 is positive.</param>
/// <param name="model">Of the network.</param>
/// <param name="similarity">Of the model.</param>
internal sealed class BinaryClassificationEvaluator(string name, TrainingData data, Network model, SimilarityFunction similarity)
    : ThresholdEvaluator(name, data, model)
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

    internal override double[] Values(SequenceOutputs outputs)
    {
        ScoredLabels scores = Scores(outputs);
        BestF1 f1 = ThresholdSearch.F1(scores);
        BestAccuracy accuracy = ThresholdSearch.Accuracy(scores);
        return [scores.AveragePrecision, f1.F1, f1.Threshold, f1.Precision, f1.Recall, accuracy.Accuracy, accuracy.Threshold, scores.At(f1.Threshold).Mcc];
    }

    internal override string F1Name => $"{similarity.Name()}_f1";
}
