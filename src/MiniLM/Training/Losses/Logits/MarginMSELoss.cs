namespace MiniLM.Training.Losses.Logits;

/// <summary>A teacher's margins of positive to negatives (Hofstätter et al. 2020, arXiv:2010.02666): <see cref="MarginError"/> of scores.</summary>
internal sealed class MarginMSELoss : CrossEncoderLoss
{
    internal override CrossEncoderInputs Requires => new(LabelKind.Number) { MinColumns = 2, HasNegatives = true, HasManyLabels = true };

    internal override void CheckLabels(Labels labels, int outputs, int columns = 1, IReadOnlyList<int>? lists = null)
    {
        base.CheckLabels(labels, outputs, columns, lists);
        MarginError.Check(Name, labels, columns - 1);
    }

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient) =>
        MarginError.Mean(scores, targets.Labels!, gradient);
}
