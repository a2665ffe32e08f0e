using System.Runtime.InteropServices;
using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>The reader of a pipe went away: the run ends quietly.</summary>
internal sealed class ClosedPipeException() : IOException("the pipe is closed");

/// <summary>Standard output by write(2), unbuffered; a signal ends the wait for a reader that takes nothing.</summary>
/// <remarks>
/// The console's own stream swallows a closed pipe, so that a run would go on for hours for nobody; a FileStream writes at places of its
/// own, so that '(minilm a; minilm b) &gt; file' would overwrite. No signal ends a write(2) that waits, and O_NONBLOCK would hold for
/// everybody who shares the pipe: so poll(2) waits, and no more is written than then fits for certain.
/// </remarks>
/// <param name="descriptor">1, but in tests.</param>
/// <param name="cancellation">Looked at while there is no room.</param>
internal sealed partial class StandardOutput(int descriptor, CancellationToken cancellation) : SequentialStream
{
    private const int ClosedPipe = 32, Interrupted = 4, TryAgain = 11;
    private const short Writable = 4; // POLLOUT
    private const int Room = 4096, StepMilliseconds = 20; // PIPE_BUF

    private readonly Stream? _console = OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : null;

    private readonly bool _isClosed = Descriptor.IsClosed(descriptor);

    private readonly bool _isRegular = FileStatus.IsRegular(descriptor); // always has room, or fails

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
            if (!_isRegular) { WaitForRoom(); }
            nint written;
            fixed (byte* start = buffer) { written = WriteSystem(descriptor, start, _isRegular ? buffer.Length : Math.Min(buffer.Length, Room)); }
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }
            int code = Marshal.GetLastPInvokeError();
            if (code is Interrupted or TryAgain) { continue; } // TryAgain: somebody else set O_NONBLOCK, and took the room first
            throw code == ClosedPipe ? new ClosedPipeException() : new IOException($"standard output: {Marshal.GetPInvokeErrorMessage(code)}", code);
        }
    }

    public override void Flush() => _console?.Flush();

    private void WaitForRoom()
    {
        Polled output = new() { Descriptor = descriptor, Wanted = Writable };
        while (poll(ref output, 1, StepMilliseconds) is int ready && (ready == 0 || (ready < 0 && Marshal.GetLastPInvokeError() == Interrupted)))
        {
            cancellation.ThrowIfCancellationRequested();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Polled
    {
        internal int Descriptor;
        internal short Wanted, Found;
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint WriteSystem(int descriptor, byte* buffer, nint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(ref Polled descriptors, nuint count, int milliseconds);
}
