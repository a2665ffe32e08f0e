using System.CommandLine;

namespace MiniLM.Cli;

/// <summary>The help: examples first, then arguments and options.</summary>
internal static class HelpText
{
    private const int Column = 28;

    internal static void Write(Command command, TextWriter writer)
    {
        string[] examples = command is CliCommand cli ? cli.Examples : ["minilm embed \"a text\"", "minilm COMMAND --help"];
        writer.WriteLine(examples.Length == 1 ? "Example:" : "Examples:");
        foreach (string example in examples) { writer.WriteLine($"  {example}"); }
        writer.WriteLine();
        writer.WriteLine(command.Description);
        if (command.Subcommands.Count > 0)
        {
            Section(writer, "Commands:", command.Subcommands.Select(sub => (sub.Name, sub.Description?.Split('\n')[0])));
        }
        if (command.Arguments.Count > 0)
        {
            Section(writer, "Arguments:", command.Arguments.Select(argument => ($"[{argument.Name.ToUpperInvariant()}]", argument.Description)));
        }
        Section(writer, "Options:", command.Options.Where(option => !option.Hidden).Select(option => (Left(option), option.Description)));
        if (command is CliCommand) { Section(writer, "Everywhere:", CliCommand.Common(command).Select(option => (Left(option, command), option.Description))); }
    }

    /// <param name="option">One of the command's own, or of those above it.</param>
    /// <param name="below">The command that may have taken a short name for itself.</param>
    private static string Left(Option option, Command? below = null)
    {
        IEnumerable<string> taken = below?.Options.SelectMany(own => own.Aliases) ?? [];
        string names = string.Join(", ", option.Aliases.Where(alias => alias.Length == 2 && alias != "-?").Except(taken).Append(option.Name));
        return option.ValueType == typeof(bool) ? names : $"{names} {option.HelpName ?? "VALUE"}";
    }

    private static void Section(TextWriter writer, string title, IEnumerable<(string Left, string? Right)> rows)
    {
        (string Left, string? Right)[] lines = [.. rows];
        if (lines.Length == 0) { return; }
        writer.WriteLine();
        writer.WriteLine(title);
        foreach ((string left, string? right) in lines)
        {
            writer.WriteLine(left.Length < Column ? $"  {left.PadRight(Column)}{right}" : $"  {left}  {right}");
        }
    }
}
