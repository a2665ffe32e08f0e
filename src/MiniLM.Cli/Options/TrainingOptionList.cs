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
        foreach (string name in TrainingArgumentNames.Idle) { Add(command, name, "", "without effect here, or not yet", isHidden: true); }
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
    /// <param name="file">What is left of it are arguments.</param>
    /// <param name="commandKeys">What else a file may have, to suggest.</param>
    /// <param name="session">Is told of keys without effect.</param>
    internal TrainingArguments Read(ParseResult parse, ConfigurationFile? file, IEnumerable<string> commandKeys, Session session)
    {
        TrainingArguments arguments = new();
        if (file is not null)
        {
            KeyValuePair<string, string?>[] values = [.. file.Remaining()];
            if (values.Select(entry => entry.Key).FirstOrDefault(name => !IsKnown(name)) is { } unknown)
            {
                IEnumerable<string> known = TrainingArgumentNames.All.Select(argument => argument.Name).Concat(commandKeys);
                throw new UsageException($"{file.Path}: {unknown} is no argument of a training.{NearNames.Suggest(unknown, known)}");
            }
            // null: the default.
            Take([.. values.Where(entry => entry.Value is not null).Select(entry => KeyValuePair.Create(entry.Key, entry.Value!))], arguments,
                $"{file.Path}: ", text => text, session);
        }
        KeyValuePair<string, string>[] given = [.. _values.Where(entry => parse.GetResult(entry.Option) is { Implicit: false })
            .Select(entry => KeyValuePair.Create(entry.Name, parse.GetValue(entry.Option)!))];
        Take(given, arguments, "", text => given.Aggregate("--" + text, (said, entry) =>
            said.Replace(entry.Key, entry.Key.Replace('_', '-'), StringComparison.Ordinal)), session);
        return arguments;
    }

    private static bool IsKnown(string name) => TrainingArgumentNames.Find(name) is not null || TrainingArgumentNames.Others.ContainsKey(name)
        || TrainingArgumentNames.WithoutEffect.Contains(name) || TrainingArgumentNames.IsNotYet(name);

    /// <param name="given">Of one source.</param>
    /// <param name="arguments">Changed.</param>
    /// <param name="source">Before what is said.</param>
    /// <param name="write">Names as the source writes them, at the beginning of a text.</param>
    /// <param name="session">Is told of keys without effect.</param>
    private static void Take(KeyValuePair<string, string>[] given, TrainingArguments arguments, string source, Func<string, string> write, Session session)
    {
        try
        {
            foreach ((string name, string value) in given.Where(entry => TrainingArgumentNames.IsNotYet(entry.Key)))
            {
                TrainingArgumentNames.CheckNotYet(name, value);
            }
            TrainingArgumentNames.Set(arguments, given);
        }
        catch (ArgumentException error) { throw new UsageException(source + write(error.Message)); }
        string[] without = [.. given.Select(entry => TrainingArgumentNames.WithoutEffectOf(entry.Key, entry.Value)).OfType<string>().Select(write)];
        if (without.Length > 0) { session.Say($"{source}without effect here: {string.Join(", ", without)}"); }
    }
}
