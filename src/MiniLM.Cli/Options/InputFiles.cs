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

    /// <summary>A text that is the name of a file was hardly meant.</summary>
    /// <param name="text">Taken as it is.</param>
    /// <param name="option">That takes a file.</param>
    /// <param name="session">Told at the end.</param>
    internal static void NoteName(string? text, string option, Session session)
    {
        if (File.Exists(text)) { session.Note($"the name {Quoted.Text(text)} was taken for the text. For what that file holds: {option} {text}"); }
    }
}
