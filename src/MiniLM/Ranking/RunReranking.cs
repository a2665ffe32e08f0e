using MiniLM.Data;

namespace MiniLM.Ranking;

/// <summary>The queries of a run, each with its documents in a new order.</summary>
internal sealed class RunReranking
{
    private readonly RunTexts _texts;
    private readonly PairScorer _scorer;
    private readonly RunEmbeddings? _embeddings;

    /// <summary>A bi-encoder embeds every text here, once.</summary>
    /// <param name="texts">The run.</param>
    /// <param name="scorer">Stays the caller's.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal RunReranking(RunTexts texts, PairScorer scorer, CancellationToken cancellation)
    {
        (_texts, _scorer) = (texts, scorer);
        if (scorer is CosineScorer cosine) { _embeddings = new RunEmbeddings(texts, cosine.Encoder, cosine.Options, cancellation); }
    }

    /// <summary>What was read before the first query is ranked: all texts by a bi-encoder, nothing by a cross-encoder.</summary>
    internal EncodingStatistics Embedded => _embeddings?.Statistics ?? default;

    /// <summary>Ranks the documents of some queries, each best first; equal scores keep the run's order.</summary>
    /// <param name="first">Query of the run.</param>
    /// <param name="end">Query behind the last.</param>
    /// <param name="score">What <see cref="RankedDocument.Score"/> is of a raw score; the order is always the raw score's.</param>
    /// <param name="statistics">What was read for it.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <returns>Per query its documents; <see cref="RankedDocument.Index"/> counts the lines of the query.</returns>
    internal RankedDocument[][] Rank(int first, int end, Func<float, float> score, out EncodingStatistics statistics, CancellationToken cancellation)
    {
        statistics = _embeddings is null ? ComputePairs(first, end, cancellation) : default;
        RankedDocument[][] ranked = new RankedDocument[end - first][];
        for (int query = first, pair = 0; query < end; query++)
        {
            List<TrecRun.Line> lines = _texts.Run.Lines[query];
            float[] raw = new float[lines.Count];
            for (int i = 0; i < raw.Length; i++) { raw[i] = _embeddings?.Score(query, lines[i].Document) ?? _scorer.Raw(pair++); }
            ranked[query - first] = RankedDocument.Order(raw, score);
        }
        return ranked;
    }

    private EncodingStatistics ComputePairs(int first, int end, CancellationToken cancellation)
    {
        List<string> pairs = [];
        for (int query = first; query < end; query++)
        {
            foreach (TrecRun.Line line in _texts.Run.Lines[query]) { pairs.AddRange(_texts.Queries[query], _texts.Documents[line.Document]); }
        }
        return _scorer.Compute(pairs, cancellation);
    }
}
