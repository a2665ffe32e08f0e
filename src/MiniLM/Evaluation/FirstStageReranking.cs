namespace MiniLM.Evaluation;

/// <summary>A reranker behind a first stage, as sentence-transformers' CrossEncoderRerankingEvaluator measures samples with <c>documents</c>.</summary>
/// <param name="always">Whether positives that the first stage missed are scored too (always_rerank_positives).</param>
/// <remarks>A sample in which nothing relevant is ranked counts 0 here; <see cref="RerankingMeasures"/> drops it.</remarks>
internal sealed class FirstStageReranking(bool always)
{
    private readonly List<ScoredLabels?> _base = [], _reranked = [];

    /// <summary>Adds a sample.</summary>
    /// <param name="documents">As the first stage ranks them.</param>
    /// <param name="positives">The relevant ones, those that were not found included.</param>
    /// <param name="score">The reranker's score of a document.</param>
    internal void Add(IReadOnlyList<string> documents, IReadOnlyList<string> positives, Func<string, double> score)
    {
        bool[] found = [.. documents.Select(document => positives.Contains(document))];
        // Positives that were not found stand at the end of the first stage's list.
        bool[] labels = [.. found, .. Enumerable.Repeat(true, Math.Max(0, positives.Count - found.Count(isPositive => isPositive)))];
        _base.Add(found.Contains(true) ? new ScoredLabels([.. labels.Select((_, rank) => (double)-rank)], labels) : null);
        string[] scored = always ? [.. positives, .. documents.Where(document => !positives.Contains(document))] : [.. documents];
        bool[] relevant = [.. scored.Select(document => positives.Contains(document))];
        _reranked.Add(relevant.Contains(true) ? new ScoredLabels([.. scored.Select(score)], relevant) : null);
    }

    internal (double Base, double Reranked) Map => Means(list => list.AveragePrecision);

    internal (double Base, double Reranked) MrrAt(int k) => Means(list => RerankingMeasures.ReciprocalRank(list, k));

    internal (double Base, double Reranked) NdcgAt(int k) => Means(list => RerankingMeasures.Ndcg(list, k));

    private (double Base, double Reranked) Means(Func<ScoredLabels, double> measure) => (Mean(_base, measure), Mean(_reranked, measure));

    private static double Mean(List<ScoredLabels?> lists, Func<ScoredLabels, double> measure) =>
        lists.Select(list => list is null ? 0 : measure(list)).DefaultIfEmpty(double.NaN).Average();
}
