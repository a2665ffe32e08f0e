using System.Runtime.InteropServices;
using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>The reader of a pipe went away: the run ends quietly.</summary>
internal sealed class ClosedPipeException() : IOException("the pipe is closed");

/// <summary>Standard output by write(2), unbuffered.</summary>
/// <remarks>
/// The console's own stream swallows a closed pipe, so that a run would go on for hours for nobody; a FileStream writes at places of its
/// own, so that '(minilm a; minilm b) &gt; file' would overwrite.
/// </remarks>
internal sealed partial class StandardOutput : SequentialStream
{
    private const int ClosedPipe = 32, Interrupted = 4, TryAgain = 11;

    private readonly Stream? _console = OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : null;

    private readonly bool _isClosed = Descriptor.IsClosed(1);

    public override bool CanWrite => true;

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        if (_console is not null)
        {
            _console.Write(buffer);
            return;
        }
        if (_isClosed) { throw new IOException("standard output: is closed. Give --output FILE, or redirect it to one."); }
        while (buffer.Length > 0)
        {
            nint written;
            fixed (byte* start = buffer) { written = WriteSystem(1, start, buffer.Length); }
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }
            int code = Marshal.GetLastPInvokeError();
            if (code == Interrupted) { continue; }
            if (code == TryAgain)
            {
                Thread.Sleep(1);
                continue;
            }
            throw code == ClosedPipe ? new ClosedPipeException() : new IOException($"standard output: {Marshal.GetPInvokeErrorMessage(code)}", code);
        }
    }

    public override void Flush() => _console?.Flush();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint WriteSystem(int descriptor, byte* buffer, nint count);
}
