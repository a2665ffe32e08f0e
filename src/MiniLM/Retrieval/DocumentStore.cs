using System.Buffers.Binary;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Retrieval;

/// <summary>The documents of an index folder, memory-mapped: whatever searches them names them by their place.</summary>
/// <remarks>Thread-safe. A call beside <see cref="Dispose"/> ends well or is refused.</remarks>
public sealed unsafe class DocumentStore : IDisposable
{
    internal const string DocumentsFile = "documents.jsonl", OffsetsFile = "documents.offsets";

    private readonly MappedFile _documents, _offsets;
    private readonly Lifetime _lifetime;

    private DocumentStore(MappedFile documents, MappedFile offsets)
    {
        (_documents, _offsets) = (documents, offsets);
        Count = (int)(offsets.Length / sizeof(long)) - 1;
        _lifetime = new Lifetime(this, Close);
    }

    /// <summary>Opens the documents of an index folder and checks that every offset lies in the file.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IndexFormatException">A file is missing or damaged.</exception>
    public static DocumentStore Open(string folder)
    {
        MappedFile documents = IndexFile.Map(folder, DocumentsFile);
        MappedFile? offsets = null;
        try
        {
            offsets = IndexFile.Map(folder, OffsetsFile);
            if (offsets.Length < sizeof(long) || offsets.Length % sizeof(long) != 0 || offsets.Length / sizeof(long) > int.MaxValue)
            {
                throw new IndexFormatException($"{offsets.Path}: {offsets.Length} bytes are not a list of offsets. Make the index again.");
            }
            DocumentStore store = new(documents, offsets);
            store.CheckOffsets();
            return store;
        }
        catch
        {
            documents.Dispose();
            offsets?.Dispose();
            throw;
        }
    }

    /// <summary>Number of documents.</summary>
    public int Count { get; }

    /// <summary>A document.</summary>
    /// <param name="index">0 to Count - 1.</param>
    /// <exception cref="IndexFormatException">Its line in the file is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public Document Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        using (_lifetime.Enter())
        {
            (long begin, long end) = (Offset(index), Offset(index + 1));
            try
            {
                Utf8JsonReader reader = new(new ReadOnlySpan<byte>(_documents.Start + begin, checked((int)(end - begin))));
                using JsonDocument json = JsonDocument.ParseValue(ref reader);
                JsonElement root = json.RootElement;
                return new Document(IndexFile.Text(root, "_id"), IndexFile.Text(root, "title"), IndexFile.Text(root, "text"));
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException)
            {
                throw new IndexFormatException(
                    $"{_documents.Path}: document {index} (bytes {begin} to {end}) is not a line of an index. Make the index again.");
            }
        }
    }

    private void CheckOffsets()
    {
        long last = 0;
        for (int i = 0; i <= Count; i++)
        {
            long offset = Offset(i);
            if (offset < last || offset > _documents.Length)
            {
                throw new IndexFormatException($"{_offsets.Path}: offset {i} is {offset}, expected {last} to {_documents.Length}. Make the index again.");
            }
            last = offset;
        }
    }

    private long Offset(int index) => BinaryPrimitives.ReadInt64LittleEndian(new ReadOnlySpan<byte>(_offsets.Start + index * 8L, 8));

    private void Close()
    {
        _documents.Dispose();
        _offsets.Dispose();
    }

    /// <summary>Closes the files when the last call inside has left.</summary>
    public void Dispose() => _lifetime.Close();
}
