namespace MiniLM.Data;

/// <summary>Where a folder shall be.</summary>
internal static class FolderTarget
{
    /// <summary>Refuses a folder that must not be replaced: a slip in the name must not cost a folder of something else.</summary>
    /// <param name="folder">Its path.</param>
    /// <param name="overwrite">Whether what is there may go.</param>
    /// <param name="isOurs">Whether a file of that name may be in what goes.</param>
    /// <param name="content">Those files in words, for the message.</param>
    /// <exception cref="IOException">Something is there, and stays.</exception>
    internal static void Check(string folder, bool overwrite, Func<string, bool> isOurs, string content)
    {
        if (File.Exists(folder)) { throw new IOException($"{folder}: is a file. Give the name of a folder."); }
        if (!Directory.Exists(folder)) { return; }
        if (!overwrite) { throw new IOException($"{folder}: exists. Use --overwrite to replace it."); }
        if (Directory.EnumerateFileSystemEntries(folder).Any(entry => !isOurs(Path.GetFileName(entry))))
        {
            throw new IOException($"{folder}: holds more than {content}, so it stays. Choose another name or remove it yourself.");
        }
    }
}
