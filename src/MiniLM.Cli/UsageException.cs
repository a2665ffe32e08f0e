namespace MiniLM.Cli;

/// <summary>A command line that means nothing: exit code 2.</summary>
/// <param name="message">What is wrong, on one line.</param>
/// <param name="command">Whose help the hint names; null: the running command, empty: the program.</param>
internal sealed class UsageException(string message, string? command = null) : Exception(message)
{
    internal string? Command => command;
}
