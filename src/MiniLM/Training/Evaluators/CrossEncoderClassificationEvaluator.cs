using MiniLM.Model;

namespace MiniLM.Training.Evaluators;

/// <summary>Pairs that are positive or not, by the score of a cross-encoder with one output: as CrossEncoderClassificationEvaluator.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">Pairs; a label above 0 is positive.</param>
/// <param name="activation">What makes scores of logits.</param>
internal sealed class CrossEncoderClassificationEvaluator(string name, TrainingData data, ClassifierActivation activation)
    : ThresholdEvaluator(name, data)
{
    internal override EvaluatorTable Table => new("CrossEncoderClassificationEvaluator",
    [
        ("Accuracy", "accuracy"), ("Accuracy_Threshold", "accuracy_threshold"), ("F1", "f1"), ("F1_Threshold", "f1_threshold"),
        ("Precision", "precision"), ("Recall", "recall"), ("Average_Precision", "average_precision"),
    ]);

    private protected override IReadOnlyList<string> Measured =>
        ["average_precision", "f1", "f1_threshold", "precision", "recall", "accuracy", "accuracy_threshold"];

    private protected override double Score(SequenceOutputs outputs, int row) => activation.Score(outputs[row, 0][0]);

    internal override string F1Name => "f1";
}
