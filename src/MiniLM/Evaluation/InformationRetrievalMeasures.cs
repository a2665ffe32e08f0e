namespace MiniLM.Evaluation;

/// <summary>What sentence-transformers' InformationRetrievalEvaluator measures at a depth. Unlike trec_eval it puts the lower id first among equal
/// scores, keeps float64 scores, knows no grades and divides average precision by min(k, R).</summary>
/// <param name="Accuracy">1: a relevant document is among the first k.</param>
/// <param name="Precision">Relevant among the first k, over k.</param>
/// <param name="Recall">Relevant among the first k, over R.</param>
/// <param name="Ndcg">nDCG with gain 1.</param>
/// <param name="ReciprocalRank">Of the first relevant among the first k.</param>
/// <param name="AveragePrecision">Over the first k, divided by min(k, R).</param>
internal readonly record struct InformationRetrievalMeasures(
    double Accuracy, double Precision, double Recall, double Ndcg, double ReciprocalRank, double AveragePrecision)
{
    /// <summary>Of a query.</summary>
    /// <param name="hits">Ids and scores in any order.</param>
    /// <param name="relevant">Ids; at least one.</param>
    /// <param name="k">Depth, from 1.</param>
    internal static InformationRetrievalMeasures At(IEnumerable<(string Id, double Score)> hits, IReadOnlySet<string> relevant, int k)
    {
        ArgumentOutOfRangeException.ThrowIfZero(relevant.Count);
        bool[] top = [.. hits.OrderByDescending(hit => hit.Score).ThenBy(hit => hit.Id, Utf8Order.Instance)
            .Take(k).Select(hit => relevant.Contains(hit.Id))];
        int found = 0;
        double gain = 0, ideal = 0, reciprocal = 0, precisions = 0;
        for (int rank = 0; rank < Math.Min(k, relevant.Count); rank++) { ideal += 1 / Math.Log2(rank + 2); }
        for (int rank = 0; rank < top.Length; rank++)
        {
            if (!top[rank]) { continue; }
            found++;
            gain += 1 / Math.Log2(rank + 2);
            precisions += (double)found / (rank + 1);
            if (found == 1) { reciprocal = 1.0 / (rank + 1); }
        }
        return new InformationRetrievalMeasures(found > 0 ? 1 : 0, (double)found / k, (double)found / relevant.Count, gain / ideal, reciprocal,
            precisions / Math.Min(k, relevant.Count));
    }

    /// <summary>Over queries; NaN without any.</summary>
    internal static InformationRetrievalMeasures Mean(IReadOnlyCollection<InformationRetrievalMeasures> queries)
    {
        return new InformationRetrievalMeasures(Of(query => query.Accuracy), Of(query => query.Precision), Of(query => query.Recall), Of(query => query.Ndcg),
            Of(query => query.ReciprocalRank), Of(query => query.AveragePrecision));

        double Of(Func<InformationRetrievalMeasures, double> measure) => queries.Sum(measure) / queries.Count;
    }
}
