using System.CommandLine;

namespace MiniLM.Cli.Commands;

/// <summary>Measures of results, by kind of result; each kind is a command of its own below this one.</summary>
internal sealed class EvaluateCommand : CliCommand
{
    internal EvaluateCommand() : base("evaluate", "Measures results against what is known to be right.")
    {
        Subcommands.Add(new EvaluateRunCommand());
    }

    internal override string[] Examples => [.. Subcommands.OfType<CliCommand>().Select(command => command.Examples[0])];

    internal override int Run(ParseResult parse, Session session) =>
        throw new UsageException($"say what to evaluate: {string.Join(", ", Subcommands.Select(command => command.Name))}");
}
