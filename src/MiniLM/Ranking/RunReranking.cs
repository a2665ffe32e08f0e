using MiniLM.Data;

namespace MiniLM.Ranking;

/// <summary>The queries of a run, each with its documents in a new order.</summary>
internal abstract class RunReranking(TrecRun run)
{
    /// <summary>By what a folder holds. A bi-encoder embeds every text here, once.</summary>
    /// <param name="texts">The run; stays the caller's.</param>
    /// <param name="scorer">Stays the caller's.</param>
    /// <param name="embedded">Told every half second that a bi-encoder has read more, <see cref="Embedded"/>; null: nobody is.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal static RunReranking Of(RunTexts texts, PairScorer scorer, Action<RunReranking>? embedded, CancellationToken cancellation) => scorer switch
    {
        EmbeddingScorer embeddings => new EmbeddingReranking(texts, embeddings, embedded, cancellation),
        LogitScorer logits => new PairReranking(texts, logits),
        _ => throw new ArgumentException($"no reranking by a {scorer.GetType().Name}", nameof(scorer)),
    };

    internal TrecRun Run => run;

    /// <summary>What was read before the first query is ranked: all texts by a bi-encoder, nothing by the others.</summary>
    internal virtual EncodingStatistics Embedded => default;

    /// <summary>Characters that are read to score a line.</summary>
    internal virtual int Length(int query, TrecRun.Line line) => 0;

    /// <summary>Ranks the documents of some queries, each best first; equal raw scores keep the run's order.</summary>
    /// <param name="first">Query of the run.</param>
    /// <param name="end">Query behind the last.</param>
    /// <param name="score">What <see cref="RankedDocument.Score"/> is of a raw score: the order is by it, and what it makes equal is set apart.</param>
    /// <param name="statistics">What was read for it.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <returns>Per query its documents; <see cref="RankedDocument.Index"/> counts the lines of the query.</returns>
    internal RankedDocument[][] Rank(int first, int end, Func<float, float> score, out EncodingStatistics statistics, CancellationToken cancellation) =>
        Array.ConvertAll(Score(first, end, out statistics, cancellation), raw =>
        {
            RankedDocument[] ranked = RankedDocument.Order(raw, score);
            RankedDocument.SetApart(ranked);
            return ranked;
        });

    /// <summary>Raw scores of the lines of queries <paramref name="first"/> to <paramref name="end"/> - 1.</summary>
    protected abstract float[][] Score(int first, int end, out EncodingStatistics statistics, CancellationToken cancellation);
}
