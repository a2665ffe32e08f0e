using System.Buffers.Binary;
using MiniLM.Data;

namespace MiniLM.Retrieval;

/// <summary>Writes the files of a <see cref="DocumentStore"/>, document by document, into a folder that is being built.</summary>
internal sealed class DocumentStoreWriter : IDisposable
{
    private readonly BufferedStream _documents, _offsets;

    /// <param name="folder">The unfinished index.</param>
    internal DocumentStoreWriter(string folder)
    {
        _documents = IndexFile.Create(folder, DocumentStore.DocumentsFile);
        try { _offsets = IndexFile.Create(folder, DocumentStore.OffsetsFile); }
        catch
        {
            IndexFile.Abandon(_documents);
            throw;
        }
        WriteOffset();
    }

    internal void Add(in Document document)
    {
        DocumentLine.Write(_documents, document);
        WriteOffset();
    }

    /// <summary>Flushes everything to disk.</summary>
    internal void Complete()
    {
        IndexFile.Complete(_documents);
        IndexFile.Complete(_offsets);
    }

    private void WriteOffset()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, _documents.Position);
        _offsets.Write(bytes);
    }

    public void Dispose()
    {
        IndexFile.Abandon(_documents);
        IndexFile.Abandon(_offsets);
    }
}
