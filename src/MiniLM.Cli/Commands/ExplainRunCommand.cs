using System.CommandLine;
using System.Text;
using MiniLM.Cli.Evaluate;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Model;

namespace MiniLM.Cli.Commands;

/// <summary>Where a run lost its answers.</summary>
internal sealed class ExplainRunCommand : CliCommand
{
    private readonly Option<string> _qrels = new("--qrels") { Description = "judgements: TREC's lines, or BEIR's table", HelpName = "FILE", Required = true };
    private readonly Option<string> _first = new("--first")
    {
        Description = "run of the first stage: TREC, or MS MARCO's query, document, rank",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _run = new("--run") { Description = "what a reranker made of it; absent: the first stage itself", HelpName = "FILE" };
    private readonly Option<string> _corpus = new("--corpus")
    {
        Description = "corpus.jsonl (_id, title, text), or id TAB text",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _queries = new("--queries") { Description = "id TAB text, or queries.jsonl (_id, text), to show them", HelpName = "FILE" };
    private readonly Option<string?> _model = new("--model") { Description = "whose limit is looked at; absent: none", HelpName = "M" };
    private readonly Option<int?> _depth = NumberOption.Create("--depth", "ranks within which an answer is not lost (10)");
    private readonly Option<int?> _level = NumberOption.Create("--level", "lowest grade of a relevant document (1)");
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };
    private readonly Option<string?> _html = new("--html") { Description = "a page of all cases, in one file", HelpName = "FILE" };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what --html names" };

    internal ExplainRunCommand() : base("explain-run",
        "Says of each query without a relevant document on top where it was lost: corpus, ties, model's limit, reranker, first stage.")
    {
        _level.Aliases.Add("-l");
        foreach (Option option in new Option[] { _qrels, _first, _run, _corpus, _queries, _model, _depth, _level, _json, _html, _overwrite })
        {
            Options.Add(option);
        }
    }

    internal override string[] Examples =>
    [
        "minilm explain-run --qrels qrels.txt --first bm25.run --corpus corpus.jsonl --queries q.tsv",
        "minilm explain-run --qrels qrels.txt --first bm25.run --run reranked.run --corpus corpus.jsonl --queries q.tsv --model M --html lost.html",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        CheckFiles(parse);
        RunExplanation explanation = Explain(parse, session);
        if (parse.GetValue(_json)) { JsonLine.Write(session.OutputText, json => ExplanationJson.Write(json, explanation)); }
        else { ExplanationText.Write(session.OutputText, explanation); }
        if (parse.GetValue(_html) is not { } html) { return 0; }
        string page = HtmlPage.Make("explanation.html", JsonLine.Text(json => ExplanationJson.Write(json, explanation)));
        PartialFile.WriteWhole(html, stream => stream.Write(Encoding.UTF8.GetBytes(page)), parse.GetValue(_overwrite), session.Cancellation);
        session.Say($"{html}: written");
        return 0;
    }

    private void CheckFiles(ParseResult parse)
    {
        string?[] given = [parse.GetValue(_qrels), parse.GetValue(_first), parse.GetValue(_run), parse.GetValue(_corpus), parse.GetValue(_queries)];
        string[] inputs = [.. given.OfType<string>()];
        InputFiles.CheckStandardInput(inputs);
        if (parse.GetValue(_html) is not { } html)
        {
            if (parse.GetValue(_overwrite)) { throw new UsageException("--overwrite goes with --html"); }
            return;
        }
        OutputTarget.CheckInputs(html, inputs);
        OutputTarget.Check(html, parse.GetValue(_overwrite));
    }

    private RunExplanation Explain(ParseResult parse, Session session)
    {
        Qrels qrels = Qrels.Read(parse.GetValue(_qrels)!, session.OpenInput, session.Cancellation);
        TrecRun first = TrecRun.Read(parse.GetValue(_first)!, session.OpenInput, session.Cancellation);
        TrecRun? run = parse.GetValue(_run) is { } path ? TrecRun.Read(path, session.OpenInput, session.Cancellation) : null;
        InputLimit? limit = null;
        if (parse.GetValue(_model) is { } model)
        {
            using ModelFolder folder = ModelFolder.Open(ModelFolder.Resolve(model));
            limit = new InputLimit(folder);
        }
        using TextCollection corpus = TextCollection.Open(parse.GetValue(_corpus)!, openStandardInput: session.OpenInput, cancellation: session.Cancellation);
        using TextCollection? queries = parse.GetValue(_queries) is { } file
            ? TextCollection.Open(file, openStandardInput: session.OpenInput, cancellation: session.Cancellation)
            : null;
        return RunExplanation.Of(qrels, first, run, parse.GetValue(_depth) ?? 10, corpus, queries, limit, parse.GetValue(_level) ?? 1, session.Cancellation);
    }
}
