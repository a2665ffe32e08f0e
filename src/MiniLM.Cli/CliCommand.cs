using System.CommandLine;

namespace MiniLM.Cli;

/// <summary>A command of the program.</summary>
/// <param name="name">As typed.</param>
/// <param name="description">One line of the help.</param>
internal abstract class CliCommand(string name, string description) : Command(name, description)
{
    /// <summary>What the help shows first: lines that work as written.</summary>
    internal abstract string[] Examples { get; }

    /// <summary>Does the work; exceptions become one line on stderr and an exit code (<see cref="Failures"/>).</summary>
    internal abstract int Run(ParseResult parse, Session session);
}
