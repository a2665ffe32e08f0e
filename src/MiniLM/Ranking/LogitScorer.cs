using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Ranking;

/// <summary>Logits of pairs of texts.</summary>
/// <param name="encoder">Becomes the scorer's; one label or two.</param>
/// <param name="options">Length and batches.</param>
internal sealed class LogitScorer(CrossEncoder encoder, EmbedOptions options) : PairScorer
{
    private float[] _logits = [];

    internal override ModelFolder Folder => encoder.Folder;

    internal override WordPieceTokenizer Tokenizer => encoder.Tokenizer;

    internal override EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        (string, string)[] pairs = new (string, string)[texts.Count / 2];
        for (int i = 0; i < pairs.Length; i++) { pairs[i] = (texts[2 * i], texts[2 * i + 1]); }
        int count = pairs.Length * encoder.Labels;
        if (_logits.Length < count) { _logits = new float[count]; }
        return encoder.Logits(pairs, _logits.AsSpan(0, count), options.MaxLength, options.BatchTokens, cancellation);
    }

    internal override float Raw(int pair) => encoder.RawScore(Logits(pair));

    internal override float Score(float raw, ScoreKind kind) => encoder.Score(raw, kind);

    internal override ReadOnlySpan<float> Logits(int pair) => _logits.AsSpan(pair * encoder.Labels, encoder.Labels);

    public override void Dispose() => encoder.Dispose();
}
