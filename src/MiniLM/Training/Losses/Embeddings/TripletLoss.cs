namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Mean over (anchor, positive, negative) of max(0, d(anchor, positive) - d(anchor, negative) + margin).</summary>
internal sealed class TripletLoss : BiEncoderLoss
{
    internal Measure Distance { get; init; } = Measure.Euclidean;

    internal double Margin { get; init; } = 5;

    internal override BiEncoderInputs Requires => new("an anchor, a positive and a negative", 3, 3);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = PairMeasure.Exact(Distance);
        (Column<T> anchor, Column<T> positive, Column<T> negative) = (batch.Columns[0], batch.Columns[1], batch.Columns[2]);
        double[] near = measure.Forward(anchor, positive), far = measure.Forward(anchor, negative), gradient = new double[near.Length];
        double sum = 0;
        for (int i = 0; i < near.Length; i++)
        {
            double error = near[i] - far[i] + Margin;
            if (error > 0) { (sum, gradient[i]) = (sum + error, 1.0 / near.Length); }
        }
        measure.Backward(anchor, positive, near, gradient);
        measure.Backward(anchor, negative, far, [.. gradient.Select(value => -value)]);
        return sum / near.Length;
    }
}
