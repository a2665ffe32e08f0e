using System.Runtime.InteropServices;
using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>
/// SIGINT and SIGTERM end the work at its next safe place; a second one ends the process at once, as does the first a little later where nothing is
/// being written: a sort of millions of rows has no such place, and there is nothing to keep safe.
/// </summary>
internal sealed partial class Signals : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt, _terminate;
    private int _exitCode;

    internal Signals()
    {
        (_interrupt, _terminate) = (Register(PosixSignal.SIGINT, 130), Register(PosixSignal.SIGTERM, 143));
        // A write past RLIMIT_FSIZE must fail, and be said, instead of killing the process.
        if (OperatingSystem.IsLinux()) { _ = signal(FileSizeExceeded, Ignore); }
    }

    private const int Patience = 100; // ms
    private const int FileSizeExceeded = 25; // SIGXFSZ
    private const nint Ignore = 1; // SIG_IGN

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);

    internal CancellationToken Token => _source.Token;

    /// <summary>130 or 143.</summary>
    internal int ExitCode => _exitCode == 0 ? 130 : _exitCode;

    private PosixSignalRegistration Register(PosixSignal signal, int code) => PosixSignalRegistration.Create(signal, context =>
    {
        if (Interlocked.CompareExchange(ref _exitCode, code, 0) != 0) { return; }
        context.Cancel = true;
        _source.Cancel();
        Thread.Sleep(Patience); // this thread is the runtime's for signals
        if (!PartialFile.IsAnyOpen) { Environment.Exit(code); }
    });

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }
}
