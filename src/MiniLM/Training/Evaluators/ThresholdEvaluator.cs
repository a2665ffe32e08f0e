using MiniLM.Evaluation;

namespace MiniLM.Training.Evaluators;

/// <summary>Rows that are positive or not, by a score: what is found at the best threshold here, and at one found elsewhere.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">A label above 0 is positive.</param>
internal abstract class ThresholdEvaluator(string name, TrainingData data) : DataEvaluator(name, data)
{
    private protected abstract double Score(SequenceOutputs outputs, int row);

    /// <summary>The metric, without the name, whose threshold is carried to other data.</summary>
    internal abstract string F1Name { get; }

    // Of a cross-encoder all but the last.
    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation)
    {
        ScoredLabels scores = Scores(outputs);
        BestF1 f1 = ThresholdSearch.F1(scores);
        BestAccuracy accuracy = ThresholdSearch.Accuracy(scores);
        double[] values =
            [scores.AveragePrecision, f1.F1, f1.Threshold, f1.Precision, f1.Recall, accuracy.Accuracy, accuracy.Threshold, scores.At(f1.Threshold).Mcc];
        return values[..Measured.Count];
    }

    private ScoredLabels Scores(SequenceOutputs outputs)
    {
        double[] labels = Labels();
        double[] scores = [.. Enumerable.Range(0, labels.Length).Select(row => (double)(float)Score(outputs, row))];
        return new ScoredLabels(scores, Array.ConvertAll(labels, label => label > 0), isSingle: true);
    }

    /// <summary>F1 and accuracy at thresholds that were found on other data.</summary>
    internal (double F1, double Accuracy) At(SequenceOutputs outputs, double f1Threshold, double accuracyThreshold)
    {
        ScoredLabels scores = Scores(outputs);
        return (scores.At(f1Threshold).F1(1), scores.At(accuracyThreshold).Accuracy);
    }
}
