namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Margins of a teacher (Hofstätter et al. 2021, arXiv:2010.02666): mean over rows and negatives of (s(query, positive) - s(query, negative) - margin)^2.</summary>
/// <remarks>A row's labels are the margins of its negatives, or the teacher's scores of positive and negatives, whose differences they are.</remarks>
internal sealed class MarginMSELoss : BiEncoderLoss
{
    internal Measure Similarity { get; init; } = Measure.Dot;

    internal override BiEncoderInputs Requires => new("a query, a positive and negatives", 3, BiEncoderInputs.Any, LabelKind.Number) { HasManyLabels = true };

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = new(Similarity, UnitRows<T>.Floor);
        int rows = batch.Rows, negatives = batch.Columns.Count - 2;
        Column<T> query = batch.Columns[0];
        double[][] scores = [.. batch.Columns.Skip(1).Select(column => measure.Forward(query, column))];
        double[] margins = new double[rows * negatives], gradient = new double[margins.Length];
        for (int i = 0; i < margins.Length; i++) { margins[i] = scores[0][i / negatives] - scores[1 + i % negatives][i / negatives]; }
        double loss = SquaredError.Mean(margins, TeacherMargins.Of(Name, batch.Labels!, negatives), gradient);
        double[][] slopes = [.. scores.Select(_ => new double[rows])];
        for (int i = 0; i < margins.Length; i++)
        {
            slopes[0][i / negatives] += gradient[i];
            slopes[1 + i % negatives][i / negatives] -= gradient[i];
        }
        for (int i = 0; i < scores.Length; i++) { measure.Backward(query, batch.Columns[1 + i], scores[i], slopes[i]); }
        return loss;
    }
}
