using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Retrieval;

/// <summary>The best documents of queries, a block at a time: memory is bounded however many there are.</summary>
/// <remarks>Thread-safe. This one reads the documents where they lie; a device with memory of its own keeps them there.</remarks>
/// <param name="device">Computes the scores; stays the caller's.</param>
/// <param name="documents">Can be read until this is disposed.</param>
internal class DocumentSearch(Device device, DocumentRows documents) : IDisposable
{
    /// <summary>Documents of a block.</summary>
    internal const int Block = 8192;

    private const int Together = 64; // queries that share one pass over a block

    protected DocumentRows Documents => documents;

    /// <summary>Adds every document's score to the best of each query.</summary>
    /// <param name="queries">[best, width]; for the cosine of length 1.</param>
    /// <param name="function">Cosines are scalar products. A dot product is that times the document's length, where there are lengths; a distance is to
    /// vectors that have it back.</param>
    /// <param name="best">One a query.</param>
    /// <param name="cancellation">Looked at all along; what <paramref name="best"/> holds after it is undefined.</param>
    /// <exception cref="ObjectDisposedException">The device.</exception>
    internal virtual void Search(
        ReadOnlySpan<float> queries, SimilarityFunction function, ReadOnlySpan<TopDocuments> best, CancellationToken cancellation = default)
    {
        int width = documents.Width, most = Math.Min(Block, documents.Count);
        bool isDistance = function.IsDistance();
        float[] scores = new float[Math.Min(Together, best.Length) * most], scaled = isDistance && documents.Lengths is not null ? new float[most * width] : [];
        for (int block = 0; block < documents.Count; block += Block)
        {
            int count = Math.Min(Block, documents.Count - block);
            ReadOnlySpan<float> vectors = documents.Vectors(block, count), lengths = LengthsFor(function, block, count);
            if (isDistance && !lengths.IsEmpty)
            {
                Scale(vectors, lengths, scaled);
                vectors = scaled.AsSpan(0, vectors.Length);
            }
            for (int first = 0; first < best.Length; first += Together)
            {
                int some = Math.Min(Together, best.Length - first);
                ReadOnlySpan<float> from = queries.Slice(first * width, some * width);
                Span<float> all = scores.AsSpan(0, some * count);
                device.Compare(function, from, vectors, width, all, cancellation);
                for (int query = 0; query < some; query++)
                {
                    Span<float> row = all.Slice(query * count, count);
                    if (!isDistance && !lengths.IsEmpty) { Scale(row, lengths, row); }
                    best[first + query].Add(documents.First + block, row);
                }
            }
        }
    }

    /// <summary>Lengths of documents that a function asks for; empty: none.</summary>
    protected ReadOnlySpan<float> LengthsFor(SimilarityFunction function, int first, int count) =>
        function == SimilarityFunction.Cosine || documents.Lengths is null ? [] : documents.Lengths(first, count);

    /// <summary>Rows times a number each.</summary>
    private static void Scale(ReadOnlySpan<float> rows, ReadOnlySpan<float> lengths, Span<float> scaled)
    {
        int width = rows.Length / lengths.Length;
        for (int i = 0, at = 0; i < lengths.Length; i++)
        {
            for (int end = at + width; at < end; at++) { scaled[at] = rows[at] * lengths[i]; }
        }
    }

    /// <summary>Gives back what the device holds; the device may be disposed before.</summary>
    public virtual void Dispose()
    {
    }
}
