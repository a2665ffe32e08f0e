using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Retrieval;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Compute;

/// <summary>Arithmetic of a forward pass. Storage in the file is independent of it: F16 and BF16 files widen exactly.</summary>
public enum Precision
{
    /// <summary>True fp32 arithmetic.</summary>
    Float32,

    /// <summary>fp32 from three bf16 products.</summary>
    BFloat16x3,

    /// <summary>bf16 products, fp32 sums.</summary>
    BFloat16,

    /// <summary>fp16 products, fp32 sums.</summary>
    Float16,

    /// <summary>int8 products with a scale per output channel and per token.</summary>
    Int8,
}

/// <summary>Where a model is computed.</summary>
/// <remarks>
/// The seam is a whole forward pass over a packed batch, not a single operation: a device keeps rows where it likes from the first
/// gather to the head, fuses and tiles freely, and gives back one row a sequence (docs/architecture.md says where Backward goes).
/// </remarks>
public abstract class Device : IDisposable
{
    private protected Device() => Lifetime = new Lifetime(this, Free);

    /// <summary>Name as given to <c>--device</c>.</summary>
    public abstract string Name { get; }

    /// <summary>One line for people: what was chosen and why.</summary>
    public abstract string Description { get; }

    /// <summary>What a result's last bit depends on: tier, or card and driver, which compiles for it; not the number of threads.</summary>
    internal virtual string Identity => Name;

    /// <summary>Whether <see cref="Load"/> takes this precision.</summary>
    public abstract bool Supports(Precision precision);

    /// <summary>The calls inside; a network is inside until it is freed, so that a device outlives what runs on it.</summary>
    internal Lifetime Lifetime { get; }

    /// <summary>Tokens of a batch that suit it.</summary>
    internal virtual int BatchTokens => 8192;

    /// <summary>Prepares a network for this device; the files of the network's tensors stay mapped until the result is disposed.</summary>
    /// <exception cref="ModelFormatException">A weight is NaN or infinite.</exception>
    /// <exception cref="ObjectDisposedException">The device, or the folder of the weights.</exception>
    /// <exception cref="NotSupportedException">There are no kernels of that precision.</exception>
    internal DeviceNetwork Load(Network network, Precision precision, CancellationToken cancellation = default)
    {
        Lifetime.Inside inside = Lifetime.Enter();
        TensorFiles? files = null;
        try
        {
            files = new TensorFiles(network.Tensors());
            DeviceNetwork prepared = Prepare(network, precision, cancellation);
            prepared.Keep(this, inside, files);
            return prepared;
        }
        catch
        {
            files?.Dispose();
            inside.Dispose();
            throw;
        }
    }

    /// <summary>Prepares a network to be trained; its weights are copied, so that its files may be closed.</summary>
    /// <exception cref="ModelFormatException">A weight is NaN or infinite.</exception>
    /// <exception cref="ObjectDisposedException">The device, or the folder of the weights.</exception>
    /// <exception cref="NotSupportedException">There are no kernels of that precision.</exception>
    internal TrainingNetwork LoadForTraining(Network network, Precision precision, TrainingOptions options, CancellationToken cancellation = default)
    {
        Lifetime.Inside inside = Lifetime.Enter();
        ParameterBlock? parameters = null;
        try
        {
            parameters = new ParameterBlock(network);
            TrainingNetwork prepared = PrepareForTraining(parameters, precision, options, cancellation);
            prepared.Keep(this, inside);
            return prepared;
        }
        catch
        {
            parameters?.Dispose();
            inside.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="LoadForTraining"/>
    private protected virtual TrainingNetwork PrepareForTraining(
        ParameterBlock parameters, Precision precision, TrainingOptions options, CancellationToken cancellation) =>
        throw new NotSupportedException($"the {Name} device does not train yet; use cpu");

    /// <inheritdoc cref="Load"/>
    private protected abstract DeviceNetwork Prepare(Network network, Precision precision, CancellationToken cancellation);

    /// <summary>Scalar products of all pairs of rows; a pair's bits do not depend on the others.</summary>
    /// <param name="queries">[queries, width].</param>
    /// <param name="documents">[documents, width].</param>
    /// <param name="width">Length of a row.</param>
    /// <param name="scores">[queries, documents].</param>
    /// <param name="cancellation">Looked at all along; what <paramref name="scores"/> holds after it is undefined.</param>
    internal abstract void Similarity(
        ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores, CancellationToken cancellation = default);

    /// <summary>Documents to be searched, perhaps again and again: a device with memory of its own keeps there what fits.</summary>
    /// <param name="documents">Can be read until the result is disposed, which the device may be before.</param>
    internal virtual DocumentSearch Hold(DocumentRows documents) => new(this, documents);

    /// <summary>Similarities of all pairs of rows, of length 1 for the cosine; a pair's bits do not depend on the others.</summary>
    /// <inheritdoc cref="NegativeDistances"/>
    internal void Compare(SimilarityFunction function, ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores,
        CancellationToken cancellation = default)
    {
        if (function.IsDistance()) { NegativeDistances(function, queries, documents, width, scores, cancellation); }
        else { Similarity(queries, documents, width, scores, cancellation); }
    }

    /// <summary>Negative distances of all pairs of rows; a pair's bits do not depend on the others.</summary>
    /// <param name="function">Euclidean or Manhattan.</param>
    /// <param name="queries">[queries, width].</param>
    /// <param name="documents">[documents, width].</param>
    /// <param name="width">Length of a row.</param>
    /// <param name="scores">[queries, documents].</param>
    /// <param name="cancellation">Looked at all along; what <paramref name="scores"/> holds after it is undefined.</param>
    internal virtual void NegativeDistances(SimilarityFunction function, ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width,
        Span<float> scores, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = Lifetime.Enter();
        for (int query = 0, at = 0; query < queries.Length; query += width)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int document = 0; document < documents.Length; document += width)
            {
                scores[at++] = (float)function.Of(queries.Slice(query, width), documents.Slice(document, width));
            }
        }
    }

    /// <summary>Gives back what the device holds; nobody is inside any more.</summary>
    private protected abstract void Free();

    /// <summary>No further calls, on the device and its networks; it is freed when the last that runs has ended and its networks are disposed.</summary>
    public void Dispose() => Lifetime.Close();
}
