using System.CommandLine;
using MiniLM.Data;

namespace MiniLM.Cli.Options;

/// <summary>--tag: what a run calls itself.</summary>
internal static class TagOption
{
    internal static Option<string?> Create() => new("--tag")
    {
        Description = $"name of the run, its last field ({TrecRunLine.DefaultTag})",
        HelpName = "T",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (text.Length > 0 && !text.AsSpan().ContainsAny(" \t\r\n\v\f")) { return text; }
            result.AddError($"--tag {Quoted.Text(text)}: give a name without white space, which separates the fields of a run");
            return null;
        },
    };

    internal static string Value(ParseResult parse, Option<string?> option) => parse.GetValue(option) ?? TrecRunLine.DefaultTag;
}
