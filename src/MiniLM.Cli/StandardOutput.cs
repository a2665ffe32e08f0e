using System.Runtime.InteropServices;

namespace MiniLM.Cli;

/// <summary>The reader of a pipe went away: the run ends quietly.</summary>
internal sealed class ClosedPipeException() : IOException("the pipe is closed");

/// <summary>Standard output by write(2), unbuffered.</summary>
/// <remarks>
/// The console's own stream swallows a closed pipe, so that a run would go on for hours for nobody; a FileStream writes at places of its
/// own, so that '(minilm a; minilm b) &gt; file' would overwrite.
/// </remarks>
internal sealed partial class StandardOutput : Stream
{
    private const int ClosedPipe = 32, Interrupted = 4, TryAgain = 11;

    private readonly Stream? _console = OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : null;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        if (_console is not null)
        {
            _console.Write(buffer);
            return;
        }
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

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint WriteSystem(int descriptor, byte* buffer, nint count);
}
