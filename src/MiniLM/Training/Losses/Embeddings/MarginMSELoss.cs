namespace MiniLM.Training.Losses.Embeddings;

/// <summary>A teacher's margins of positive to negatives (Hofstätter et al. 2020, arXiv:2010.02666): <see cref="MarginError"/> of similarities.</summary>
internal sealed class MarginMSELoss : BiEncoderLoss
{
    internal Measure Similarity { get; init; } = Measure.Dot;

    internal override BiEncoderInputs Requires =>
        new("a query, a positive and negatives", 3, BiEncoderInputs.Any, LabelKind.Number) { HasManyLabels = true };

    internal override void CheckLabels(Labels? labels, int columns, int width)
    {
        base.CheckLabels(labels, columns, width);
        MarginError.Check(Name, labels!, columns - 2);
    }

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = PairMeasure.Exact(Similarity);
        int rows = batch.Rows;
        Column<T> query = batch.Columns[0];
        double[] scores = [.. batch.Columns.Skip(1).SelectMany(column => measure.Forward(query, column))], gradient = new double[scores.Length];
        double loss = MarginError.Mean(scores, batch.Labels!, gradient);
        for (int i = 0; i * rows < scores.Length; i++)
        {
            measure.Backward(query, batch.Columns[1 + i], scores.AsSpan(i * rows, rows), gradient.AsSpan(i * rows, rows));
        }
        return loss;
    }
}
