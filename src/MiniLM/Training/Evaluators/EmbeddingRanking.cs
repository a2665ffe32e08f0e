using MiniLM.Compute;
using MiniLM.Evaluation;
using MiniLM.Model;
using MiniLM.Retrieval;

namespace MiniLM.Training.Evaluators;

/// <summary>Documents in the order of the similarity of their embeddings to a query's, with the measures of InformationRetrievalEvaluator.</summary>
/// <param name="similarity">Of the model; distances rank as cosines do.</param>
/// <param name="device">That compares.</param>
internal sealed class EmbeddingRanking(SimilarityFunction similarity, Device device)
{
    private const int Deepest = 100;

    private static readonly int[] Depths = [1, 3, 5, 10];

    private string Score => (similarity == SimilarityFunction.Dot ? similarity : SimilarityFunction.Cosine).Name();

    /// <summary>In the order of <see cref="Measure"/>.</summary>
    internal IReadOnlyList<string> Metrics =>
    [
        .. new[] { "ndcg@10", "mrr@10", $"map@{Deepest}" }.Concat(Depths.SelectMany(k => new[] { $"accuracy@{k}", $"precision@{k}", $"recall@{k}" }))
            .Select(metric => $"{Score}_{metric}"),
    ];

    internal EvaluatorTable Table => new("Information-Retrieval_evaluation",
    [
        .. Depths.Select(k => Column("Accuracy", k)), .. Depths.SelectMany(k => new[] { Column("Precision", k), Column("Recall", k) }),
        Column("MRR", 10), Column("NDCG", 10), Column("MAP", Deepest),
    ]);

    private (string Heading, string Metric) Column(string measure, int depth) =>
        ($"{Score}-{measure}@{depth}", $"{Score}_{measure.ToLowerInvariant()}@{depth}");

    /// <summary>Means over queries.</summary>
    /// <param name="queries">[queries, size]; made unit rows, where they lie, unless the similarity is dot.</param>
    /// <param name="documents">[documents, size]; as <paramref name="queries"/>.</param>
    /// <param name="size">Of an embedding.</param>
    /// <param name="ids">Of the documents.</param>
    /// <param name="relevant">Ids for each query, at least one.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal double[] Measure(float[] queries, float[] documents, int size, string[] ids, IReadOnlySet<string>[] relevant, CancellationToken cancellation)
    {
        if (similarity != SimilarityFunction.Dot)
        {
            MakeUnit(queries, size);
            MakeUnit(documents, size);
        }
        TopDocuments[] best = [.. relevant.Select(_ => new TopDocuments(Math.Min(Deepest, ids.Length)))];
        using (DocumentSearch search = device.Hold(DocumentRows.Of(documents, size)))
        {
            search.Search(queries, SimilarityFunction.Dot, best, cancellation);
        }
        List<InformationRetrievalMeasures>[] measures = [.. Depths.Append(Deepest).Select(_ => new List<InformationRetrievalMeasures>())];
        for (int query = 0; query < relevant.Length; query++)
        {
            (string, double)[] hits = [.. best[query].Ordered().Select(hit => (ids[hit.Document], (double)hit.Score))];
            for (int i = 0; i < measures.Length; i++)
            {
                measures[i].Add(InformationRetrievalMeasures.At(hits, relevant[query], i < Depths.Length ? Depths[i] : Deepest));
            }
        }
        InformationRetrievalMeasures[] means = [.. measures.Select(InformationRetrievalMeasures.Mean)];
        InformationRetrievalMeasures atTen = means[Array.IndexOf(Depths, 10)];
        return [atTen.Ndcg, atTen.ReciprocalRank, means[^1].AveragePrecision,
            .. means[..Depths.Length].SelectMany(mean => new[] { mean.Accuracy, mean.Precision, mean.Recall })];
    }

    private static void MakeUnit(Span<float> rows, int size)
    {
        for (int first = 0; first < rows.Length; first += size)
        {
            Span<float> row = rows.Slice(first, size);
            double squares = 0;
            foreach (float value in row) { squares += (double)value * value; }
            float scale = squares == 0 ? 0 : (float)(1 / Math.Sqrt(squares));
            foreach (ref float value in row) { value *= scale; }
        }
    }
}
