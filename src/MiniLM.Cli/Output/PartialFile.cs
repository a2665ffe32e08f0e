namespace MiniLM.Cli.Output;

/// <summary>A file being built: unbuffered, so that a failed write leaves nothing to be written later, and with its failures said as one line.</summary>
/// <param name="path">The file that is written.</param>
/// <param name="mode">Afresh, or what is there.</param>
internal sealed class PartialFile(string path, FileMode mode) : FileStream(path, mode, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0)
{
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
