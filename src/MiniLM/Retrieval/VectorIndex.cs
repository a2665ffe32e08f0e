using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text.Json;
using MiniLM.Compute;

namespace MiniLM.Retrieval;

/// <summary>A document found.</summary>
/// <param name="Document">Its place in the index.</param>
/// <param name="Score">Cosine with the query.</param>
public readonly record struct SearchHit(int Document, float Score);

/// <summary>Exact cosine search over vectors in a memory-mapped folder; the documents' text lies beside them.</summary>
/// <remarks>Thread-safe. Order: score descending, then the earlier document. A search reads every vector once: memory bandwidth is its roof.</remarks>
public sealed unsafe class VectorIndex : IDisposable
{
    private const int Block = 8192; // documents whose scores are held at once

    private readonly VectorIndexHeader _header;
    private readonly Mapping _vectors, _documents, _offsets;

    private VectorIndex(string folder, VectorIndexHeader header, Mapping vectors, Mapping documents, Mapping offsets) =>
        (Folder, _header, _vectors, _documents, _offsets) = (folder, header, vectors, documents, offsets);

    /// <summary>Opens an index folder and checks that its files agree.</summary>
    /// <param name="folder">As <see cref="VectorIndexWriter"/> made it.</param>
    /// <exception cref="IndexFormatException">It is not a usable index.</exception>
    public static VectorIndex Open(string folder)
    {
        if (!Directory.Exists(folder)) { throw new IndexFormatException($"{folder}: no such folder. Make an index with 'minilm index --dense --corpus FILE --output {folder}'."); }
        VectorIndexHeader header = VectorIndexHeader.Read(folder);
        var opened = new List<Mapping>();
        try
        {
            foreach (string name in new[] { VectorIndexHeader.VectorsFile, VectorIndexHeader.DocumentsFile, VectorIndexHeader.OffsetsFile })
            {
                opened.Add(new Mapping(Path.Combine(folder, name)));
            }
            Check(opened[0], (long)header.Count * header.Dimension * sizeof(float));
            Check(opened[2], (header.Count + 1L) * sizeof(long));
            var index = new VectorIndex(folder, header, opened[0], opened[1], opened[2]);
            long last = 0;
            for (int i = 0; i <= header.Count; i++)
            {
                long offset = index.Offset(i);
                if (offset < last || offset > opened[1].Length) { throw new IndexFormatException($"{opened[2].Path}: offset {i} is {offset}, expected {last} to {opened[1].Length}. Make the index again."); }
                last = offset;
            }
            return index;
        }
        catch
        {
            opened.ForEach(mapping => mapping.Dispose());
            throw;
        }

        static void Check(Mapping mapping, long expected)
        {
            if (mapping.Length != expected) { throw new IndexFormatException($"{mapping.Path}: {mapping.Length} bytes, {VectorIndexHeader.HeaderFile} asks for {expected}. Make the index again."); }
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

    /// <summary>The stored vector of a document, [Dimension], length 1.</summary>
    /// <param name="document">0 to Count - 1.</param>
    public ReadOnlySpan<float> Vector(int document)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)document, (uint)Count, nameof(document));
        return new ReadOnlySpan<float>((float*)_vectors.Start + (long)document * Dimension, Dimension);
    }

    /// <summary>The best documents of each query, best first.</summary>
    /// <param name="queries">[queries, Dimension], of any length but 0: they are normalized here.</param>
    /// <param name="topK">How many a query; fewer come back when the index has fewer.</param>
    /// <param name="device">Where the products are computed.</param>
    /// <param name="cancellation">Checked between blocks of documents.</param>
    public SearchHit[][] Search(ReadOnlySpan<float> queries, int topK, Device device, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(topK);
        if (queries.Length % Dimension != 0) { throw new ArgumentException($"queries of {queries.Length} floats are no rows of {Dimension}", nameof(queries)); }
        int count = queries.Length / Dimension;
        float[] normalized = queries.ToArray();
        for (int i = 0; i < count; i++) { UnitLength.Normalize(normalized.AsSpan(i * Dimension, Dimension)); }
        TopDocuments[] best = [.. Enumerable.Range(0, count).Select(_ => new TopDocuments(Math.Min(topK, Math.Max(Count, 1))))];
        const int Together = 64; // queries that share one pass over the vectors
        float[] scores = new float[Math.Min(count, Together) * Math.Min(Block, Count)];
        for (int block = 0; block < Count; block += Block)
        {
            int documents = Math.Min(Block, Count - block);
            var vectors = new ReadOnlySpan<float>((float*)_vectors.Start + (long)block * Dimension, documents * Dimension);
            for (int first = 0; first < count; first += Together)
            {
                cancellation.ThrowIfCancellationRequested();
                int some = Math.Min(Together, count - first);
                device.Similarity(normalized.AsSpan(first * Dimension, some * Dimension), vectors, Dimension, scores.AsSpan(0, some * documents));
                for (int query = 0; query < some; query++) { best[first + query].Add(block, scores.AsSpan(query * documents, documents)); }
            }
        }
        return [.. best.Select(top => top.Ordered())];
    }

    /// <summary>A document's id, title and text.</summary>
    /// <param name="document">0 to Count - 1.</param>
    /// <exception cref="IndexFormatException">Its line in the file is damaged.</exception>
    public (string Id, string Title, string Text) Document(int document)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)document, (uint)Count, nameof(document));
        (long begin, long end) = (Offset(document), Offset(document + 1));
        try
        {
            var reader = new Utf8JsonReader(new ReadOnlySpan<byte>(_documents.Start + begin, checked((int)(end - begin))));
            using JsonDocument json = JsonDocument.ParseValue(ref reader);
            JsonElement root = json.RootElement;
            return (root.GetProperty("_id").GetString()!, root.GetProperty("title").GetString()!, root.GetProperty("text").GetString()!);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException)
        {
            throw new IndexFormatException($"{_documents.Path}: document {document} (bytes {begin} to {end}) is not a line of an index. Make the index again.");
        }
    }

    private long Offset(int document) => BinaryPrimitives.ReadInt64LittleEndian(new ReadOnlySpan<byte>(_offsets.Start + document * 8L, 8));

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        _vectors.Dispose();
        _documents.Dispose();
        _offsets.Dispose();
    }

    private sealed class Mapping : IDisposable
    {
        private readonly MemoryMappedFile? _file;
        private readonly MemoryMappedViewAccessor? _view;

        internal Mapping(string path)
        {
            Path = path;
            if (!File.Exists(path)) { throw new IndexFormatException($"{path}: missing. Make the index again."); }
            Length = new FileInfo(path).Length;
            if (Length == 0) { return; } // an empty file cannot be mapped
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            Start = start + _view.PointerOffset;
        }

        internal string Path { get; }
        internal long Length { get; }
        internal byte* Start { get; }

        public void Dispose()
        {
            if (_view is null) { return; }
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file!.Dispose();
        }
    }
}
