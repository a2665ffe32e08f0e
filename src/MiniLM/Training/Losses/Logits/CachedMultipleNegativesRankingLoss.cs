namespace MiniLM.Training.Losses.Logits;

/// <summary>MultipleNegativesRankingLoss for big batches, scored part by part.</summary>
internal sealed class CachedMultipleNegativesRankingLoss : MultipleNegativesRankingLoss
{
    internal CachedMultipleNegativesRankingLoss() => MiniBatchSize = 32;
}
