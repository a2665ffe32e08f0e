using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MiniLM.Data;

/// <summary>What statx(2) knows of a file and .NET does not tell. Elsewhere than on Linux every file is taken for an ordinary one that nobody moved.</summary>
internal static partial class FileStatus
{
    private const int WorkingFolder = -100, EmptyPath = 0x1000; // AT_FDCWD, AT_EMPTY_PATH
    private const int ModeOffset = 28, InodeOffset = 32, DeviceOffset = 136; // of stx_mode, stx_ino, stx_dev_major; the same on every processor
    private const int TypeBits = 0xF000, Regular = 0x8000;
    private const uint Type = 0x1, Inode = 0x100; // STATX_TYPE, STATX_INO

    /// <summary>Whether it is, or a link leads to, a file of bytes: no device, pipe or socket. What cannot be looked at counts as one.</summary>
    internal static bool IsRegular(string path) => IsRegular(WorkingFolder, path, 0);

    /// <summary>The same of an open file.</summary>
    internal static bool IsRegular(int descriptor) => IsRegular(descriptor, "", EmptyPath);

    /// <summary>Whether another file may take its place: it is a file of bytes. /dev/stdout is a link into /proc: even where it leads to a file,
    /// the link would be replaced.</summary>
    internal static bool IsReplaceable(string path) =>
        IsRegular(path) && new FileInfo(path).LinkTarget?.StartsWith("/proc/", StringComparison.Ordinal) != true;

    /// <summary>Whether two paths lead to one file, by whatever links; one where nothing is yet is compared as it is written.</summary>
    internal static bool IsSame(string path, string other)
    {
        if (Path.GetFullPath(path) == Path.GetFullPath(other)) { return true; }
        if (!OperatingSystem.IsLinux()) { return File.Exists(path) && File.Exists(other) && Target(path) == Target(other); }
        Span<byte> one = stackalloc byte[256], two = stackalloc byte[256];
        return statx(WorkingFolder, path, 0, Inode, one) == 0 && statx(WorkingFolder, other, 0, Inode, two) == 0 && IsSame(one, two);
    }

    /// <summary>Whether a path is a folder or lies in it, as it is written or by whatever links: a model is often given by one.</summary>
    internal static bool IsWithin(string path, string folder)
    {
        folder = Target(folder);
        for (string? at = Whole(path); at is not null; at = Path.GetDirectoryName(at))
        {
            string target = Target(at);
            if (IsSame(target, folder) || (target != at && IsWithin(target, folder))) { return true; }
        }
        return false;
    }

    private static string Whole(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    // A cycle of links leads to nothing that exists.
    private static string Target(string path)
    {
        string whole = Whole(path);
        FileSystemInfo? target = Directory.Exists(whole) ? Directory.ResolveLinkTarget(whole, returnFinalTarget: true)
            : File.Exists(whole) ? File.ResolveLinkTarget(whole, returnFinalTarget: true) : null;
        return target?.FullName ?? whole;
    }

    private static bool IsSame(ReadOnlySpan<byte> status, ReadOnlySpan<byte> other) =>
        status.Slice(InodeOffset, 8).SequenceEqual(other.Slice(InodeOffset, 8)) && status.Slice(DeviceOffset, 8).SequenceEqual(other.Slice(DeviceOffset, 8));

    /// <summary>Whether an open file is still the one at its path: another may have renamed or deleted it since it was opened. Where nobody can tell,
    /// which is anywhere but on Linux: yes.</summary>
    internal static bool IsAt(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux()) { return true; }
        Span<byte> open = stackalloc byte[256], there = stackalloc byte[256];
        if (statx((int)file.DangerousGetHandle(), "", EmptyPath, Inode, open) != 0) { return true; } // an old system, or a sandbox that has no statx
        return statx(WorkingFolder, path, 0, Inode, there) == 0 && IsSame(open, there);
    }

    private static bool IsRegular(int folder, string path, int flags)
    {
        if (!OperatingSystem.IsLinux()) { return true; }
        Span<byte> status = stackalloc byte[256];
        return statx(folder, path, flags, Type, status) != 0
            || (BinaryPrimitives.ReadUInt16LittleEndian(status[ModeOffset..]) & TypeBits) == Regular;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, Span<byte> status);
}
