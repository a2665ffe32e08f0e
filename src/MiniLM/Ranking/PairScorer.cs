using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Ranking;

/// <summary>Scores pairs of texts with whatever a folder holds: a cross-encoder's logits, or the similarity of a bi-encoder's embeddings.</summary>
/// <remarks>Keeps the results of the last <see cref="Compute"/>, in buffers that are used again: one caller at a time.</remarks>
internal abstract class PairScorer : IDisposable
{
    /// <summary>Opens a folder of either kind.</summary>
    /// <param name="path">A folder as <see cref="ModelFolder.Resolve"/> finds it.</param>
    /// <param name="device">Stays the caller's to dispose, after this scorer.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <param name="options">Length, batches and (of a bi-encoder) prompt.</param>
    /// <param name="similarity">How embeddings are compared; null: as the bi-encoder says.</param>
    /// <param name="hasLists">Whether a score may be a list, of labels.</param>
    /// <param name="cancellation">Of the load.</param>
    /// <exception cref="ModelFormatException">The folder is not usable.</exception>
    /// <exception cref="NotSupportedException">A classifier of more than two labels has no single score.</exception>
    internal static PairScorer Open(
        string path, Device device, Precision precision, EmbedOptions options, SimilarityFunction? similarity = null, bool hasLists = false,
        CancellationToken cancellation = default)
    {
        ModelFolder folder = ModelFolder.Open(path);
        if (folder.Kind == ModelKind.BiEncoder) { return new EmbeddingScorer(BiEncoder.Open(folder, device, precision, cancellation), options, similarity); }
        if (folder.OutputSize <= 2 || hasLists) { return new LogitScorer(CrossEncoder.Open(folder, device, precision, cancellation), options); }
        folder.Dispose();
        throw new NotSupportedException($"{folder.Path}: {folder.OutputSize} labels ({string.Join(", ", folder.Labels)}) "
            + "have no single score to rank by. Use a model with one label or two, or rerank --pairs, which gives the scores of all.");
    }

    internal abstract ModelFolder Folder { get; }

    internal abstract WordPieceTokenizer Tokenizer { get; }

    /// <summary>Computes pairs that follow one another: first, second, first, second ...</summary>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    internal abstract EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation);

    /// <summary>The number that ranks: the logit (of two labels 1 less 0), or the similarity.</summary>
    internal abstract float Raw(int pair);

    /// <summary>The score of the asked kind; a similarity is what it is.</summary>
    internal virtual float Score(float raw, ScoreKind kind) => raw;

    /// <summary>A classifier's, [labels]; empty for a bi-encoder.</summary>
    internal virtual ReadOnlySpan<float> Logits(int pair) => [];

    /// <summary>Closes the model.</summary>
    public abstract void Dispose();
}
