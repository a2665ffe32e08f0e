namespace MiniLM.Training.Losses.Logits;

/// <summary>Mean binary cross-entropy of sigmoid(logit); labels are 0, 1 or probabilities, one for each output.</summary>
internal sealed class BinaryCrossEntropyLoss : CrossEncoderLoss
{
    /// <summary>How often a positive counts: the number of negatives over that of positives balances them.</summary>
    internal double PositiveWeight { get; init; } = 1;

    internal override CrossEncoderInputs Requires => new(LabelKind.Probability) { HasManyOutputs = true, HasManyLabels = true };

    internal override void CheckLabels(Labels labels, int outputs, int columns = 1, IReadOnlyList<int>? lists = null)
    {
        LossDataException.ThrowIf(labels.Width != outputs, $"{Name}: {labels.Width} labels a row for {outputs} outputs; classes go to CrossEntropyLoss.");
        base.CheckLabels(labels, outputs, columns, lists);
    }

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient) =>
        BinaryCrossEntropy.Mean(scores, targets.Labels!.Values, PositiveWeight, gradient);
}
