namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Cosines of pairs should have the order of their labels: <see cref="RankedPairs"/> over cosines.</summary>
internal sealed class CoSENTLoss : BiEncoderLoss
{
    private static readonly PairMeasure Cosine = PairMeasure.Exact(Measure.Cosine);

    internal double Scale { get; init; } = 20;

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2, LabelKind.Number);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        (Column<T> a, Column<T> b) = (batch.Columns[0], batch.Columns[1]);
        double[] cosines = Cosine.Forward(a, b), gradient = new double[cosines.Length];
        double loss = RankedPairs.Compute(cosines, batch.Labels!.Values, Scale, gradient);
        Cosine.Backward(a, b, cosines, gradient);
        return loss;
    }
}
