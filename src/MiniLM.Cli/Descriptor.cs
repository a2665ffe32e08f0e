using System.Runtime.InteropServices;

namespace MiniLM.Cli;

/// <summary>What the shell gave as standard input, output and error.</summary>
internal static partial class Descriptor
{
    private const int GetFlags = 1, CloseOnExec = 1; // F_GETFD, FD_CLOEXEC

    /// <summary>
    /// Whether the program was started without it, as by '2&gt;&amp;-'. The runtime's own files may have its number by now: they close on exec,
    /// which no inherited one does.
    /// </summary>
    internal static bool IsClosed(int number)
    {
        if (!OperatingSystem.IsLinux()) { return false; }
        int flags = fcntl(number, GetFlags);
        return flags < 0 || (flags & CloseOnExec) != 0;
    }

    [LibraryImport("libc")]
    private static partial int fcntl(int number, int command);
}
