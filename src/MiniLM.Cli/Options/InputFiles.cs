using MiniLM.Data;

namespace MiniLM.Cli.Options;

/// <summary>Files that a command reads.</summary>
internal static class InputFiles
{
    /// <summary>Refuses, before any work, standard input for more than one of them.</summary>
    internal static void CheckStandardInput(params IEnumerable<string?> files)
    {
        if (files.Count(file => file == DataFile.StandardInput) > 1) { throw new UsageException("standard input (-) can be one of the files only"); }
    }
}
