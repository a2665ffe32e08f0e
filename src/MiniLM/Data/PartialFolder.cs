namespace MiniLM.Data;

/// <summary>A folder being built: FOLDER.partial, which takes the folder's name when it is complete.</summary>
/// <remarks>
/// A file in it, locked by the run that builds it, says that it is one of ours. What a killed run left has the file without the lock, and
/// is replaced by the next run; a folder without the file is somebody's own, and is not touched.
/// </remarks>
internal sealed class PartialFolder : IDisposable
{
    /// <summary>Behind the name of a folder that is set aside while another takes its place.</summary>
    internal const string Old = ".old.partial";

    private const string Mark = ".minilm-partial";

    private readonly string _folder, _old, _mark;
    private readonly PartialFile _lock;
    private bool _isComplete;

    /// <param name="folder">The folder to be; what is there is the caller's to judge.</param>
    /// <exception cref="IOException">It cannot be built: another run does, or something else has its place.</exception>
    internal PartialFolder(string folder)
    {
        _folder = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(folder));
        Path = _folder + ".partial";
        _old = _folder + Old;
        _mark = System.IO.Path.Combine(Path, Mark);
        if (System.IO.Path.Exists(_old))
        {
            throw new IOException(
                $"{_old}: is there, where what is replaced is set aside: an earlier --overwrite may have been killed. Rename or remove it yourself.");
        }
        if (File.Exists(Path)) { throw new IOException($"{Path}: is a file where the output would be built. Choose another output or remove it yourself."); }
        if (Directory.Exists(Path) && !File.Exists(_mark) && Directory.EnumerateFileSystemEntries(Path).Any())
        {
            throw new IOException($"{Path}: was not left by an unfinished run, so it is not replaced. Choose another output or remove it yourself.");
        }
        try
        {
            Directory.CreateDirectory(Path);
            _lock = PartialFile.OpenAlone(_mark, Path);
        }
        catch (Exception error) when (error is not BusyOutputException && PartialFile.IsFailure(error)) { throw PartialFile.Failure(_folder, error); }
        try { Clear(); }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Where the files are written meanwhile.</summary>
    internal string Path { get; }

    /// <summary>Whether a file, by its path from the folder, is the one that says whose the folder is.</summary>
    internal static bool IsMark(string relative) => relative == Mark;

    /// <summary>Gives the folder its name; what had it goes only then.</summary>
    internal void Complete()
    {
        bool replaces = Directory.Exists(_folder);
        try
        {
            if (OperatingSystem.IsWindows()) { _lock.Dispose(); } // where a folder with an open file cannot be renamed
            if (replaces) { Directory.Move(_folder, _old); }
            Directory.Move(Path, _folder);
            _isComplete = true;
        }
        catch (Exception error) when (PartialFile.IsFailure(error))
        {
            if (replaces && !Directory.Exists(_folder)) { Directory.Move(_old, _folder); }
            throw PartialFile.Failure(_folder, error);
        }
        File.Delete(System.IO.Path.Combine(_folder, Mark));
        if (replaces) { Directory.Delete(_old, recursive: true); }
    }

    // All but the file that says whose it is: a run that is killed here leaves a folder that can still be told.
    private void Clear()
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(Path))
        {
            if (entry == _mark) { continue; }
            if (Directory.Exists(entry) && new FileInfo(entry).LinkTarget is null) { Directory.Delete(entry, recursive: true); }
            else { File.Delete(entry); }
        }
    }

    /// <summary>Removes what is not complete.</summary>
    public void Dispose()
    {
        if (!_isComplete)
        {
            // The error that led here is the one to tell.
            try
            {
                Clear();
                if (OperatingSystem.IsWindows()) { _lock.Dispose(); }
                Directory.Delete(Path, recursive: true);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException) { }
        }
        _lock.Dispose();
    }
}
