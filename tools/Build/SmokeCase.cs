namespace Build;

/// <summary>One run of the program and what it must do.</summary>
/// <param name="arguments">Its command line.</param>
internal sealed class SmokeCase(params string[] arguments)
{
    internal string[] Arguments => arguments;

    internal int Code { get; init; }

    /// <summary>Part of standard output.</summary>
    internal string? Prints { get; init; }

    /// <summary>Lines of standard output.</summary>
    internal int? OutputLines { get; init; }

    /// <summary>A file that must be there then, not empty, of this length if one is said.</summary>
    internal (string File, long? Bytes)? Writes { get; init; }

    /// <exception cref="BuildException">The program did something else.</exception>
    internal void Check(string program, string folder)
    {
        (int code, string output, string error) = Tool.Capture(program, folder, arguments);
        string line = $"minilm {string.Join(' ', arguments)}";
        Require(code == Code, $"exit code {code}, expected {Code}");
        if (Code != 0)
        {
            Require(output.Length == 0 && error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length <= Code,
                "a failure prints one line on stderr (wrong usage two), nothing on stdout");
        }
        if (Prints is not null) { Require(output.Contains(Prints, StringComparison.Ordinal), $"stdout has no {Prints}"); }
        if (OutputLines is { } lines) { Require(output.Count(c => c == '\n') == lines, $"stdout has not {lines} line(s)"); }
        if (Writes is var (file, bytes))
        {
            FileInfo written = new(Path.Combine(folder, file));
            Require(written.Exists && written.Length > 0 && (bytes is null || written.Length == bytes),
                $"{file} is not there with {bytes?.ToString() ?? "some"} bytes");
        }
        Console.WriteLine($"ok {line}");

        void Require(bool holds, string what)
        {
            if (!holds) { throw new BuildException($"'{line}': {what}. It said: {error.ReplaceLineEndings(" ")}{output.ReplaceLineEndings(" ")}"); }
        }
    }
}
