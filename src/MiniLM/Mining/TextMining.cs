using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Ranking;

namespace MiniLM.Mining;

/// <summary>Hard negatives of texts: a bi-encoder finds candidates, and where there is a judge, it scores them again.</summary>
/// <param name="texts">Queries, positives, documents.</param>
/// <param name="encoder">Stays the caller's.</param>
/// <param name="device">Where the encoder is.</param>
/// <param name="cancellation">Looked at all along.</param>
internal sealed class TextMining(MiningTexts texts, BiEncoder encoder, Device device, CancellationToken cancellation)
{
    /// <summary>What was read so far: texts by the encoder, pairs by the judge.</summary>
    internal EncodingStatistics Total { get; private set; }

    /// <summary>Embeds all texts and searches.</summary>
    /// <param name="mining">Which negatives.</param>
    /// <param name="queries">How queries are embedded.</param>
    /// <param name="documents">How documents are embedded.</param>
    /// <param name="judge">Its own score counts, by its stored activation; stays the caller's. Null: none.</param>
    /// <param name="report">Told how many texts were embedded.</param>
    /// <returns>What remains is to mine it.</returns>
    /// <exception cref="ArgumentException">The options contradict one another.</exception>
    /// <exception cref="NonFiniteResultException">A vector is NaN or infinite; it is counted from the first query or document.</exception>
    internal HardNegatives Search(MiningOptions mining, EmbedOptions queries, EmbedOptions documents, PairScorer? judge, Action<long> report)
    {
        long floats = (long)texts.Queries.Count * encoder.Dimension;
        if (floats > Array.MaxLength) { throw new NotSupportedException($"{texts.Queries.Count} queries of {encoder.Dimension} floats: mine them in parts"); }
        float[] vectors = new float[floats];
        for (int first = 0; first < texts.Queries.Count; first += TokenWindow.Capacity)
        {
            Embed(texts.Queries, first, queries, vectors.AsMemory(first * encoder.Dimension));
            report(Total.Inputs);
        }
        HardNegatives negatives = new(mining, vectors, encoder.Dimension, texts.Pairs, texts.Documents.Count, device, judge is null ? null : Score,
            encoder.Folder.SimilarityFunction);
        float[] window = new float[Math.Min(TokenWindow.Capacity, texts.Documents.Count) * encoder.Dimension];
        for (int first = 0; first < texts.Documents.Count; first += TokenWindow.Capacity)
        {
            negatives.Add(Embed(texts.Documents, first, documents, window), cancellation);
            report(Total.Inputs);
        }
        return negatives;

        void Score(int query, ReadOnlySpan<int> found, Span<float> scores)
        {
            List<string> pairs = [];
            foreach (int document in found) { pairs.AddRange(texts.Queries[query], texts.Documents[document]); }
            Total += judge!.Compute(pairs, cancellation);
            for (int i = 0; i < scores.Length; i++) { scores[i] = judge.Score(judge.Raw(i), ScoreKind.Model); }
        }
    }

    // A window from its first text on: rows of length 1.
    private Memory<float> Embed(List<string> all, int first, EmbedOptions options, Memory<float> into)
    {
        List<string> window = all.GetRange(first, Math.Min(TokenWindow.Capacity, all.Count - first));
        Memory<float> rows = into[..(window.Count * encoder.Dimension)];
        try { Total += encoder.Embed(window, rows.Span, options, cancellation); }
        catch (NonFiniteResultException error) { throw error.After(first); }
        for (int at = 0; at < rows.Length; at += encoder.Dimension) { UnitLength.Normalize(rows.Span.Slice(at, encoder.Dimension)); }
        return rows;
    }
}
