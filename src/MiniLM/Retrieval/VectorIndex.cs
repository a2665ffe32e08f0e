using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Text.Repair;

namespace MiniLM.Retrieval;

/// <summary>A document found.</summary>
/// <param name="Document">Its place in the index.</param>
/// <param name="Score">Similarity to the query; greater is nearer.</param>
public readonly record struct SearchHit(int Document, float Score);

/// <summary>Exact search over vectors in a memory-mapped folder; the documents lie beside them.</summary>
/// <remarks>
/// Thread-safe. A call beside <see cref="Dispose"/> ends well or is refused. Order: score descending, then the earlier document.
/// A search reads every vector once: memory bandwidth is its roof. A GPU keeps the vectors it was given, as many as fit, until the index or the device is
/// disposed.
/// </remarks>
public sealed unsafe class VectorIndex : IDisposable
{
    private readonly VectorIndexHeader _header;
    private readonly MappedFile _vectors;
    private readonly MappedFile? _lengths;
    private readonly Lifetime _lifetime;
    private readonly Dictionary<Device, DocumentSearch> _searches = []; // locked; those of devices that are disposed hold nothing

    private VectorIndex(string folder, VectorIndexHeader header, MappedFile vectors, MappedFile? lengths, DocumentStore documents)
    {
        (Folder, _header, _vectors, _lengths, Documents) = (folder, header, vectors, lengths, documents);
        _lifetime = new Lifetime(this, Free);
    }

    /// <summary>Opens an index folder and checks that its files agree.</summary>
    /// <param name="folder">As <see cref="VectorIndexWriter"/> made it.</param>
    /// <exception cref="IndexFormatException">It is not a usable index.</exception>
    public static VectorIndex Open(string folder)
    {
        if (File.Exists(folder)) { throw new IndexFormatException($"{folder}: is a file, not an index. Give the folder that 'minilm index' made of it."); }
        if (!Directory.Exists(folder))
        {
            throw new IndexFormatException($"{folder}: no such folder. Make an index with 'minilm index --dense --corpus FILE --output {folder}'.");
        }
        VectorIndexHeader header = VectorIndexHeader.Read(folder);
        MappedFile vectors = MapFloats(folder, VectorIndexHeader.VectorsFile, (long)header.Count * header.Dimension);
        MappedFile? lengths = null;
        try
        {
            // Earlier versions of the program wrote none.
            if (File.Exists(Path.Combine(folder, VectorIndexHeader.LengthsFile)))
            {
                lengths = MapFloats(folder, VectorIndexHeader.LengthsFile, header.Count);
            }
            DocumentStore documents = DocumentStore.Open(folder);
            if (documents.Count == header.Count) { return new VectorIndex(folder, header, vectors, lengths, documents); }
            documents.Dispose();
            throw new IndexFormatException(
                $"{folder}: holds {documents.Count} documents, {VectorIndexHeader.HeaderFile} asks for {header.Count}. Make the index again.");
        }
        catch
        {
            vectors.Dispose();
            lengths?.Dispose();
            throw;
        }
    }

    private static MappedFile MapFloats(string folder, string name, long count)
    {
        MappedFile file = IndexFile.Map(folder, name);
        long bytes = count * sizeof(float), length = file.Length;
        if (length == bytes) { return file; }
        file.Dispose();
        throw new IndexFormatException($"{file.Path}: {length} bytes, {VectorIndexHeader.HeaderFile} asks for {bytes}. Make the index again.");
    }

    private void Free()
    {
        foreach (DocumentSearch search in _searches.Values) { search.Dispose(); }
        _vectors.Dispose();
        _lengths?.Dispose();
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

    /// <summary>Whether the vectors were given length 1 before they were added, as <see cref="EmbedOptions.Normalize"/> does: so must be queries.</summary>
    public bool IsNormalized => _header.IsNormalized;

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
    /// <remarks>Stored rows have length 1: a cosine is their scalar product with a query of length 1, a dot product that with the query times the
    /// row's length; for a distance each block is given its lengths back, and the differences are summed in float32.</remarks>
    /// <param name="queries">[queries, Dimension], as the model gives them; of any length but 0.</param>
    /// <param name="topK">How many a query; fewer come back when the index has fewer.</param>
    /// <param name="device">Where the products are computed.</param>
    /// <param name="similarity">How query and document are compared.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="IndexFormatException">The index is of an earlier version, which knew cosines alone, and they are not asked for.</exception>
    /// <exception cref="ObjectDisposedException">The index is closed.</exception>
    public SearchHit[][] Search(ReadOnlySpan<float> queries, int topK, Device device, SimilarityFunction similarity = SimilarityFunction.Cosine,
        CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(topK);
        if (queries.Length % Dimension != 0) { throw new ArgumentException($"queries of {queries.Length} floats are no rows of {Dimension}", nameof(queries)); }
        using Lifetime.Inside inside = _lifetime.Enter();
        if (similarity != SimilarityFunction.Cosine && _lengths is null)
        {
            throw new IndexFormatException($"{Folder}: has no {VectorIndexHeader.LengthsFile}, which '{similarity.Name()}' needs: an earlier version made it. "
                + "Make the index again, or search by the cosine.");
        }
        int count = queries.Length / Dimension;
        float[] from = queries.ToArray();
        for (int i = 0; i < count && similarity == SimilarityFunction.Cosine; i++) { UnitLength.Normalize(from.AsSpan(i * Dimension, Dimension)); }
        TopDocuments[] best = [.. Enumerable.Range(0, count).Select(_ => new TopDocuments(Math.Min(topK, Math.Max(Count, 1))))];
        On(device).Search(from, similarity, best, cancellation);
        return [.. best.Select(top => top.Ordered())];
    }

    /// <summary>What a device holds of this index, from the first search on.</summary>
    private DocumentSearch On(Device device)
    {
        lock (_searches)
        {
            if (!_searches.TryGetValue(device, out DocumentSearch? search))
            {
                _searches[device] = search = device.Hold(new DocumentRows(Count, Dimension, Vectors, _lengths is null ? null : Lengths));
            }
            return search;
        }
    }

    private ReadOnlySpan<float> Vectors(int first, int count) => new((float*)_vectors.Start + (long)first * Dimension, count * Dimension);

    private ReadOnlySpan<float> Lengths(int first, int count) => new((float*)_lengths!.Start + first, count);

    /// <summary>Closes the files when the last call inside has left.</summary>
    public void Dispose()
    {
        _lifetime.Close();
        Documents.Dispose();
    }
}
