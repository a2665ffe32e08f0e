namespace MiniLM.Training.Losses.Embeddings;

/// <summary>ContrastiveLoss over the hard pairs of a batch alone, summed: sum of d^2 of hard positives and of max(0, margin - d)^2 of hard negatives.</summary>
/// <remarks>
/// A negative is hard that is nearer than the farthest positive (of a batch without positives: nearer than the mean negative), a positive that is farther than
/// the nearest negative (without negatives: than the mean positive). Which pairs are hard is not differentiated.
/// </remarks>
internal sealed class OnlineContrastiveLoss : BiEncoderLoss
{
    internal Measure Distance { get; init; } = Measure.CosineDistance;

    internal double Margin { get; init; } = .5;

    /// <summary>How many pairs the other class must have that its extreme counts: 1; in sentence-transformers up to 5.1 it was 2.</summary>
    internal int PairsForExtreme { get; init; } = 1;

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2, LabelKind.Binary);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = PairMeasure.Torch(Distance);
        (Column<T> a, Column<T> b) = (batch.Columns[0], batch.Columns[1]);
        double[] distances = measure.Forward(a, b), gradient = new double[distances.Length];
        bool IsPositive(int i) => batch.Labels!.Values[i] == 1;
        double[] positives = [.. distances.Where((_, i) => IsPositive(i))], negatives = [.. distances.Where((_, i) => !IsPositive(i))];
        double nearer = positives.Length >= PairsForExtreme ? positives.Max() : negatives.DefaultIfEmpty().Average();
        double farther = negatives.Length >= PairsForExtreme ? negatives.Min() : positives.DefaultIfEmpty().Average();
        double sum = 0;
        for (int i = 0; i < distances.Length; i++)
        {
            bool isHard = IsPositive(i) ? distances[i] > farther : distances[i] < nearer;
            double error = !isHard ? 0 : IsPositive(i) ? distances[i] : Math.Max(0, Margin - distances[i]);
            sum += error * error;
            gradient[i] = IsPositive(i) ? 2 * error : -2 * error;
        }
        measure.Backward(a, b, distances, gradient);
        return sum;
    }
}
