namespace MiniLM.Training.Losses.Logits;

/// <summary>Mean of (score - label)^2.</summary>
internal sealed class MSELoss : CrossEncoderLoss
{
    internal override CrossEncoderInputs Requires => new(LabelKind.Number);

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient) =>
        SquaredError.Mean(scores, targets.Labels!.Values, gradient);
}
