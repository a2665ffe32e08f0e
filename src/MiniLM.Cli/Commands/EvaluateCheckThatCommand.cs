using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Commands;

/// <summary>Submissions of CheckThat! task 4b.</summary>
internal sealed class EvaluateCheckThatCommand : CliCommand
{
    private readonly Option<string> _predictions = new("--predictions")
    {
        Description = "table with the columns post_id and preds, a list as Python or JSON writes it",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _gold = new("--gold") { Description = "table with the columns post_id and cord_uid", HelpName = "FILE", Required = true };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal EvaluateCheckThatCommand() : base("checkthat", "Measures predictions of CheckThat! task 4b, as its scorer does.")
    {
        foreach (Option option in new Option[] { _predictions, _gold, _json }) { Options.Add(option); }
    }

    internal override string[] Examples => ["minilm evaluate checkthat --predictions preds.tsv --gold dev.tsv"];

    internal override int Run(ParseResult parse, Session session)
    {
        InputFiles.CheckStandardInput(parse.GetValue(_predictions), parse.GetValue(_gold));
        CheckThatMeasures measures =
            CheckThatMeasures.Read(parse.GetValue(_predictions)!, parse.GetValue(_gold)!, session.OpenInput, session.Cancellation);
        int[] depths = [1, 5, 10];
        MeasureReport.Write(session.OutputText, parse.GetValue(_json),
            [.. depths.Select(k => ($"mrr@{k}", measures.MrrAt(k))), .. depths.Select(k => ($"recall@{k}", measures.RecallAt(k)))]);
        return 0;
    }
}
