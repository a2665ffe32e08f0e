namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Pulls pairs labelled 1 together, and those labelled 0 apart up to a margin (Hadsell et al. 2006).</summary>
/// <remarks>The mean over pairs (or the sum) of (y d^2 + (1 - y) max(0, margin - d)^2) / 2.</remarks>
internal sealed class ContrastiveLoss : BiEncoderLoss
{
    internal Measure Distance { get; init; } = Measure.CosineDistance;

    internal double Margin { get; init; } = .5;

    /// <summary>Mean, or sum.</summary>
    internal bool SizeAverage { get; init; } = true;

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2, LabelKind.Binary);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = PairMeasure.Torch(Distance);
        (Column<T> a, Column<T> b) = (batch.Columns[0], batch.Columns[1]);
        double[] distances = measure.Forward(a, b), gradient = new double[distances.Length];
        double sum = 0, divisor = SizeAverage ? distances.Length : 1;
        for (int i = 0; i < distances.Length; i++)
        {
            bool isPositive = batch.Labels!.Values[i] == 1;
            double error = isPositive ? distances[i] : Math.Max(0, Margin - distances[i]);
            sum += error * error / 2;
            gradient[i] = (isPositive ? error : -error) / divisor;
        }
        measure.Backward(a, b, distances, gradient);
        return sum / divisor;
    }
}
