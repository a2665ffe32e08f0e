using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MiniLM.Cpu.Jit;

/// <summary>Memory for machine code: writable first, then executable, never both. It lives as long as the process.</summary>
internal static unsafe partial class ExecutableMemory
{
    /// <summary>x86-64 on Linux and Windows; elsewhere the tiers without machine code are used.</summary>
    internal static bool IsSupported =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows());

    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    /// <exception cref="Win32Exception">The system refuses that it becomes executable.</exception>
    internal static nint Load(ReadOnlySpan<byte> code) => TryLoad(code) is var page and not 0 ? page
        : throw new Win32Exception(Marshal.GetLastPInvokeError(), "the system refused executable memory (set MINILM_CPU=avx2 to do without)");

    /// <summary>The code's address; 0: the system refuses that memory becomes executable, as systemd's MemoryDenyWriteExecute and SELinux make it.</summary>
    // Code already given out must stay executable while more is written, so each kernel has pages of its own.
    internal static nint TryLoad(ReadOnlySpan<byte> code)
    {
        nuint length = (nuint)code.Length;
        nint page = OperatingSystem.IsWindows()
            ? VirtualAlloc(0, length, CommitReserve, PageReadWrite)
            : mmap(0, length, ProtectRead | ProtectWrite, MapPrivateAnonymous, -1, 0);
        if (page is 0 or -1) { throw new OutOfMemoryException($"the system gave no memory for {length} bytes of machine code"); }
        code.CopyTo(new Span<byte>((void*)page, code.Length));
        bool done = OperatingSystem.IsWindows()
            ? VirtualProtect(page, length, PageExecuteRead, out _)
            : mprotect(page, length, ProtectRead | ProtectExecute) == 0;
        if (done) { return page; }
        _ = OperatingSystem.IsWindows() ? VirtualFree(page, 0, Release) : munmap(page, length) == 0;
        return 0;
    }

    private const int ProtectRead = 1, ProtectWrite = 2, ProtectExecute = 4, MapPrivateAnonymous = 0x22;
    private const uint CommitReserve = 0x3000, Release = 0x8000, PageReadWrite = 0x04, PageExecuteRead = 0x20;

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")] // keeps the error of mprotect
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint length, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nuint length, uint protection, out uint old);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint length, uint type);
}
