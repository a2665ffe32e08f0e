using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Data;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Commands;

/// <summary>Scores of lists of positives and negatives.</summary>
internal sealed class EvaluateRerankingCommand : CliCommand
{
    private readonly Option<string> _scores = new("--scores")
    {
        Description = "{\"index\":i,\"score\":x} lines, list after list, positives first",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _lists = new("--lists")
    {
        Description = "{\"query\":...,\"pos\":[...],\"neg\":[...]} lines",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal EvaluateRerankingCommand() : base("reranking", "Measures scores of lists of positives and negatives, as C-MTEB does.")
    {
        foreach (Option option in new Option[] { _scores, _lists, _json }) { Options.Add(option); }
    }

    internal override string[] Examples => ["minilm evaluate reranking --scores scores.jsonl --lists lists.jsonl"];

    internal override int Run(ParseResult parse, Session session)
    {
        string file = parse.GetValue(_scores)!;
        InputFiles.CheckStandardInput(file, parse.GetValue(_lists));
        double[] scores = IndexedNumbers.Read(file, "score", openStandardInput: session.OpenInput, cancellation: session.Cancellation);
        RerankingMeasures measures = CandidateLists.Read(parse.GetValue(_lists)!, scores, DataFile.Name(file), session.OpenInput, session.Cancellation);
        MeasureReport.Write(session.OutputText, parse.GetValue(_json), ("map", measures.Map), ("mrr@1", measures.MrrAt(1)), ("mrr@5", measures.MrrAt(5)),
            ("mrr@10", measures.MrrAt(10)), ("ndcg@10", measures.NdcgAt(10)));
        if (measures.Dropped > 0)
        {
            session.Say($"dropped: {measures.Dropped} of {measures.Dropped + measures.Lists} lists (without positives or without negatives)");
        }
        return 0;
    }
}
