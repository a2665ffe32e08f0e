namespace Build;

/// <summary>Lines of what people write end at 160 columns, as .editorconfig says: <c>dotnet format</c> does not look at that.</summary>
internal static class Lines
{
    private const int MostColumns = 160;

    // Kinds of files, not files: generated sources (*.g.cs) and what Git leaves as it is (-text in .gitattributes: models, fixtures, others' scripts) aside.
    private static readonly string[] Kinds =
    [
        "*.cs", "*.csproj", "*.props", "*.targets", "*.md", "*.sh", "*.ps1", "*.c", "*.js", "*.css", "*.html", ".ci/*",
        ":(exclude)*.g.cs", ":(exclude,attr:-text)",
    ];

    internal static void Check()
    {
        // The checkout may be another user's, as in a container.
        (int code, string output, string error) = Tool.Capture("git", Tool.Root, ["-c", "safe.directory=*", "ls-files", "-z", "--", .. Kinds]);
        if (code != 0) { throw new BuildException($"git ls-files ended with {code}: {error.Trim().ReplaceLineEndings(" ")}"); }
        string[] files = [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(file => File.Exists(Path.Combine(Tool.Root, file)))];
        if (files.Length == 0) { throw new BuildException("git ls-files names no file"); }
        int lines = 0, tooLong = 0;
        foreach (string file in files)
        {
            int number = 0;
            foreach (string line in File.ReadLines(Path.Combine(Tool.Root, file)))
            {
                number++;
                if (line.Length <= MostColumns || IsTableRow(file, line)) { continue; }
                Console.Error.WriteLine($"{file}:{number}: {line.Length} columns");
                tooLong++;
            }
            lines += number;
        }
        if (tooLong > 0) { throw new BuildException($"{tooLong} line(s) are longer than {MostColumns} columns: break them at their sense"); }
        Console.WriteLine($"{lines} lines in {files.Length} files, none longer than {MostColumns} columns");
    }

    // Markdown has no way to wrap a row of a table.
    private static bool IsTableRow(string file, string line) => file.EndsWith(".md", StringComparison.Ordinal) && line.StartsWith('|');
}
