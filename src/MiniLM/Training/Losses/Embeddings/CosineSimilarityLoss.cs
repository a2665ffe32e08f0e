namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Mean of (cosine - label)^2 over pairs; labels are cosines, such as -1 and 1 for classes, or grades over the highest grade.</summary>
internal sealed class CosineSimilarityLoss : BiEncoderLoss
{
    private static readonly PairMeasure Cosine = PairMeasure.Torch(Measure.Cosine);

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2, LabelKind.Cosine);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        (Column<T> a, Column<T> b) = (batch.Columns[0], batch.Columns[1]);
        double[] cosines = Cosine.Forward(a, b), gradient = new double[cosines.Length];
        double loss = SquaredError.Mean(cosines, batch.Labels!.Values, gradient);
        Cosine.Backward(a, b, cosines, gradient);
        return loss;
    }
}
