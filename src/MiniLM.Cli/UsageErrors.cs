using System.CommandLine;
using System.CommandLine.Parsing;

namespace MiniLM.Cli;

/// <summary>What the parser found wrong, in words of one line.</summary>
internal static class UsageErrors
{
    /// <summary>The first thing that is wrong; null: nothing.</summary>
    internal static UsageException? Find(ParseResult parse)
    {
        Command command = parse.CommandResult.Command;
        string name = command is CliCommand cli ? cli.FullName : "";
        if (FindCommand(parse) is { } unknown) { return unknown; }
        // The parser takes an option that it does not know for a text.
        foreach (Token token in parse.Tokens)
        {
            if (token.Type == TokenType.DoubleDash) { break; }
            if (token.Type == TokenType.Argument && token.Value.Length > 2 && token.Value.StartsWith("--", StringComparison.Ordinal))
            {
                string option = token.Value.Split('=', 2)[0];
                if (Options(command).Contains(option)) { return new UsageException($"{option} comes where the option before it still wants a value", name); }
                string remedy = NearNames.Suggest(option, Options(command)) is { Length: > 0 } near ? near
                    : OfTheSameWords(option, Options(command)) is { Length: > 0 } alike ? alike : " A text that starts so goes behind '--'.";
                return new UsageException($"unknown option {option}.{remedy}", name);
            }
        }
        // Not those of options: a value may begin with a dash. Behind '--' whatever does is a text.
        IEnumerable<string> texts = parse.Tokens.Any(token => token.Type == TokenType.DoubleDash) ? []
            : command.Arguments.Select(parse.GetResult).OfType<ArgumentResult>().SelectMany(result => result.Tokens).Select(token => token.Value);
        foreach (string text in texts.Concat(parse.UnmatchedTokens))
        {
            if (text is not ['-', var letter, ..] || !char.IsAsciiLetter(letter) || text.Contains(' ')) { continue; }
            string[] longer = [.. Options(command).Where(option => option.StartsWith($"-{text}", StringComparison.Ordinal))];
            string remedy = longer.Length > 0 ? $" Did you mean {string.Join(" or ", longer)}?"
                : " Options have two dashes; a text that starts so goes behind '--'.";
            return new UsageException($"unknown option {text}.{remedy}", name);
        }
        if (parse.UnmatchedTokens.Count > 0)
        {
            return new UsageException($"unexpected argument {Quoted.Text(parse.UnmatchedTokens[0])}: quote a text of several words", name);
        }
        // A command that is only a name for others says itself which ones.
        if (parse.Errors.Count == 0 || command is not CliCommand { Subcommands.Count: 0 }) { return null; }
        string message = parse.Errors[0].Message.ReplaceLineEndings(" ").TrimEnd('.');
        return new UsageException(message, name);
    }

    /// <summary>A word that should be a command; null: there is none.</summary>
    // A word in the place of a command's name goes before whatever stands behind it: options that nobody has without the command, or a later word that is one.
    internal static UsageException? FindCommand(ParseResult parse)
    {
        Command root = parse.RootCommandResult.Command, command = parse.CommandResult.Command;
        string? first = parse.Tokens.FirstOrDefault(token => !token.Value.StartsWith('-'))?.Value;
        if (first is not null && root.Subcommands.All(known => known.Name != first)) { return Unknown(first, root, ""); }
        bool isGroup = command is CliCommand { Subcommands.Count: > 0 };
        return isGroup && parse.UnmatchedTokens is [[not '-', ..] word, ..] ? Unknown(word, command, ((CliCommand)command).FullName) : null;

        static UsageException Unknown(string word, Command among, string name) =>
            new($"unknown command {Quoted.Text(word)}.{NearNames.Suggest(word, among.Subcommands.Select(known => known.Name))}", name);
    }

    // --batch-size for --per-device-train-batch-size.
    private static string OfTheSameWords(string wrong, IEnumerable<string> known)
    {
        string[] words = [.. wrong.Split('-').Where(word => word.Length > 3)];
        string[] alike = [.. known.Where(option => Shared(option) > 0).OrderByDescending(Shared).Take(3)];
        return alike.Length == 0 ? "" : $" Did you mean {string.Join(" or ", alike)}?";

        int Shared(string option) => option.Split('-').Intersect(words).Count();
    }

    private static IEnumerable<string> Options(Command command) =>
        command.Options.Concat(CliCommand.Common(command))
            .Where(option => !option.Hidden).Select(option => option.Name);
}
