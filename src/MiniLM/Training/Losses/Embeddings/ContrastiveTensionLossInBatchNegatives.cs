namespace MiniLM.Training.Losses.Embeddings;

/// <summary>In-batch negatives both ways with a trained scale, exp(logit_scale) x cosine (Carlsson et al. 2021; CLIP, arXiv:2103.00020).</summary>
internal sealed class ContrastiveTensionLossInBatchNegatives : BiEncoderLoss
{
    /// <summary>What the scale begins with.</summary>
    internal double Scale { get; init; } = 20;

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2) { HasTwoModels = true };

    internal override IReadOnlyList<LossParameter> Parameters(int width) => [new("logit_scale", 1, 1, Start: Math.Log(Scale))];

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        UnitRows<T> a = new([batch.Columns[0]]), b = new([batch.Columns[1]]);
        Column<T> logScale = batch.Parameters[0];
        double scale = Math.Exp(double.CreateTruncating(logScale.Values[0]));
        double loss = InBatchSoftmax.Compute([new SimilarityBlock<T>(a, b), new SimilarityBlock<T>(b, a)], batch.Rows, scale, isJoint: false);
        // The loss depends on scale x cosine: its derivative by log scale is the sum of cosine x d loss / d cosine, which is the sum of a x d loss / d a.
        for (int i = 0; i < a.Values.Length; i++) { logScale.Gradient[0] += a.Values[i] * a.Gradient[i]; }
        a.Backward();
        b.Backward();
        return loss;
    }
}
