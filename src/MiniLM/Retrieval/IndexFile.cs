using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Retrieval;

/// <summary>A file of an index folder, mapped.</summary>
internal static class IndexFile
{
    /// <exception cref="IndexFormatException">It is missing or cannot be read.</exception>
    internal static MappedFile Map(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path)) { throw new IndexFormatException($"{path}: missing. Make the index again."); }
        try { return new MappedFile(path); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IndexFormatException($"{path}: cannot be opened ({error.Message}). Make it readable, or make the index again.");
        }
    }

    /// <summary>A text in a file of an index.</summary>
    /// <exception cref="InvalidOperationException">It is of another kind, or null, which <see cref="JsonElement.GetString"/> takes for one.</exception>
    /// <exception cref="KeyNotFoundException">It is missing.</exception>
    internal static string Text(JsonElement root, string name) =>
        root.GetProperty(name).GetString() ?? throw new InvalidOperationException($"{name} is null");

    /// <summary>A file of an index that is being built.</summary>
    internal static BufferedStream Create(string folder, string name) => new(PartialFile.Create(Path.Combine(folder, name)), 1 << 16);

    /// <summary>Flushes what <see cref="Create"/> made to disk, and closes it.</summary>
    internal static void Complete(BufferedStream file)
    {
        file.Flush();
        ((PartialFile)file.UnderlyingStream).Flush(flushToDisk: true);
        file.Dispose();
    }

    /// <summary>Closes what is not complete.</summary>
    internal static void Abandon(BufferedStream file)
    {
        // A full disk was reported by the write that met it; closing meets it again.
        try { file.Dispose(); }
        catch (IOException) { }
    }
}
