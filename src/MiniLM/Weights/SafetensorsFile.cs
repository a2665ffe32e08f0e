using System.IO.MemoryMappedFiles;

namespace MiniLM.Weights;

/// <summary>A safetensors file, mapped and read in place: opening touches the pages of the header only.</summary>
internal sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<string, Tensor> _byName;
    private bool _disposed;

    /// <summary>Full path of the file.</summary>
    internal string Path { get; }

    /// <summary>In the order of their data. Valid until this file is disposed.</summary>
    internal IReadOnlyList<Tensor> Tensors { get; }

    internal IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Length of the JSON header, padding included.</summary>
    internal long HeaderBytes { get; }

    /// <summary>Maps and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="displayName">How messages call it; the path when null.</param>
    /// <exception cref="ModelFormatException">The file cannot be opened or breaks a rule of the format.</exception>
    internal SafetensorsFile(string path, string? displayName = null)
    {
        Path = System.IO.Path.GetFullPath(path);
        string name = displayName ?? path;
        using FileStream stream = OpenStream(path, name);
        long length = stream.Length;
        Span<byte> first8 = stackalloc byte[8];
        int read = stream.ReadAtLeast(first8, 8, throwOnEndOfStream: false);
        long prefix = SafetensorsHeader.PrefixLength(name, first8, Math.Min(length, read < 8 ? read : long.MaxValue));
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += _view.PointerOffset;
            SafetensorsHeader header = new(name, new ReadOnlySpan<byte>(start, (int)prefix), length);
            HeaderBytes = prefix - 8;
            Metadata = header.Metadata;
            Tensor[] tensors = new Tensor[header.Entries.Count];
            _byName = new Dictionary<string, Tensor>(tensors.Length, StringComparer.Ordinal);
            for (int i = 0; i < tensors.Length; i++)
            {
                SafetensorsEntry entry = header.Entries[i];
                byte* data = start + header.DataStart + entry.Begin;
                tensors[i] = new Tensor(entry.Name, entry.ElementType, entry.Shape, data, entry.End - entry.Begin, name);
                _byName.Add(entry.Name, tensors[i]);
            }
            Tensors = tensors;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static FileStream OpenStream(string path, string name)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{name}: cannot be opened: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>A tensor by its name in the file, or null.</summary>
    internal Tensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) { return; }
        _disposed = true;
        if (_view is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
        }
        _map.Dispose();
    }
}
