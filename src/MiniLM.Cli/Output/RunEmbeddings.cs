namespace MiniLM.Cli.Output;

/// <summary>Embeddings of a run's queries and documents, each text once.</summary>
internal sealed class RunEmbeddings
{
    private const int Part = 1024;

    private readonly int _width;
    private readonly float[][] _queries, _documents;

    private RunEmbeddings(int width, float[][] queries, float[][] documents) => (_width, _queries, _documents) = (width, queries, documents);

    /// <param name="input">The texts.</param>
    /// <param name="encoder">The model.</param>
    /// <param name="options">Its options.</param>
    /// <param name="firstQuery">Queries before it are done.</param>
    /// <param name="output">Takes the counts of a run that starts afresh.</param>
    /// <param name="session">For cancellation.</param>
    internal static RunEmbeddings Create(RerankInput input, BiEncoder encoder, EmbedOptions options, int firstQuery, RowOutput output, Session session)
    {
        (long inputs, long truncated) = (0, 0);
        float[][] queries = Embed(input.Queries), documents = Embed(input.Documents);
        if (firstQuery == 0) { (output.Inputs, output.Truncated) = (inputs, truncated); }
        return new RunEmbeddings(encoder.Dimension, queries, documents);

        float[][] Embed(string[] texts)
        {
            float[][] parts = new float[(texts.Length + Part - 1) / Part][];
            for (int part = 0; part < parts.Length; part++)
            {
                ArraySegment<string> some = new(texts, part * Part, Math.Min(Part, texts.Length - part * Part));
                parts[part] = new float[some.Count * encoder.Dimension];
                EncodingStatistics statistics = encoder.Embed(some, parts[part], options, session.Cancellation);
                (inputs, truncated) = (inputs + statistics.Inputs, truncated + statistics.Truncated);
            }
            return parts;
        }
    }

    /// <summary>Cosine.</summary>
    internal float Score(int query, int document) => PairCosine.Of(Row(_queries, query), Row(_documents, document));

    private ReadOnlySpan<float> Row(float[][] parts, int row) => parts[row / Part].AsSpan(row % Part * _width, _width);
}
