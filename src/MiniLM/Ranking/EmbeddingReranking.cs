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
    /// <param name="cancellation">Looked at all along.</param>
    internal EmbeddingReranking(RunTexts texts, EmbeddingScorer scorer, CancellationToken cancellation) : base(texts.Run)
    {
        (_width, _similarity) = (scorer.Encoder.DimensionOf(scorer.Options), scorer.Similarity);
        _queries = Embed(texts.Queries.Length, query => texts.Queries[query]);
        _documents = Embed(Run.Documents.Count, texts.Document);

        float[][] Embed(int count, Func<int, string> text)
        {
            float[][] parts = new float[(count + Part - 1) / Part][];
            for (int part = 0; part < parts.Length; part++)
            {
                string[] some = [.. Enumerable.Range(part * Part, Math.Min(Part, count - part * Part)).Select(text)];
                parts[part] = new float[some.Length * _width];
                try { _embedded += scorer.Encoder.Embed(some, parts[part], scorer.Options, cancellation); }
                catch (NonFiniteResultException error) { throw error.After(part * Part); }
            }
            return parts;
        }
    }

    internal override EncodingStatistics Embedded => _embedded;

    protected override float[][] Score(int first, int end, out EncodingStatistics statistics, CancellationToken cancellation)
    {
        statistics = default;
        return [.. Enumerable.Range(first, end - first)
            .Select(query => Run.Lines[query].Select(line => (float)_similarity.Of(Row(_queries, query), Row(_documents, line.Document))).ToArray())];
    }

    private ReadOnlySpan<float> Row(float[][] parts, int row) => parts[row / Part].AsSpan(row % Part * _width, _width);
}
