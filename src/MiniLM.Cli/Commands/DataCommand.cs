using System.CommandLine;

namespace MiniLM.Cli.Commands;

/// <summary>Data sets: made from what a task hands out, checked, cleaned; each is a command of its own below this one.</summary>
internal sealed class DataCommand : CliCommand
{
    internal DataCommand() : base("data", "Makes, checks and cleans data sets.")
    {
        Subcommands.Add(new DataCheckThatCommand());
        Subcommands.Add(new DataLeakageCommand());
        Subcommands.Add(new DataDeduplicateCommand());
        Subcommands.Add(new DataSplitCommand());
    }

    internal override string[] Examples => [.. Subcommands.OfType<CliCommand>().Select(command => command.Examples[0])];

    internal override int Run(ParseResult parse, Session session) =>
        throw new UsageException($"say what to do: {string.Join(", ", Subcommands.Select(command => command.Name))}");
}
