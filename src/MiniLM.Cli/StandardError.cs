using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>Standard error as long as it takes anything: that it is full or closed must not cost a run its result and exit code.</summary>
internal sealed class StandardError : SequentialStream
{
    private readonly Stream _console = Open();

    public override bool CanWrite => true;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try { _console.Write(buffer); }
        catch (Exception error) when (IsFailure(error)) { }
    }

    private static Stream Open()
    {
        if (Descriptor.IsClosed(2)) { return Null; }
        try { return Console.OpenStandardError(); }
        catch (Exception error) when (IsFailure(error)) { return Null; }
    }

    private static bool IsFailure(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException;
}
