using System.CommandLine;
using MiniLM.Training;

namespace MiniLM.Cli.Options;

/// <summary>The arguments of a training as options: <c>--learning-rate</c>, also <c>--learning_rate</c>; and as the keys of a configuration file.</summary>
internal sealed class TrainingOptionList
{
    private static readonly string[] Flags = ["bf16", "fp16", "group_by_length"];

    private readonly List<(string Name, Option<string?> Option)> _values = [];

    internal TrainingOptionList(Command command)
    {
        foreach (TrainingArgument argument in TrainingArgumentNames.All) { Add(command, argument.Name, argument.HelpName, argument.Description); }
        foreach (string name in TrainingArgumentNames.Others.Keys)
        {
            Add(command, name, Flags.Contains(name) ? "" : "X", "as in earlier versions of transformers",
                isHidden: name is not ("bf16" or "fp16" or "warmup_ratio"));
        }
    }

    private void Add(Command command, string name, string helpName, string description, bool isHidden = false)
    {
        Option<string?> option = new($"--{name.Replace('_', '-')}")
        {
            Description = description,
            HelpName = helpName.Length == 0 ? "true|false" : helpName,
            Arity = helpName.Length == 0 ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            Hidden = isHidden,
            // A flag without a value is true.
            CustomParser = result => result.Tokens.Count > 0 ? result.Tokens[0].Value : "true",
        };
        if (name.Contains('_', StringComparison.Ordinal)) { option.Aliases.Add($"--{name}"); }
        command.Options.Add(option);
        _values.Add((name, option));
    }

    /// <summary>The arguments of a file, and over them those of the command line.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="file">Keys and values of the file; those that are taken here are removed.</param>
    /// <param name="session">Is told of keys without effect.</param>
    internal TrainingArguments Read(ParseResult parse, ConfigurationFile? file, Session session)
    {
        TrainingArguments arguments = new();
        if (file is not null) { Take(file, arguments, session); }
        foreach ((string name, Option<string?> option) in _values)
        {
            if (parse.GetResult(option) is not { Implicit: false }) { continue; }
            try { Set(arguments, name, parse.GetValue(option)!); }
            catch (ArgumentException error) { throw new UsageException($"--{error.Message.Replace(name, name.Replace('_', '-'), StringComparison.Ordinal)}"); }
        }
        return arguments;
    }

    private static void Take(ConfigurationFile file, TrainingArguments arguments, Session session)
    {
        List<string> without = [];
        foreach ((string name, string? value) in file.Remaining())
        {
            bool isKnown = TrainingArgumentNames.Find(name) is not null || TrainingArgumentNames.Others.ContainsKey(name);
            if (isKnown && value is not null)
            {
                try { Set(arguments, name, value); }
                catch (ArgumentException error) { throw new UsageException($"{file.Path}: {error.Message}"); }
            }
            else if (isKnown) { } // null: the default
            else if (TrainingArgumentNames.WithoutEffect.Contains(name)) { without.Add(name); }
            else if (TrainingArgumentNames.IsNotYet(name))
            {
                // Turned off it asks for nothing.
                if (value is not (null or "false" or "0" or "0.0" or "")) { throw new UsageException($"{file.Path}: {name}: not yet; leave it out"); }
            }
            else
            {
                IEnumerable<string> known = TrainingArgumentNames.All.Select(argument => argument.Name).Concat(ConfigurationFile.CommandKeys);
                throw new UsageException($"{file.Path}: {name} is no argument of a training.{NearNames.Suggest(name, known)}");
            }
        }
        if (without.Count > 0) { session.Say($"{file.Path}: without effect here: {string.Join(", ", without)}"); }
    }

    private static void Set(TrainingArguments arguments, string name, string value)
    {
        if (TrainingArgumentNames.Find(name) is { } argument) { argument.Set(arguments, value); }
        else { TrainingArgumentNames.Others[name](arguments, value); }
    }
}
