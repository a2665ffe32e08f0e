using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MiniLM.Cli.Output;

/// <summary>Where a file shall be.</summary>
internal static partial class OutputTarget
{
    private const int WorkingFolder = -100, ModeOffset = 28; // AT_FDCWD; of stx_mode, the same on every processor
    private const int TypeBits = 0xF000, Regular = 0x8000;
    private const uint Type = 1; // STATX_TYPE

    /// <summary>Refuses, before any work, what could not be written at the end, and what a finished file must not replace.</summary>
    /// <exception cref="IOException">The folder is missing, or something is there.</exception>
    internal static void Check(string path, bool overwrite)
    {
        if (path.Length == 0) { throw new IOException("an output has an empty name. Give the path of a file."); }
        if (Directory.Exists(path)) { throw new IOException($"{path}: is a folder. Give the path of a file."); }
        CheckFolder(path);
        if (!File.Exists(path)) { return; }
        if (!IsRegular(path)) { throw new IOException($"{path}: is a device, a pipe or a socket, which a finished file would replace. Give the path of a file."); }
        if (!overwrite) { throw new IOException($"{path}: exists. Use --overwrite to replace it."); }
    }

    /// <summary>The folder around an output, which may be a folder itself.</summary>
    /// <exception cref="IOException">There is none.</exception>
    internal static void CheckFolder(string path)
    {
        string folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) ?? "/";
        if (File.Exists(folder)) { throw new IOException($"{path}: {folder} is a file, not a folder. Choose another path."); }
        if (!Directory.Exists(folder)) { throw new IOException($"{path}: there is no folder {folder}. Create it first."); }
    }

    // /dev/stdout is a link into /proc: even where it leads to a file, the link would be replaced.
    private static bool IsRegular(string path)
    {
        if (!OperatingSystem.IsLinux()) { return true; }
        if (new FileInfo(path).LinkTarget?.StartsWith("/proc/", StringComparison.Ordinal) == true) { return false; }
        Span<byte> status = stackalloc byte[256];
        return statx(WorkingFolder, path, 0, Type, status) != 0
            || (BinaryPrimitives.ReadUInt16LittleEndian(status[ModeOffset..]) & TypeBits) == Regular;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, Span<byte> status);
}
