using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Cli.Output;

/// <summary>Scores pairs with whatever the folder holds: a cross-encoder's logits, or the cosine of a bi-encoder's embeddings.</summary>
internal sealed class PairScorer : IDisposable
{
    private readonly CrossEncoder? _cross;
    private readonly BiEncoder? _bi;
    private readonly PairCosine? _cosine;
    private readonly EmbedOptions _options;
    private float[] _logits = [];

    private PairScorer(CrossEncoder? cross, BiEncoder? bi, EmbedOptions options) =>
        (_cross, _bi, _options, _cosine) = (cross, bi, options, bi is null ? null : new PairCosine(bi, options));

    /// <summary>Opens a folder of either kind.</summary>
    internal static PairScorer Open(string path, Device device, Precision precision, EmbedOptions options)
    {
        ModelKind kind;
        using (ModelFolder folder = ModelFolder.Open(path))
        {
            kind = folder.Kind;
            if (folder is { Kind: ModelKind.CrossEncoder, OutputSize: > 2 })
            {
                throw new NotSupportedException(
                    $"{folder.Path}: {folder.OutputSize} labels ({string.Join(", ", folder.Labels)}) have no single score to rank by. Use a model with one label or two.");
            }
        }
        return kind == ModelKind.CrossEncoder ? new PairScorer(CrossEncoder.Open(path, device, precision), null, options)
            : new PairScorer(null, BiEncoder.Open(path, device, precision), options);
    }

    internal ModelFolder Folder => _cross?.Folder ?? _bi!.Folder;

    internal CrossEncoder? Cross => _cross;

    internal BiEncoder? Bi => _bi;

    /// <summary>Computes pairs that follow one another: first, second, first, second ...</summary>
    internal EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        if (_cosine is not null) { return _cosine.Compute(texts, cancellation); }
        (string, string)[] pairs = new (string, string)[texts.Count / 2];
        for (int i = 0; i < pairs.Length; i++) { pairs[i] = (texts[2 * i], texts[2 * i + 1]); }
        int count = pairs.Length * _cross!.Labels;
        if (_logits.Length < count) { _logits = new float[count]; }
        return _cross.Logits(pairs, _logits.AsSpan(0, count), _options.MaxLength, _options.BatchTokens, cancellation);
    }

    /// <summary>The number that ranks: the logit (of two labels 1 less 0), or the cosine.</summary>
    internal float Raw(int pair) => _cross is null ? _cosine!.Score(pair) : _cross.RawScore(Logits(pair));

    /// <summary>The score of the asked kind; a cosine is what it is.</summary>
    internal float Score(float raw, ScoreKind kind) => _cross?.Score(raw, kind) ?? raw;

    /// <summary>Empty for a bi-encoder.</summary>
    internal ReadOnlySpan<float> Logits(int pair) => _cross is null ? [] : _logits.AsSpan(pair * _cross.Labels, _cross.Labels);

    public void Dispose()
    {
        _cross?.Dispose();
        _bi?.Dispose();
    }
}
