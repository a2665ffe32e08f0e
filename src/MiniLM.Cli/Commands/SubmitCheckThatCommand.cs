using System.CommandLine;
using System.Text;
using MiniLM.Cli.Options;
using MiniLM.Data;
using MiniLM.Data.CheckThat;

namespace MiniLM.Cli.Commands;

/// <summary>A run as predictions of CheckThat! 2025, task 4b.</summary>
internal sealed class SubmitCheckThatCommand : CliCommand
{
    private const int UsualTopK = 5; // the task is measured by MRR@5

    private readonly Option<string> _run = new("--run") { Description = "TREC run, or MS MARCO's query, document, rank", HelpName = "FILE", Required = true };
    private readonly Option<int?> _topK = NumberOption.Create("--top-k", $"papers of a tweet ({UsualTopK})");
    private readonly OutputOptions _output;

    internal SubmitCheckThatCommand() : base("checkthat", "Writes a run as CheckThat! 2025, task 4b, takes it: post_id, preds.")
    {
        Options.Add(_run);
        Options.Add(_topK);
        _output = new OutputOptions(this, "file; absent: standard output", canResume: false);
    }

    internal override string[] Examples => ["minilm submit checkthat --run out.run --top-k 5 --output predictions.tsv"];

    internal override int Run(ParseResult parse, Session session)
    {
        _output.Check(parse, parse.GetValue(_run));
        TrecRun run = TrecRun.Read(parse.GetValue(_run)!, session.OpenInput, session.Cancellation);
        int topK = parse.GetValue(_topK) ?? UsualTopK;
        if (_output.Path(parse) is { } path)
        {
            PartialFile.WriteWhole(path, stream =>
            {
                using StreamWriter text = new(stream, new UTF8Encoding(false), leaveOpen: true);
                CheckThatPredictions.Write(run, topK, text);
            }, _output.Overwrite(parse), session.Cancellation);
        }
        else { CheckThatPredictions.Write(run, topK, session.OutputText); }
        session.Say($"{run.Queries.Count} tweets");
        return 0;
    }
}
