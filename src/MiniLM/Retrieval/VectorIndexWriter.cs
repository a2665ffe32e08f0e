using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using MiniLM.Compute;
using MiniLM.Data;

namespace MiniLM.Retrieval;

/// <summary>Builds an index folder row by row, as <c>FOLDER.partial</c>, which takes the folder's name when it is complete.</summary>
public sealed class VectorIndexWriter : IDisposable
{
    private readonly string _folder;
    private readonly PartialFolder _partial;
    private readonly int _dimension;
    private readonly bool _overwrite;
    private readonly BufferedStream _vectors, _documents, _offsets;
    private readonly float[] _row;
    private int _count;

    /// <param name="folder">Where the index shall be.</param>
    /// <param name="dimension">Width of a vector.</param>
    /// <param name="overwrite">Replace what is there when this one is complete.</param>
    /// <exception cref="IOException">The folder exists and is not to be overwritten, or cannot be made.</exception>
    public VectorIndexWriter(string folder, int dimension, bool overwrite = false)
    {
        (_folder, _dimension, _overwrite, _row) = (Path.GetFullPath(folder), dimension, overwrite, new float[dimension]);
        CheckTarget();
        string parent = Path.GetDirectoryName(_folder)!;
        if (!Directory.Exists(parent)) { throw new DirectoryNotFoundException($"{_folder}: there is no folder {parent}. Create it first."); }
        _partial = new PartialFolder(_folder);
        try
        {
            _vectors = Create(VectorIndexHeader.VectorsFile);
            _documents = Create(VectorIndexHeader.DocumentsFile);
            _offsets = Create(VectorIndexHeader.OffsetsFile);
        }
        catch
        {
            _partial.Dispose();
            throw;
        }
        WriteOffset();

        BufferedStream Create(string name) => new(PartialFile.Create(Path.Combine(_partial.Path, name)), 1 << 16);
    }

    /// <summary>Adds one document; its vector is stored with length 1.</summary>
    /// <param name="id">As runs shall name it.</param>
    /// <param name="title">May be empty.</param>
    /// <param name="text">The text, kept beside the vector.</param>
    /// <param name="vector">[dimension].</param>
    public void Add(string id, string title, string text, ReadOnlySpan<float> vector)
    {
        if (vector.Length != _dimension) { throw new ArgumentException($"a vector of {vector.Length} values in an index of {_dimension}", nameof(vector)); }
        vector.CopyTo(_row);
        UnitLength.Normalize(_row);
        _vectors.Write(MemoryMarshal.AsBytes(_row.AsSpan()));
        using (var json = new Utf8JsonWriter(_documents, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("_id", id);
            json.WriteString("title", title);
            json.WriteString("text", text);
            json.WriteEndObject();
        }
        _documents.WriteByte((byte)'\n');
        WriteOffset();
        _count++;
    }

    /// <summary>Writes the header, flushes everything to disk and gives the folder its name.</summary>
    /// <param name="model">Path of the model that made the vectors.</param>
    /// <param name="modelHash">Its <see cref="Model.ModelFolder.Hash"/>.</param>
    /// <param name="promptName">The prompt that was put before each text, or null.</param>
    public void Complete(string model, string modelHash, string? promptName = null)
    {
        foreach (BufferedStream stream in new[] { _vectors, _documents, _offsets })
        {
            stream.Flush();
            ((PartialFile)stream.UnderlyingStream).Flush(flushToDisk: true);
            stream.Dispose();
        }
        new VectorIndexHeader(VectorIndexHeader.CurrentVersion, _count, _dimension, model, modelHash, promptName).Write(_partial.Path);
        CheckTarget();
        _partial.Complete();
    }

    // Only an index is ever replaced: a slip in the name must not cost a folder of something else.
    private void CheckTarget()
    {
        if (File.Exists(_folder)) { throw new IOException($"{_folder}: is a file. Give the name of a folder."); }
        if (!Directory.Exists(_folder)) { return; }
        if (!_overwrite) { throw new IOException($"{_folder}: exists. Use --overwrite to replace it."); }
        if (Directory.EnumerateFileSystemEntries(_folder).Any() && !File.Exists(Path.Combine(_folder, VectorIndexHeader.HeaderFile)))
        {
            throw new IOException($"{_folder}: is not an index, so it is not overwritten. Choose another name or remove it yourself.");
        }
    }

    private void WriteOffset()
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, _documents.Position);
        _offsets.Write(bytes);
    }

    /// <summary>Removes what is not complete.</summary>
    public void Dispose()
    {
        foreach (BufferedStream stream in new[] { _vectors, _documents, _offsets })
        {
            // A full disk was reported by the write that met it; closing meets it again.
            try { stream.Dispose(); }
            catch (IOException) { }
        }
        _partial.Dispose();
    }
}
