using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>Measures of rankings against relevance judgements, with the rules and the names of trec_eval, and the names of ir_measures.</summary>
public static class RankingMetrics
{
    /// <summary>Measures a run. Documents are ranked by float32 score, equal ones by id, greatest bytes first, as trec_eval does.</summary>
    /// <param name="qrels">Per query the grades of documents; below 0: pooled, but not judged.</param>
    /// <param name="run">Per query the scores of documents.</param>
    /// <param name="measures">nDCG@10, AP, P(rel=2)@5, ndcg_cut_10, all_trec, ...</param>
    /// <param name="options">Null: the usual ones.</param>
    /// <param name="cancellation">Looked at for every query.</param>
    /// <exception cref="ArgumentException">A measure is not known, a score is NaN, or none of the run's queries is judged.</exception>
    public static RankingEvaluation Evaluate(
        IReadOnlyDictionary<string, Dictionary<string, int>> qrels, IReadOnlyDictionary<string, Dictionary<string, double>> run,
        IEnumerable<string> measures, RankingOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new RankingOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Level, 1);
        Qrels judgements = new();
        foreach ((string query, Dictionary<string, int> grades) in qrels)
        {
            foreach ((string document, int grade) in grades) { judgements.Add(query, document, grade); }
        }
        TrecRun lines = new();
        foreach ((string query, Dictionary<string, double> scores) in run)
        {
            foreach ((string document, double score) in scores)
            {
                if (double.IsNaN(score)) { throw new ArgumentException($"query {Quoted.Text(query)}: the score of {Quoted.Text(document)} is NaN"); }
                lines.Add(query, document, score);
            }
        }
        return RankingEvaluation.Of(judgements, lines, MeasureNames.Parse(measures), options, cancellation);
    }
}
