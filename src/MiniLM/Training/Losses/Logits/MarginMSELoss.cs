namespace MiniLM.Training.Losses.Logits;

/// <summary>Margins of a teacher (Hofstätter et al. 2021, arXiv:2010.02666): mean over queries and negatives of (positive - negative - margin)^2.</summary>
/// <remarks>A query's labels are the margins of its negatives, or the teacher's scores of positive and negatives, whose differences they are.</remarks>
internal sealed class MarginMSELoss : CrossEncoderLoss
{
    internal override CrossEncoderInputs Requires => new(LabelKind.Number) { MinColumns = 2, HasManyLabels = true };

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient)
    {
        int queries = scores.Length / targets.Columns, negatives = targets.Columns - 1;
        double[] margins = new double[queries * negatives], slopes = new double[margins.Length];
        for (int i = 0; i < margins.Length; i++) { margins[i] = scores[i / negatives] - scores[(1 + i % negatives) * queries + i / negatives]; }
        double loss = SquaredError.Mean(margins, TeacherMargins.Of(Name, targets.Labels!, negatives), slopes);
        for (int i = 0; i < margins.Length; i++)
        {
            gradient[i / negatives] += slopes[i];
            gradient[(1 + i % negatives) * queries + i / negatives] -= slopes[i];
        }
        return loss;
    }
}
