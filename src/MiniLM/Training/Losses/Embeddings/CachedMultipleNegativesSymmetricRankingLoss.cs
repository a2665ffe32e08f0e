namespace MiniLM.Training.Losses.Embeddings;

/// <summary>MultipleNegativesSymmetricRankingLoss for big batches, embedded part by part.</summary>
internal sealed class CachedMultipleNegativesSymmetricRankingLoss : MultipleNegativesRankingLoss
{
    internal CachedMultipleNegativesSymmetricRankingLoss() =>
        (Directions, PerDirection, MiniBatchSize) = (Directions.QueryToDoc | Directions.DocToQuery, true, 32);
}
