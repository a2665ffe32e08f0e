using MiniLM.Evaluation;

namespace MiniLM.Training.Evaluators;

/// <summary>Documents of each query in the order of a cross-encoder's scores: as CrossEncoderRerankingEvaluator.</summary>
/// <remarks>
/// A row is a list; or a query with a positive and negatives; or one document of a query, and rows of the same query belong together. Queries without a
/// positive or without a negative are left out.
/// </remarks>
/// <param name="name">Of the set.</param>
/// <param name="data">A label above 0 is positive; without labels a row's first text is.</param>
internal sealed class RerankingEvaluator(string name, TrainingData data) : DataEvaluator(name, data)
{
    internal override EvaluatorTable Table => new("CrossEncoderRerankingEvaluator", [("MAP", "map"), ("MRR@10", "mrr@10"), ("NDCG@10", "ndcg@10")],
        "results_@10");

    private protected override IReadOnlyList<string> Measured => ["ndcg@10", "map", "mrr@10"];

    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation)
    {
        RerankingMeasures measures = new();
        TrainingRows rows = Data.Rows;
        Dictionary<int, (List<double> Scores, List<bool> Labels)> queries = [];
        for (int row = 0; row < Data.Count; row++)
        {
            // A list is a query of its own, whatever its text.
            int query = rows.IsList || rows.Labels is null ? ~row : Data.Queries[row];
            if (!queries.TryGetValue(query, out (List<double> Scores, List<bool> Labels) list)) { queries.Add(query, list = ([], [])); }
            for (int document = 0; document < rows.Tokens.Columns(row); document++)
            {
                list.Scores.Add(outputs[row, document][0]);
                list.Labels.Add(rows.Labels is { } labels ? labels[row][rows.IsList ? document : 0] > 0 : document == 0);
            }
        }
        foreach ((List<double> scores, List<bool> labels) in queries.Values) { measures.Add(new ScoredLabels([.. scores], [.. labels])); }
        return [measures.NdcgAt(10), measures.Map, measures.MrrAt(10)];
    }
}
