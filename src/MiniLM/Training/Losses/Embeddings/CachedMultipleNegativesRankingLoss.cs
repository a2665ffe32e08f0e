namespace MiniLM.Training.Losses.Embeddings;

/// <summary>MultipleNegativesRankingLoss for big batches, embedded part by part.</summary>
internal sealed class CachedMultipleNegativesRankingLoss : MultipleNegativesRankingLoss
{
    internal CachedMultipleNegativesRankingLoss() => MiniBatchSize = 32;
}
