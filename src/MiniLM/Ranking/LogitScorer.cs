using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Ranking;

/// <summary>Logits of pairs of texts.</summary>
/// <param name="encoder">Becomes the scorer's; of three labels and more a pair has no <see cref="Raw"/> score, but <see cref="Scores"/>.</param>
/// <param name="options">Length and batches.</param>
internal sealed class LogitScorer(CrossEncoder encoder, EmbedOptions options) : PairScorer
{
    private float[] _logits = [];

    internal int Labels => encoder.Labels;

    internal override ModelFolder Folder => encoder.Folder;

    internal override WordPieceTokenizer Tokenizer => encoder.Tokenizer;

    internal override EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation) =>
        Compute(texts.Count / 2, pair => (texts[2 * pair], texts[2 * pair + 1]), cancellation);

    /// <summary>Computes pairs whose texts are asked for one pair after the other.</summary>
    internal EncodingStatistics Compute(int pairs, Func<int, (string First, string Second)> texts, CancellationToken cancellation)
    {
        int count = pairs * encoder.Labels;
        if (_logits.Length < count) { _logits = new float[count]; }
        return encoder.Logits(texts, _logits.AsSpan(0, count), options.MaxLength, options.BatchTokens, cancellation);
    }

    internal override float Raw(int pair) => encoder.RawScore(Logits(pair));

    internal override float Score(float raw, ScoreKind kind) => encoder.Score(raw, kind);

    /// <summary>A score a label.</summary>
    internal void Scores(int pair, ScoreKind kind, Span<float> scores) => encoder.Scores(Logits(pair), kind, scores);

    internal override ReadOnlySpan<float> Logits(int pair) => _logits.AsSpan(pair * encoder.Labels, encoder.Labels);

    public override void Dispose() => encoder.Dispose();
}
