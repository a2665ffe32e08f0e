using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Ranking;

/// <summary>Similarities of the embeddings of pairs of texts.</summary>
/// <param name="encoder">Becomes the scorer's.</param>
/// <param name="options">Length, prompt, dimensions and batches.</param>
/// <param name="similarity">Null: the model's own.</param>
internal sealed class EmbeddingScorer(BiEncoder encoder, EmbedOptions options, SimilarityFunction? similarity = null) : PairScorer
{
    private readonly int _width = encoder.DimensionOf(options);
    private float[] _rows = [];

    internal BiEncoder Encoder => encoder;

    internal EmbedOptions Options => options;

    internal SimilarityFunction Similarity { get; } = similarity ?? encoder.Folder.SimilarityFunction;

    internal override ModelFolder Folder => encoder.Folder;

    internal override WordPieceTokenizer Tokenizer => encoder.Tokenizer;

    internal override EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        int count = texts.Count * _width;
        if (_rows.Length < count) { _rows = new float[count]; }
        return encoder.Embed(texts, _rows.AsSpan(0, count), options, cancellation);
    }

    internal override float Raw(int pair) => (float)Similarity.Of(Row(2 * pair), Row(2 * pair + 1));

    private ReadOnlySpan<float> Row(int text) => _rows.AsSpan(text * _width, _width);

    public override void Dispose() => encoder.Dispose();
}
