namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Triplets that are found within a batch of texts with classes: one column, a class as label (Hermans et al. 2017, arXiv:1703.07737).</summary>
internal abstract class BatchTripletLoss : BiEncoderLoss
{
    internal Measure Distance { get; init; } = Measure.Euclidean;

    internal override BiEncoderInputs Requires => new("single texts with classes", 1, 1, LabelKind.Class);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = PairMeasure.Exact(Distance);
        Column<T> texts = batch.Columns[0];
        int rows = batch.Rows;
        double[,] distances = new double[rows, rows], gradient = new double[rows, rows];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < i; j++) { distances[i, j] = distances[j, i] = measure.Of(texts[i], texts[j]); }
        }
        double loss = Value(distances, batch.Labels!.Values, gradient);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < i; j++)
            {
                measure.Backward(texts[i], texts[j], distances[i, j], gradient[i, j] + gradient[j, i], texts.GradientOf(i), texts.GradientOf(j));
            }
        }
        return loss;
    }

    /// <summary>Gives the loss and writes its gradient, which is 0 before.</summary>
    private protected abstract double Value(double[,] distances, double[] classes, double[,] gradient);
}
