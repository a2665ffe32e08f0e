using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Retrieval;

/// <summary>Builds an index folder row by row, as <c>FOLDER.partial</c>, which takes the folder's name when it is complete.</summary>
public sealed class VectorIndexWriter : IDisposable
{
    private readonly string _folder;
    private readonly PartialFolder _partial;
    private readonly int _dimension;
    private readonly bool _overwrite;
    private readonly BufferedStream _vectors, _lengths;
    private readonly DocumentStoreWriter _documents;
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
            _vectors = IndexFile.Create(_partial.Path, VectorIndexHeader.VectorsFile);
            try
            {
                _lengths = IndexFile.Create(_partial.Path, VectorIndexHeader.LengthsFile);
                _documents = new DocumentStoreWriter(_partial.Path);
            }
            catch
            {
                IndexFile.Abandon(_vectors);
                if (_lengths is not null) { IndexFile.Abandon(_lengths); }
                throw;
            }
        }
        catch
        {
            _partial.Dispose();
            throw;
        }
    }

    /// <summary>What was repaired of the texts that are added, kept for those who search.</summary>
    internal TextRepairKind Repair { get; init; }

    /// <summary>Whether the vectors that are added had been given length 1: those who search do the same with queries.</summary>
    internal bool IsNormalized { get; init; }

    /// <summary>Adds one document; its vector is stored with length 1, and its length beside it.</summary>
    /// <param name="document">Kept beside the vector.</param>
    /// <param name="vector">[dimension].</param>
    public void Add(Document document, ReadOnlySpan<float> vector)
    {
        if (vector.Length != _dimension) { throw new ArgumentException($"a vector of {vector.Length} values in an index of {_dimension}", nameof(vector)); }
        vector.CopyTo(_row);
        float length = (float)UnitLength.Normalize(_row);
        _vectors.Write(MemoryMarshal.AsBytes(_row.AsSpan()));
        _lengths.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<float>(in length)));
        _documents.Add(document);
        _count++;
    }

    /// <summary>Writes the header, flushes everything to disk and gives the folder its name.</summary>
    /// <param name="model">Path of the model that made the vectors.</param>
    /// <param name="modelHash">Its <see cref="Model.ModelFolder.Hash"/>.</param>
    /// <param name="promptName">The prompt that was put before each text, or null.</param>
    public void Complete(string model, string modelHash, string? promptName = null)
    {
        IndexFile.Complete(_vectors);
        IndexFile.Complete(_lengths);
        _documents.Complete();
        new VectorIndexHeader(VectorIndexHeader.CurrentVersion, _count, _dimension, model, modelHash, promptName, Repair, IsNormalized).Write(_partial.Path);
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

    /// <summary>Removes what is not complete.</summary>
    public void Dispose()
    {
        IndexFile.Abandon(_vectors);
        IndexFile.Abandon(_lengths);
        _documents.Dispose();
        _partial.Dispose();
    }
}
