using System.CommandLine;
using MiniLM.Text.Repair;

namespace MiniLM.Cli.Options;

/// <summary>What is repaired of texts before anything else reads them.</summary>
internal static class FixTextOption
{
    internal static Option<string?> Create(string absent = "none") =>
        NamedOption.Create("--fix-text", $"repair texts as ftfy does: misread UTF-8 (encoding), or all of its fix_text (full) ({absent})", TextRepair.Names);

    /// <summary>Null: not given.</summary>
    internal static TextRepairKind? Kind(ParseResult parse, Option<string?> option) =>
        parse.GetValue(option) is { } name ? (TextRepairKind)Array.IndexOf(TextRepair.Names, name) : null;
}
