using MiniLM.Evaluation;

namespace MiniLM.Training.Evaluators;

/// <summary>Rows of several classes, by the greatest logit: as CrossEncoderClassificationEvaluator with more than one output.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">Labels are classes from 0.</param>
internal sealed class ClassesEvaluator(string name, TrainingData data) : DataEvaluator(name, data)
{
    internal override EvaluatorTable Table => new("CrossEncoderClassificationEvaluator",
        [("Macro_F1", "f1_macro"), ("Micro_F1", "f1_micro"), ("Weighted_F1", "f1_weighted")]);

    private protected override IReadOnlyList<string> Measured => ["f1_macro", "f1_micro", "f1_weighted", "accuracy"];

    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation)
    {
        int[] labels = Array.ConvertAll(Labels(), label => (int)label);
        double[][] logits = [.. Enumerable.Range(0, labels.Length).Select(row => Array.ConvertAll(outputs[row, 0].ToArray(), logit => (double)logit))];
        ConfusionMatrix counts = new ClassLogits(logits, labels).Confusion();
        return [counts.Macro(counts.F1), counts.Accuracy, counts.Weighted(counts.F1), counts.Accuracy];
    }
}
