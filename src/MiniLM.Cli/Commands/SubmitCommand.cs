using System.CommandLine;

namespace MiniLM.Cli.Commands;

/// <summary>Results in the form that a shared task takes; each task is a command of its own below this one.</summary>
internal sealed class SubmitCommand : CliCommand
{
    internal SubmitCommand() : base("submit", "Writes results as a shared task takes them.")
    {
        Subcommands.Add(new SubmitCheckThatCommand());
    }

    internal override string[] Examples => [.. Subcommands.OfType<CliCommand>().Select(command => command.Examples[0])];

    internal override int Run(ParseResult parse, Session session) =>
        throw new UsageException($"say which task: {string.Join(", ", Subcommands.Select(command => command.Name))}");
}
