using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Ranking;

/// <summary>Cosines of the embeddings of pairs of texts.</summary>
/// <param name="encoder">Becomes the scorer's.</param>
/// <param name="options">Length, prompt and batches.</param>
internal sealed class CosineScorer(BiEncoder encoder, EmbedOptions options) : PairScorer
{
    private float[] _rows = [];

    internal BiEncoder Encoder => encoder;

    internal EmbedOptions Options => options;

    internal override ModelFolder Folder => encoder.Folder;

    internal override WordPieceTokenizer Tokenizer => encoder.Tokenizer;

    internal override EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        int count = texts.Count * encoder.Dimension;
        if (_rows.Length < count) { _rows = new float[count]; }
        return encoder.Embed(texts, _rows.AsSpan(0, count), options, cancellation);
    }

    internal override float Raw(int pair) => Cosine.Of(Row(2 * pair), Row(2 * pair + 1));

    private ReadOnlySpan<float> Row(int text) => _rows.AsSpan(text * encoder.Dimension, encoder.Dimension);

    public override void Dispose() => encoder.Dispose();
}
