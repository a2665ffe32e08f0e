using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>Where a file shall be.</summary>
internal static class OutputTarget
{
    /// <summary>Refuses, before any work, what could not be written at the end, and what a finished file must not replace.</summary>
    /// <exception cref="IOException">The folder is missing, or something is there.</exception>
    internal static void Check(string path, bool overwrite)
    {
        if (path.Length == 0) { throw new IOException("an output has an empty name. Give the path of a file."); }
        if (Directory.Exists(path)) { throw new IOException($"{path}: is a folder. Give the path of a file."); }
        CheckFolder(path);
        if (!File.Exists(path)) { return; }
        if (!FileStatus.IsReplaceable(path))
        {
            throw new IOException($"{path}: is a device, a pipe or a socket, which a finished file would replace. Give the path of a file.");
        }
        if (!overwrite) { throw new IOException($"{path}: exists. Use --overwrite to replace it."); }
    }

    /// <summary>Refuses an output that is one of the inputs: --overwrite is for results, not for what they are made of.</summary>
    internal static void CheckInputs(string path, params string?[] inputs)
    {
        foreach (string input in inputs.OfType<string>().Where(input => input != DataFile.StandardInput))
        {
            if (!FileStatus.IsSame(input, path)) { continue; }
            throw new UsageException($"{path}: is the input and the output: it is one of the files that are read. Give the output a file of its own");
        }
    }

    /// <summary>The folder around an output, which may be a folder itself.</summary>
    /// <exception cref="IOException">There is none.</exception>
    internal static void CheckFolder(string path)
    {
        string folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) ?? "/";
        if (File.Exists(folder)) { throw new IOException($"{path}: {folder} is a file, not a folder. Choose another path."); }
        if (!Directory.Exists(folder)) { throw new IOException($"{path}: there is no folder {folder}. Create it first."); }
    }
}
