namespace MiniLM.Data;

/// <summary>A file being built: unbuffered, so that a failed write leaves nothing to be written later, and with its failures said as one line.</summary>
internal sealed class PartialFile : FileStream
{
    private const int LockedOnWindows = unchecked((int)0x80070020), LockedOnLinux = 11, LockedOnMac = 35; // ERROR_SHARING_VIOLATION, EWOULDBLOCK
    private static int _openFiles;
    private CancellationToken _cancellation;
    private int _isOpen;

    // Alone either way. On Unix FileShare.None is a lock, which a rename does not look at; Windows renames only what is opened for it to be.
    private PartialFile(string path, FileMode mode)
        : base(path, mode, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None, bufferSize: 0)
    {
        Interlocked.Increment(ref _openFiles);
        _isOpen = 1;
    }

    /// <summary>Whether this process is writing anything.</summary>
    internal static bool IsAnyOpen => Volatile.Read(ref _openFiles) > 0;

    private const int Attempts = 3;

    /// <summary>Whether an error leaves what is there, to be gone on with; else the caller removes it.</summary>
    internal bool IsKept { get; set; }

    /// <summary>Opens the file for one run only, unchanged: its lock is what keeps a second run from the same output.</summary>
    /// <param name="path">The file.</param>
    /// <param name="output">What it stands for in messages; null: itself.</param>
    /// <exception cref="BusyOutputException">Another run has it.</exception>
    internal static PartialFile OpenAlone(string path, string? output = null)
    {
        for (int attempt = 1; ;)
        {
            PartialFile file;
            try { file = new PartialFile(path, FileMode.OpenOrCreate); }
            catch (IOException error) when (error.HResult is LockedOnWindows or LockedOnLinux or LockedOnMac)
            {
                if (attempt++ == Attempts) { throw Busy(output ?? path, error); }
                Thread.Sleep(attempt); // one that only looked whether it is free had it for an instant
                continue;
            }
            if (FileStatus.IsAt(file.SafeFileHandle, path)) { return file; }
            file.Dispose(); // between opening and locking, the run that had it gave it its name: what we hold is somebody's finished output
        }
    }

    /// <summary>Refuses a file that a run is writing at the moment.</summary>
    /// <exception cref="BusyOutputException">Another run has it.</exception>
    internal static void CheckFree(string path)
    {
        if (IsLocked(path)) { throw Busy(path); }
    }

    private static BusyOutputException Busy(string output, Exception? inner = null) =>
        new($"{output}: another run is writing it. Wait for it or choose another output.", inner);

    /// <summary>Opens the file for one run only, and empties it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellation">Looked at before each write.</param>
    /// <exception cref="BusyOutputException">Another run has it.</exception>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal static PartialFile Create(string path, CancellationToken cancellation = default)
    {
        PartialFile? file = null;
        try
        {
            file = OpenAlone(path);
            file.SetLength(0);
            file._cancellation = cancellation;
            return file;
        }
        catch (Exception error) when (error is not BusyOutputException && IsFailure(error))
        {
            file?.Dispose();
            throw Failure(path, error);
        }
    }

    /// <summary>Writes a file that appears when it is complete; an error leaves what was there, and nothing else.</summary>
    internal static void WriteWhole(string path, Action<Stream> content, bool overwrite, CancellationToken cancellation = default)
    {
        using PartialFile file = Create(path + ".partial", cancellation);
        try
        {
            BufferedStream stream = new(file, 1 << 16);
            content(stream);
            stream.Flush();
            file.Complete(path, overwrite);
        }
        catch
        {
            file.Delete();
            throw;
        }
    }

    private static bool IsLocked(string path)
    {
        if (!File.Exists(path)) { return false; }
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (IOException) { return true; }
        catch (UnauthorizedAccessException) { return false; }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (Interlocked.Exchange(ref _isOpen, 0) == 1) { Interlocked.Decrement(ref _openFiles); }
    }

    // The way of all writes: of a descendant the base class passes a span on to here.
    public override void Write(byte[] buffer, int offset, int count)
    {
        _cancellation.ThrowIfCancellationRequested();
        try { base.Write(buffer, offset, count); }
        catch (Exception error) when (IsFailure(error)) { throw Failure(Name, error, IsKept); }
    }

    public override void Flush(bool flushToDisk)
    {
        try { base.Flush(flushToDisk); }
        catch (Exception error) when (IsFailure(error)) { throw Failure(Name, error, IsKept); }
    }

    /// <summary>Flushes to disk, gives the file its name, and only then lets go of it: a second run could empty it in between.</summary>
    /// <param name="path">The name.</param>
    /// <param name="overwrite">Replace what has it.</param>
    /// <exception cref="IOException">Something has the name by now and is not to be replaced; or the system refuses.</exception>
    internal void Complete(string path, bool overwrite)
    {
        Flush(flushToDisk: true);
        try { File.Move(Name, path, overwrite); }
        catch (IOException error) when (!overwrite && File.Exists(path))
        {
            throw new IOException($"{path}: exists, which it did not when this run began. Use --overwrite to replace it, or choose another output.", error);
        }
        catch (Exception error) when (IsFailure(error)) { throw Failure(path, error, IsKept); }
        Dispose();
    }

    /// <summary>Removes the file, unless it is complete, and lets go of it. The error that led here is the one to tell: this has none.</summary>
    internal void Delete()
    {
        try
        {
            if (!SafeFileHandle.IsClosed && FileStatus.IsAt(SafeFileHandle, Name)) { File.Delete(Name); }
        }
        catch (Exception error) when (IsFailure(error)) { }
        Dispose();
    }

    /// <summary>Whether the system refused a write; past a size limit .NET says that an argument was wrong.</summary>
    internal static bool IsFailure(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException;

    internal static IOException Failure(string path, Exception error, bool isKept = false)
    {
        string reason = error is ArgumentOutOfRangeException ? "File too large" : error.Message.Split(" : ")[0].TrimEnd('.');
        string remedy = isKept ? "Make room for it." : "Nothing is kept of it: make room, or choose another place.";
        return new IOException($"{path}: cannot be written ({reason}). {remedy}", error);
    }
}

/// <summary>An output that another run is writing: nothing of it is touched.</summary>
internal sealed class BusyOutputException(string message, Exception? inner) : IOException(message, inner);
