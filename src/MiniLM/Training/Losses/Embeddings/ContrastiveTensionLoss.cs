namespace MiniLM.Training.Losses.Embeddings;

/// <summary>The sum over pairs of the binary cross-entropy of their scalar product: 1 for a text with itself, 0 for two texts (Carlsson et al. 2021).</summary>
/// <remarks>The model of the second column is the result.</remarks>
internal sealed class ContrastiveTensionLoss : BiEncoderLoss
{
    private static readonly PairMeasure Dot = PairMeasure.Exact(Measure.Dot);

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2, LabelKind.Binary) { HasTwoModels = true };

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        (Column<T> a, Column<T> b) = (batch.Columns[0], batch.Columns[1]);
        double[] logits = Dot.Forward(a, b), gradient = new double[logits.Length];
        double mean = BinaryCrossEntropy.Mean(logits, batch.Labels!.Values, 1, gradient);
        Dot.Backward(a, b, logits, [.. gradient.Select(value => value * logits.Length)]);
        return mean * logits.Length;
    }
}
