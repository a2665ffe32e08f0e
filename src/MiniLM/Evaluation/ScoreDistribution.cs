using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>How the scores of a run's relevant documents lie among those of the others: counts in classes of equal width.</summary>
internal sealed class ScoreDistribution
{
    private const int Classes = 40;

    private ScoreDistribution(double low, double high) => (Low, High) = (low, high);

    /// <summary>Where the first class begins.</summary>
    internal double Low { get; }

    /// <summary>Where the last class ends.</summary>
    internal double High { get; }

    internal long[] Relevant { get; } = new long[Classes];

    /// <summary>Documents that are not relevant or not judged.</summary>
    internal long[] Others { get; } = new long[Classes];

    /// <summary>Counts the finite scores of the queries that are judged.</summary>
    internal static ScoreDistribution Of(Qrels qrels, TrecRun run, int level)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach ((double score, _) in Scores(qrels, run, level)) { (low, high) = (Math.Min(low, score), Math.Max(high, score)); }
        ScoreDistribution distribution = new(low, high);
        foreach ((double score, bool isRelevant) in Scores(qrels, run, level))
        {
            // Halved, so that the width of the widest range is finite.
            double place = high > low ? (score / 2 - low / 2) / (high / 2 - low / 2) : 0;
            (isRelevant ? distribution.Relevant : distribution.Others)[Math.Min(Classes - 1, (int)(place * Classes))]++;
        }
        return distribution;
    }

    private static IEnumerable<(double Score, bool IsRelevant)> Scores(Qrels qrels, TrecRun run, int level)
    {
        for (int query = 0; query < run.Queries.Count; query++)
        {
            if (!qrels.Queries.TryGetValue(run.Queries[query], out Dictionary<string, int>? judgements)) { continue; }
            foreach (TrecRun.Line line in run.Lines[query].Where(line => double.IsFinite(line.Score)))
            {
                yield return (line.Score, judgements.GetValueOrDefault(run.Documents[line.Document]) >= level);
            }
        }
    }
}
