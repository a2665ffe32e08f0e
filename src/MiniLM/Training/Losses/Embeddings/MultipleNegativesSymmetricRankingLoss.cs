namespace MiniLM.Training.Losses.Embeddings;

/// <summary>MultipleNegativesRankingLoss both ways: the mean of query to documents and positive to queries.</summary>
internal sealed class MultipleNegativesSymmetricRankingLoss : MultipleNegativesRankingLoss
{
    internal MultipleNegativesSymmetricRankingLoss() => (Directions, PerDirection) = (Directions.QueryToDoc | Directions.DocToQuery, true);
}
