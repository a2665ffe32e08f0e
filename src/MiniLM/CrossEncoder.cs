using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM;

/// <summary>What a score of a cross-encoder is.</summary>
public enum ScoreKind
{
    /// <summary>The model's own activation; two labels: raw unless the model stores one.</summary>
    Model,

    /// <summary>The logit; two labels: logit 1 - logit 0.</summary>
    Raw,

    /// <summary>1 / (1 + e^-raw): of two labels that is the softmax probability of label 1.</summary>
    Sigmoid,
}

/// <summary>Pairs of texts to scores: tokenizer, encoder and classifier head.</summary>
/// <remarks>Thread-safe. A pair's logits are the same bits alone and in any batch.</remarks>
public sealed class CrossEncoder : IDisposable
{
    private readonly LoadedModel _model;

    private CrossEncoder(LoadedModel model) => _model = model;

    /// <summary>Opens a model folder for a device.</summary>
    /// <param name="path">A folder as <see cref="ModelFolder.Resolve"/> finds it.</param>
    /// <param name="device">Stays the caller's to dispose, after this encoder.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="ModelFormatException">The folder is not a usable cross-encoder: a bi-encoder is refused.</exception>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    public static CrossEncoder Open(string path, Device device, Precision precision = Precision.Float32, CancellationToken cancellation = default) =>
        Open(ModelFolder.Open(path), device, precision, cancellation);

    /// <summary>Makes an encoder of a folder that is open.</summary>
    /// <param name="folder">Becomes the encoder's, and is closed when this call fails.</param>
    /// <param name="device">Stays the caller's to dispose, after this encoder.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="ModelFormatException">It is not a usable cross-encoder: a bi-encoder is refused.</exception>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    public static CrossEncoder Open(ModelFolder folder, Device device, Precision precision = Precision.Float32, CancellationToken cancellation = default) =>
        new(LoadedModel.Load(folder, ModelKind.CrossEncoder,
            "a bi-encoder: it has no classifier that scores pairs. "
                + "Compare its embeddings, or choose a cross-encoder (a ...ForSequenceClassification folder).",
            device, precision, cancellation));

    /// <summary>The model.</summary>
    public ModelFolder Folder => _model.Folder;

    /// <summary>Its tokenizer.</summary>
    public WordPieceTokenizer Tokenizer => _model.Tokenizer;

    /// <summary>Number of logits a pair.</summary>
    public int Labels => Folder.OutputSize;

    /// <summary>Logits of pairs: [pairs, Labels] in their order.</summary>
    /// <param name="pairs">Any number; the longer text is cut first when a pair is too long.</param>
    /// <param name="logits">pairs.Count * Labels floats.</param>
    /// <param name="maxLength">Longest pair in tokens; null: the model's limit.</param>
    /// <param name="batchTokens">Tokens of one batch; results do not depend on it. Null: as many as suit the device.</param>
    /// <param name="cancellation">Looked at all along, also within a layer.</param>
    /// <exception cref="ArgumentException">The span has another length, or the limit is out of range.</exception>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    public EncodingStatistics Logits(IReadOnlyList<(string First, string Second)> pairs, Span<float> logits, int? maxLength = null, int? batchTokens = null,
        CancellationToken cancellation = default)
    {
        if (logits.Length != (long)pairs.Count * Labels)
        {
            throw new ArgumentException($"{pairs.Count} pairs need {(long)pairs.Count * Labels} floats, the span has {logits.Length}", nameof(logits));
        }
        return Logits(index => pairs[index], logits, maxLength, batchTokens, cancellation);
    }

    /// <summary>Logits of pairs that are asked for one after the other, so that nobody holds all their texts.</summary>
    internal EncodingStatistics Logits(
        Func<int, (string First, string Second)> pair, Span<float> logits, int? maxLength, int? batchTokens, CancellationToken cancellation)
    {
        int limit = LoadedModel.MaxLength(Folder, Tokenizer, maxLength, pair: true);
        int Encode(int index, Span<int> ids, Span<byte> typeIds, out bool truncated)
        {
            (string first, string second) = pair(index);
            return Tokenizer.Encode(first, second, limit, Truncation.LongestFirst, ids, typeIds, out truncated);
        }
        return new SequenceRunner(_model.Network, Folder.Network.Config.Architecture).Run(Encode, limit, batchTokens, 0, logits, Labels, cancellation);
    }

    /// <summary>The number that ranks: the logit, or logit 1 - logit 0.</summary>
    /// <param name="logits">[1] or [2].</param>
    /// <exception cref="NotSupportedException">Three labels or more have no single score.</exception>
    public float RawScore(ReadOnlySpan<float> logits) => logits.Length switch
    {
        1 => logits[0],
        2 => logits[1] - logits[0],
        _ => throw new NotSupportedException($"{Folder.Path}: {logits.Length} labels have no single score to rank by; a reranker has one or two"),
    };

    /// <summary>Scores of the asked kind of all labels, as a classifier's predictions: sigmoid or identity of each logit, or their softmax.</summary>
    /// <param name="logits">[Labels].</param>
    /// <param name="kind">What they shall be; of the model's kind by its activation.</param>
    /// <param name="scores">[Labels].</param>
    public void Scores(ReadOnlySpan<float> logits, ScoreKind kind, Span<float> scores)
    {
        ClassifierActivation activation = kind switch
        {
            ScoreKind.Raw => ClassifierActivation.Identity,
            ScoreKind.Sigmoid => ClassifierActivation.Sigmoid,
            _ => Folder.ClassifierActivation,
        };
        activation.Score(logits, scores);
    }

    /// <summary>A score of the asked kind from a raw one.</summary>
    /// <param name="raw">Of <see cref="RawScore"/>.</param>
    /// <param name="kind">What it shall be.</param>
    public float Score(float raw, ScoreKind kind)
    {
        if (kind == ScoreKind.Model && Folder.ClassifierActivation == ClassifierActivation.Softmax && Labels == 1) { return 1; } // of a label by itself
        bool sigmoid = kind == ScoreKind.Sigmoid
            || (kind == ScoreKind.Model && Folder.ClassifierActivation != ClassifierActivation.Identity && (Labels == 1 || Folder.ActivationIsStored));
        return (sigmoid ? ClassifierActivation.Sigmoid : ClassifierActivation.Identity).Score(raw);
    }

    /// <summary>Documents of one query, best first; equal logits keep their order.</summary>
    /// <param name="query">The query.</param>
    /// <param name="documents">Any number.</param>
    /// <param name="topK">How many to keep; null: all.</param>
    /// <param name="kind">What <see cref="RankedDocument.Score"/> is: the order is by it, that of equal ones by the logit.</param>
    /// <param name="cancellation">Looked at all along, also within a layer.</param>
    public IReadOnlyList<RankedDocument> Rerank(string query, IReadOnlyList<string> documents, int? topK = null, ScoreKind kind = ScoreKind.Model,
        CancellationToken cancellation = default)
    {
        float[] logits = new float[documents.Count * Labels];
        Logits([.. documents.Select(document => (query, document))], logits, cancellation: cancellation);
        float[] raw = [.. Enumerable.Range(0, documents.Count).Select(index => RawScore(logits.AsSpan(index * Labels, Labels)))];
        RankedDocument[] ranked = RankedDocument.Order(raw, logit => Score(logit, kind));
        return topK is { } count ? [.. ranked.Take(count)] : ranked;
    }

    /// <summary>Closes the model and its mapped file.</summary>
    public void Dispose() => _model.Dispose();
}
