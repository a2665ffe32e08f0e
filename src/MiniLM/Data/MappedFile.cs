using System.IO.MemoryMappedFiles;

namespace MiniLM.Data;

/// <summary>A file mapped for reading. It stays mapped, Dispose or not, until nobody is inside <see cref="Lifetime"/>.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private MemoryMappedFile? _map;
    private MemoryMappedViewAccessor? _view;

    /// <summary>Maps a whole file; an empty one has no start.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    internal MappedFile(string path)
    {
        (Path, Lifetime) = (path, new Lifetime(this, Unmap));
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        Map(stream);
    }

    /// <summary>Maps what an open file has now. It stays the caller's, and may be closed and deleted before this.</summary>
    internal MappedFile(FileStream stream)
    {
        (Path, Lifetime) = (stream.Name, new Lifetime(this, Unmap));
        Map(stream);
    }

    private void Map(FileStream stream)
    {
        Length = stream.Length;
        if (Length == 0) { return; } // cannot be mapped
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            Start = start + _view.PointerOffset;
        }
        catch
        {
            _view?.Dispose();
            _map.Dispose();
            throw;
        }
    }

    internal string Path { get; }

    internal long Length { get; private set; }

    internal byte* Start { get; private set; }

    /// <summary>Who reads from <see cref="Start"/> while another may dispose is inside.</summary>
    internal Lifetime Lifetime { get; }

    private void Unmap()
    {
        if (_view is null) { return; }
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map!.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => Lifetime.Close();
}
