namespace MiniLM.Data;

/// <summary>Pointers that git checks out in place of large files where git-lfs is not installed.</summary>
internal static class GitLfs
{
    /// <summary>Why a file cannot be read, and the remedy.</summary>
    internal const string Remedy = "is a git-lfs pointer, not the file itself. Get the file: install git-lfs and run 'git lfs pull' in its folder.";

    /// <summary>Whether a file begins as a pointer does.</summary>
    internal static bool IsPointer(ReadOnlySpan<byte> file) => file.StartsWith("version https://git-lfs."u8);
}
