using MiniLM.Data;

namespace MiniLM.Ranking;

/// <summary>A run's documents by the logits of a cross-encoder.</summary>
/// <param name="texts">The run; stays the caller's.</param>
/// <param name="scorer">Likewise.</param>
/// <remarks>All pairs of a window go through the scorer as one call, which orders them by length across queries; a text is read when it is tokenized.</remarks>
internal sealed class PairReranking(RunTexts texts, LogitScorer scorer) : RunReranking(texts.Run)
{
    internal override int Length(int query, TrecRun.Line line) => texts.Length(query, line);

    protected override float[][] Score(int first, int end, out EncodingStatistics statistics, CancellationToken cancellation)
    {
        List<(int Query, int Document)> pairs = [];
        for (int query = first; query < end; query++)
        {
            foreach (TrecRun.Line line in Run.Lines[query]) { pairs.Add((query, line.Document)); }
        }
        statistics = scorer.Compute(pairs.Count, pair => (texts.Queries[pairs[pair].Query], texts.Document(pairs[pair].Document)), cancellation);
        float[][] scores = new float[end - first][];
        for (int query = first, pair = 0; query < end; query++)
        {
            float[] raw = scores[query - first] = new float[Run.Lines[query].Count];
            for (int i = 0; i < raw.Length; i++) { raw[i] = scorer.Raw(pair++); }
        }
        return scores;
    }
}
