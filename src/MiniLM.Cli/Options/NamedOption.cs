using System.CommandLine;

namespace MiniLM.Cli.Options;

/// <summary>An option whose value is one of some names; null when absent.</summary>
internal static class NamedOption
{
    /// <summary>An option that takes one of <paramref name="names"/> (lower case), and suggests the near ones for another.</summary>
    internal static Option<string?> Create(string name, string description, params string[] names) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', names),
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (names.Contains(text)) { return text; }
            result.AddError($"{name} {text}: it is one of {string.Join(", ", names)}.{NearNames.Suggest(text, names)}");
            return null;
        },
    };
}
