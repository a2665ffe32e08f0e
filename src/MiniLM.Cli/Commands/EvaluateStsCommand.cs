using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Evaluation.Statistics;

namespace MiniLM.Cli.Commands;

/// <summary>Scores of pairs against graded similarity.</summary>
internal sealed class EvaluateStsCommand : CliCommand
{
    private readonly ScoreOptions _scores;
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal EvaluateStsCommand() : base("sts", "Correlates scores of pairs with grades of similarity (STS).")
    {
        _scores = new ScoreOptions(this, "any number");
        Options.Add(_json);
    }

    internal override string[] Examples => ["minilm evaluate sts --scores scores.jsonl --labels labels.tsv"];

    internal override int Run(ParseResult parse, Session session)
    {
        (double[] scores, double[] labels) = _scores.Read(parse, session, isBinary: false);
        MeasureReport.Write(session.OutputText, parse.GetValue(_json), ("pearson", Correlation.Pearson(scores, labels)),
            ("spearman", Correlation.Spearman(scores, labels)), ("kendall", Correlation.KendallTauB(scores, labels)));
        return 0;
    }
}
