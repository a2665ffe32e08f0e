namespace MiniLM.Ranking;

/// <summary>Embeddings of a run's queries and documents, each text once.</summary>
internal sealed class RunEmbeddings
{
    private const int Part = 1024; // texts whose rows are one array: together they may be more than an array holds

    private readonly int _width;
    private readonly float[][] _queries, _documents;

    /// <param name="texts">The texts.</param>
    /// <param name="encoder">The model.</param>
    /// <param name="options">Its options.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal RunEmbeddings(RunTexts texts, BiEncoder encoder, EmbedOptions options, CancellationToken cancellation)
    {
        _width = encoder.Dimension;
        _queries = Embed(texts.Queries);
        _documents = Embed(texts.Documents);

        float[][] Embed(string[] all)
        {
            float[][] parts = new float[(all.Length + Part - 1) / Part][];
            for (int part = 0; part < parts.Length; part++)
            {
                ArraySegment<string> some = new(all, part * Part, Math.Min(Part, all.Length - part * Part));
                parts[part] = new float[some.Count * _width];
                try { Statistics += encoder.Embed(some, parts[part], options, cancellation); }
                catch (NonFiniteResultException error) { throw error.After(part * Part); }
            }
            return parts;
        }
    }

    internal EncodingStatistics Statistics { get; private set; }

    /// <summary>Cosine.</summary>
    internal float Score(int query, int document) => Cosine.Of(Row(_queries, query), Row(_documents, document));

    private ReadOnlySpan<float> Row(float[][] parts, int row) => parts[row / Part].AsSpan(row % Part * _width, _width);
}
