using MiniLM.Batching;
using MiniLM.Data;
using MiniLM.Model;

namespace MiniLM.Ranking;

/// <summary>A run's documents by the similarities of a bi-encoder's embeddings, each text embedded once.</summary>
internal sealed class EmbeddingReranking : RunReranking
{
    private const int Part = 1024; // texts whose rows are one array: together they may be more than an array holds

    private readonly int _width;
    private readonly SimilarityFunction _similarity;
    private readonly float[][] _queries, _documents;
    private EncodingStatistics _embedded;

    /// <param name="texts">The run and its texts.</param>
    /// <param name="scorer">The model, its options and how it compares.</param>
    /// <param name="embedded">See <see cref="RunReranking.Of"/>.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal EmbeddingReranking(RunTexts texts, EmbeddingScorer scorer, Action<RunReranking>? embedded, CancellationToken cancellation) : base(texts.Run)
    {
        (_width, _similarity) = (scorer.Encoder.DimensionOf(scorer.Options), scorer.Similarity);
        _queries = Embed(texts.Queries.Length, query => texts.Queries[query]);
        _documents = Embed(Run.Documents.Count, texts.Document);

        float[][] Embed(int count, Func<int, string> text)
        {
            WindowPace pace = new();
            List<string> window = [];
            float[][] parts = new float[(count + Part - 1) / Part][];
            for (int part = 0; part < parts.Length; part++)
            {
                int first = part * Part, end = Math.Min(first + Part, count);
                parts[part] = new float[(end - first) * _width];
                for (; first < end; first += window.Count)
                {
                    for (window.Clear(); first + window.Count < end && !pace.IsFull; pace.Add(window[^1])) { window.Add(text(first + window.Count)); }
                    pace.Start();
                    Span<float> rows = parts[part].AsSpan((first - part * Part) * _width, window.Count * _width);
                    try { _embedded += scorer.Encoder.Embed(window, rows, scorer.Options, cancellation); }
                    catch (NonFiniteResultException error) { throw error.After(first); }
                    pace.Stop();
                    embedded?.Invoke(this);
                }
            }
            return parts;
        }
    }

    internal override EncodingStatistics Embedded => _embedded;

    protected override float[][] Score(int first, int end, out EncodingStatistics statistics, CancellationToken cancellation)
    {
        statistics = default;
        float[][] scores = new float[end - first][];
        for (int query = first; query < end; query++)
        {
            List<TrecRun.Line> lines = Run.Lines[query];
            float[] row = scores[query - first] = new float[lines.Count];
            for (int i = 0; i < row.Length; i++) { row[i] = (float)_similarity.Of(Row(_queries, query), Row(_documents, lines[i].Document)); }
        }
        return scores;
    }

    private ReadOnlySpan<float> Row(float[][] parts, int row) => parts[row / Part].AsSpan(row % Part * _width, _width);
}
