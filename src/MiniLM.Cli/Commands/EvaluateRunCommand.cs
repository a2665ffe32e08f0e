using System.CommandLine;
using System.Text;
using MiniLM.Cli.Evaluate;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Commands;

/// <summary>Rankings against relevance judgements, by trec_eval's rules.</summary>
internal sealed class EvaluateRunCommand : CliCommand
{
    private const string TrecEval = "trec_eval", UsualMeasures = "nDCG@10,AP,RR@10,R@100", MeasuresOfTrecEval = "official";

    private readonly Option<string> _qrels = new("--qrels") { Description = "judgements: TREC's lines, or BEIR's table", HelpName = "FILE", Required = true };
    private readonly Option<string[]> _run = new("--run")
    {
        Description = "TREC run, or MS MARCO's query, document, rank; more of them are compared with the first",
        HelpName = "FILE",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _measures = new("--measures")
    {
        Description = $"as trec_eval or ir_measures spell them: {UsualMeasures},ndcg_cut.5,10,P(rel=2)@5,all_trec",
        HelpName = "LIST",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int?> _level = NumberOption.Create("--level", "lowest grade of a relevant document (1)");
    private readonly Option<bool> _allQueries = new("--all-queries", "-c") { Description = "average over all judged queries, those without a line too" };
    private readonly Option<bool> _judgedOnly = new("--judged-only") { Description = "leave out documents that are not judged, before all" };
    private readonly Option<bool> _perQuery = new("--per-query", "-q") { Description = "also the values of each query" };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };
    private readonly Option<string?> _format = NamedOption.Create("--format", "lines as trec_eval prints them", TrecEval);
    private readonly Option<string?> _markdown = new("--markdown") { Description = "the tables as Markdown", HelpName = "FILE" };
    private readonly Option<string?> _html = new("--html") { Description = "a page with charts, in one file", HelpName = "FILE" };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what --markdown and --html name" };

    internal EvaluateRunCommand() : base("run", "Measures runs against relevance judgements, by trec_eval's rules, and compares them.")
    {
        _level.Aliases.Add("-l");
        foreach (Option option in new Option[]
            { _qrels, _run, _measures, _level, _allQueries, _judgedOnly, _perQuery, _json, _format, _markdown, _html, _overwrite })
        {
            Options.Add(option);
        }
    }

    internal override string[] Examples =>
    [
        "minilm evaluate run --qrels qrels.txt --run a.run --measures nDCG@10,AP,RR@10,R@100",
        "minilm evaluate run --qrels qrels.txt --run a.run --run b.run --html report.html",
        "minilm evaluate run --qrels qrels.txt --run a.run --format trec_eval --measures all_trec -q",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        string qrels = parse.GetValue(_qrels)!;
        string[] runs = parse.GetValue(_run)!;
        bool isTrecEval = parse.GetValue(_format) is not null, perQuery = parse.GetValue(_perQuery);
        if (isTrecEval && parse.GetValue(_json)) { throw new UsageException("--json and --format: give one of them"); }
        CheckFiles(parse, [qrels, .. runs]);
        Measure[] measures = Measures(parse, isTrecEval);
        RankingOptions options = new()
        {
            Level = parse.GetValue(_level) ?? 1,
            AllQueries = parse.GetValue(_allQueries),
            JudgedOnly = parse.GetValue(_judgedOnly),
        };
        RunReport report = RunReport.Of(qrels, runs, measures, options, session);
        if (parse.GetValue(_json)) { JsonLine.Write(session.OutputText, json => RunReportJson.Write(json, report, perQuery)); }
        else if (isTrecEval)
        {
            foreach (EvaluatedRun run in report.Runs)
            {
                TrecEvalFormat.Write(session.OutputText, run.Evaluation, report.Qrels, run.Run.Tag, perQuery, options.AllQueries);
            }
        }
        else { WriteTables(session.OutputText, report, perQuery, isMarkdown: false); }
        if (parse.GetValue(_markdown) is { } markdown)
        {
            using StringWriter text = new() { NewLine = "\n" };
            WriteTables(text, report, perQuery, isMarkdown: true);
            WriteFile(markdown, text.ToString(), parse, session);
        }
        if (parse.GetValue(_html) is { } html) { WriteFile(html, RunReportPage.Make(report, qrels, options, session.Cancellation), parse, session); }
        return 0;
    }

    private void CheckFiles(ParseResult parse, string[] inputs)
    {
        InputFiles.CheckStandardInput(inputs);
        string[] outputs = [.. new[] { parse.GetValue(_markdown), parse.GetValue(_html) }.OfType<string>()];
        if (parse.GetValue(_overwrite) && outputs.Length == 0) { throw new UsageException("--overwrite goes with --markdown or --html"); }
        foreach (string output in outputs)
        {
            OutputTarget.CheckInputs(output, inputs);
            if (outputs.Count(file => FileStatus.IsSame(file, output)) > 1)
            {
                throw new UsageException($"{output}: is named twice. Give every output a file of its own");
            }
            OutputTarget.Check(output, parse.GetValue(_overwrite));
        }
    }

    private Measure[] Measures(ParseResult parse, bool isTrecEval)
    {
        try { return MeasureNames.Parse(parse.GetValue(_measures) is { Length: > 0 } given ? given : [isTrecEval ? MeasuresOfTrecEval : UsualMeasures]); }
        catch (ArgumentException error) { throw new UsageException($"--measures: {error.Message}"); }
    }

    private static void WriteTables(TextWriter output, RunReport report, bool perQuery, bool isMarkdown)
    {
        bool isFirst = true;
        foreach ((string title, TextTable table) in RunReportTables.Of(report, perQuery))
        {
            if (!isFirst) { output.WriteLine(); }
            isFirst = false;
            output.WriteLine(isMarkdown ? $"## {title}\n" : title);
            if (isMarkdown) { table.WriteMarkdown(output); } else { table.Write(output); }
        }
    }

    private void WriteFile(string path, string text, ParseResult parse, Session session)
    {
        PartialFile.WriteWhole(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)), parse.GetValue(_overwrite), session.Cancellation);
        session.Say($"{path}: written");
    }
}
