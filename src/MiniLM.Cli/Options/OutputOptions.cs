using System.CommandLine;
using MiniLM.Cli.Output;

namespace MiniLM.Cli.Options;

/// <summary>Where results go, and what happens to what is there.</summary>
internal sealed class OutputOptions
{
    private readonly Option<string?> _output;
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace the output, or start an unfinished one afresh" };
    private readonly Option<bool>? _resume;

    internal OutputOptions(Command command, string description, bool canResume = true)
    {
        _output = new("--output") { Description = description, HelpName = "FILE" };
        command.Options.Add(_output);
        command.Options.Add(_overwrite);
        if (!canResume) { return; }
        _resume = new("--resume") { Description = "go on with an unfinished output" };
        command.Options.Add(_resume);
    }

    /// <summary>The file; null: standard output.</summary>
    internal string? Path(ParseResult parse) => parse.GetValue(_output) is { } path && path != "-" ? path : null;

    /// <summary>Refuses, before any work, what could not be written at the end, and what would replace an input.</summary>
    internal void Check(ParseResult parse, params string?[] inputs)
    {
        if (Path(parse) is { } output) { OutputTarget.CheckInputs(output, inputs); }
        if (Overwrite(parse) && Resume(parse)) { throw new UsageException("--overwrite and --resume: give one of them"); }
        if (Overwrite(parse) && parse.GetValue(_output) is null) { throw new UsageException("--overwrite goes with --output"); }
        if (Path(parse) is { } path) { ResumableFile.Check(path, Overwrite(parse), Resume(parse)); }
        else if (Resume(parse)) { throw new UsageException("--resume goes on with an unfinished file: give its --output FILE"); }
    }

    internal bool Overwrite(ParseResult parse) => parse.GetValue(_overwrite);

    internal bool Resume(ParseResult parse) => _resume is not null && parse.GetValue(_resume);
}
