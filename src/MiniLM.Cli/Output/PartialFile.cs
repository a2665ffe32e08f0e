namespace MiniLM.Cli.Output;

/// <summary>A file being built: unbuffered, so that a failed write leaves nothing to be written later, and with its failures said as one line.</summary>
/// <param name="path">The file that is written.</param>
/// <param name="mode">Afresh, or what is there.</param>
internal sealed class PartialFile(string path, FileMode mode) : FileStream(path, mode, FileAccess.ReadWrite, FileShare.None, bufferSize: 0)
{
    /// <summary>Opens the file for one run only, unchanged: its lock is what keeps a second run from the same output.</summary>
    /// <exception cref="BusyOutputException">Another run has it.</exception>
    internal static PartialFile OpenAlone(string path)
    {
        try { return new PartialFile(path, FileMode.OpenOrCreate); }
        catch (IOException error) when (IsLocked(path))
        {
            throw new BusyOutputException($"{path}: another run is writing it. Wait for it or choose another output.", error);
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
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try { base.Write(buffer); }
        catch (Exception error) when (IsFailure(error)) { throw Failure(Name, error); }
    }

    /// <summary>Whether the system refused a write; past a size limit .NET says that an argument was wrong.</summary>
    internal static bool IsFailure(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException;

    internal static IOException Failure(string path, Exception error)
    {
        string reason = error is ArgumentOutOfRangeException ? "File too large" : error.Message.Split(" : ")[0].TrimEnd('.');
        return new IOException($"{path}: cannot be written ({reason}). Nothing is kept of it: make room, or choose another place.", error);
    }
}

/// <summary>An output that another run is writing: nothing of it is touched.</summary>
internal sealed class BusyOutputException(string message, Exception inner) : IOException(message, inner);
