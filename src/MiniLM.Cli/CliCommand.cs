using System.CommandLine;

namespace MiniLM.Cli;

/// <summary>A command of the program.</summary>
/// <param name="name">As typed.</param>
/// <param name="description">One line of the help.</param>
internal abstract class CliCommand(string name, string description) : Command(name, description)
{
    /// <summary>What the help shows first: lines that work as written.</summary>
    internal abstract string[] Examples { get; }

    /// <summary>As typed, with the commands that it is part of: "evaluate run".</summary>
    internal string FullName => string.Join(' ', Above(this).OfType<CliCommand>().Select(command => command.Name).Reverse().Append(Name));

    /// <summary>Options of the commands that a command is part of, which it takes too.</summary>
    internal static IEnumerable<Option> Common(Command command) => Above(command).SelectMany(parent => parent.Options).Where(option => option.Recursive);

    /// <summary>Does the work; exceptions become one line on stderr and an exit code (<see cref="Failures"/>).</summary>
    internal abstract int Run(ParseResult parse, Session session);

    /// <summary>The first of some options that the command line has; null: none.</summary>
    private protected Option? Given(ParseResult parse, params IEnumerable<string> names) =>
        Options.FirstOrDefault(option => names.Contains(option.Name) && parse.GetResult(option) is { Implicit: false });

    private static IEnumerable<Command> Above(Command command)
    {
        for (Command? parent = Parent(command); parent is not null; parent = Parent(parent)) { yield return parent; }

        static Command? Parent(Command child) => child.Parents.OfType<Command>().FirstOrDefault();
    }
}
