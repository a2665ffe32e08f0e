using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MiniLM.Compute;

/// <summary>Zeroed memory outside the managed heap, aligned to 2 MB pages where the system grants them.</summary>
internal sealed unsafe partial class NativeBlock : IDisposable
{
    private const int ReadWrite = 3, PrivateAnonymous = 0x22, AdviseHugePages = 14;
    private const long HugePage = 2 << 20;

    private readonly nint _mapping;
    private readonly nuint _mappedBytes;
    private void* _start;

    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    internal NativeBlock(long floats)
    {
        Debug.Assert(floats >= 0);
        long bytes = Bytes = Math.Max(floats, 1) * sizeof(float);
        if (!OperatingSystem.IsLinux())
        {
            _start = NativeMemory.AlignedAlloc((nuint)bytes, 64);
            NativeMemory.Clear(_start, (nuint)bytes);
            return;
        }
        long slack = bytes >= HugePage ? HugePage : 0;
        _mappedBytes = (nuint)(bytes + slack);
        _mapping = mmap(0, _mappedBytes, ReadWrite, PrivateAnonymous, -1, 0);
        if (_mapping == -1) { throw new OutOfMemoryException($"the system gave no block of {bytes} bytes"); }
        _start = (void*)(_mapping + (nint)slack & ~(nint)(slack == 0 ? 0 : HugePage - 1));
        if (slack != 0) { _ = madvise((nint)_start, (nuint)bytes, AdviseHugePages); }
    }

    internal long Bytes { get; }

    internal float* Floats => (float*)_start;

    public void Dispose()
    {
        if (_start == null) { return; }
        if (OperatingSystem.IsLinux()) { _ = munmap(_mapping, _mappedBytes); } else { NativeMemory.AlignedFree(_start); }
        _start = null;
        GC.SuppressFinalize(this);
    }

    ~NativeBlock() => Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);
}
