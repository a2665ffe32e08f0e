using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Retrieval;

/// <summary>A document found.</summary>
/// <param name="Document">Its place in the index.</param>
/// <param name="Score">Cosine with the query.</param>
public readonly record struct SearchHit(int Document, float Score);

/// <summary>Exact cosine search over vectors in a memory-mapped folder; the documents lie beside them.</summary>
/// <remarks>
/// Thread-safe. A call beside <see cref="Dispose"/> ends well or is refused. Order: score descending, then the earlier document.
/// A search reads every vector once: memory bandwidth is its roof.
/// </remarks>
public sealed unsafe class VectorIndex : IDisposable
{
    private const int Block = 8192; // documents whose scores are held at once

    private readonly VectorIndexHeader _header;
    private readonly MappedFile _vectors;
    private readonly Lifetime _lifetime;

    private VectorIndex(string folder, VectorIndexHeader header, MappedFile vectors, DocumentStore documents)
    {
        (Folder, _header, _vectors, Documents) = (folder, header, vectors, documents);
        _lifetime = new Lifetime(this, vectors.Dispose);
    }

    /// <summary>Opens an index folder and checks that its files agree.</summary>
    /// <param name="folder">As <see cref="VectorIndexWriter"/> made it.</param>
    /// <exception cref="IndexFormatException">It is not a usable index.</exception>
    public static VectorIndex Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new IndexFormatException($"{folder}: no such folder. Make an index with 'minilm index --dense --corpus FILE --output {folder}'.");
        }
        VectorIndexHeader header = VectorIndexHeader.Read(folder);
        MappedFile vectors = IndexFile.Map(folder, VectorIndexHeader.VectorsFile);
        try
        {
            long bytes = (long)header.Count * header.Dimension * sizeof(float);
            if (vectors.Length != bytes)
            {
                throw new IndexFormatException(
                    $"{vectors.Path}: {vectors.Length} bytes, {VectorIndexHeader.HeaderFile} asks for {bytes}. Make the index again.");
            }
            DocumentStore documents = DocumentStore.Open(folder);
            if (documents.Count == header.Count) { return new VectorIndex(folder, header, vectors, documents); }
            documents.Dispose();
            throw new IndexFormatException(
                $"{folder}: holds {documents.Count} documents, {VectorIndexHeader.HeaderFile} asks for {header.Count}. Make the index again.");
        }
        catch
        {
            vectors.Dispose();
            throw;
        }
    }

    /// <summary>The folder it was opened from.</summary>
    public string Folder { get; }

    /// <summary>Number of documents.</summary>
    public int Count => _header.Count;

    /// <summary>Width of a vector.</summary>
    public int Dimension => _header.Dimension;

    /// <summary>Path of the model that made the vectors.</summary>
    public string Model => _header.Model;

    /// <summary>Hash of that model.</summary>
    public string ModelHash => _header.ModelHash;

    /// <summary>What was repaired of its texts.</summary>
    internal TextRepairKind Repair => _header.Repair;

    /// <summary>The documents, in the order of the vectors; closed with the index.</summary>
    public DocumentStore Documents { get; }

    /// <summary>Copies the stored vector of a document, of length 1.</summary>
    /// <param name="document">0 to Count - 1.</param>
    /// <param name="vector">[Dimension].</param>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    /// <exception cref="ObjectDisposedException">The index is closed.</exception>
    public void CopyVector(int document, Span<float> vector)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)document, (uint)Count, nameof(document));
        if (vector.Length != Dimension) { throw new ArgumentException($"a span of {vector.Length} floats for a vector of {Dimension}", nameof(vector)); }
        using (_lifetime.Enter()) { Vectors(document, 1).CopyTo(vector); }
    }

    /// <summary>The best documents of each query, best first.</summary>
    /// <param name="queries">[queries, Dimension], of any length but 0: they are normalized here.</param>
    /// <param name="topK">How many a query; fewer come back when the index has fewer.</param>
    /// <param name="device">Where the products are computed.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="ObjectDisposedException">The index is closed.</exception>
    public SearchHit[][] Search(ReadOnlySpan<float> queries, int topK, Device device, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(topK);
        if (queries.Length % Dimension != 0) { throw new ArgumentException($"queries of {queries.Length} floats are no rows of {Dimension}", nameof(queries)); }
        using Lifetime.Inside inside = _lifetime.Enter();
        int count = queries.Length / Dimension;
        float[] normalized = queries.ToArray();
        for (int i = 0; i < count; i++) { UnitLength.Normalize(normalized.AsSpan(i * Dimension, Dimension)); }
        TopDocuments[] best = [.. Enumerable.Range(0, count).Select(_ => new TopDocuments(Math.Min(topK, Math.Max(Count, 1))))];
        const int Together = 64; // queries that share one pass over the vectors
        float[] scores = new float[Math.Min(count, Together) * Math.Min(Block, Count)];
        for (int block = 0; block < Count; block += Block)
        {
            int documents = Math.Min(Block, Count - block);
            ReadOnlySpan<float> vectors = Vectors(block, documents);
            for (int first = 0; first < count; first += Together)
            {
                int some = Math.Min(Together, count - first);
                ReadOnlySpan<float> together = normalized.AsSpan(first * Dimension, some * Dimension);
                device.Similarity(together, vectors, Dimension, scores.AsSpan(0, some * documents), cancellation);
                for (int query = 0; query < some; query++) { best[first + query].Add(block, scores.AsSpan(query * documents, documents)); }
            }
        }
        return [.. best.Select(top => top.Ordered())];
    }

    private ReadOnlySpan<float> Vectors(int first, int count) => new((float*)_vectors.Start + (long)first * Dimension, count * Dimension);

    /// <summary>Closes the files when the last call inside has left.</summary>
    public void Dispose()
    {
        _lifetime.Close();
        Documents.Dispose();
    }
}
