using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Ranking;

namespace MiniLM.Cli.Commands;

/// <summary>Scores the documents of a run, or pairs of a file.</summary>
internal sealed class RerankCommand : CliCommand
{
    private readonly Option<string?> _queries = new("--queries") { Description = "id TAB text, or queries.jsonl (_id, text)", HelpName = "FILE" };
    private readonly Option<string?> _corpus = new("--corpus") { Description = "corpus.jsonl (_id, title, text), or id TAB text", HelpName = "FILE" };
    private readonly Option<string?> _run = new("--run") { Description = "TREC run whose documents are ranked anew", HelpName = "FILE" };
    private readonly Option<string?> _pairs = new("--pairs")
    {
        Description = "pairs to score instead: .jsonl, .tsv or .csv; - is standard input",
        HelpName = "FILE",
    };
    private readonly Option<int?> _topK = NumberOption.Create("--top-k", "documents a query kept, after all are ranked (all)");
    private readonly Option<string?> _score =
        NamedOption.Create("--score", "the logit, its sigmoid, or the model's own (raw for --run, model for --pairs)", "default", "model", "raw", "sigmoid");
    private readonly InputOptions _input;
    private readonly OutputOptions _output;
    private readonly ModelOptions _model;

    internal RerankCommand() : base("rerank", "Ranks the documents of a run anew, or scores pairs, with a cross-encoder or by the cosine of a bi-encoder.")
    {
        Options.Add(_queries);
        Options.Add(_corpus);
        Options.Add(_run);
        _input = new InputOptions(this, hasColumn: false, hasColumns: true, _pairs);
        _output = new OutputOptions(this, "TREC run, or scores as .jsonl; absent: standard output");
        Options.Add(_topK);
        Options.Add(_score);
        _model = new ModelOptions(this, hasPrompt: true);
    }

    internal override string[] Examples =>
    [
        "minilm rerank --model M --queries q.tsv --corpus corpus.jsonl --run in.run --output out.run",
        "minilm rerank --model M --pairs pairs.jsonl --columns a,b --output scores.jsonl",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        string? run = parse.GetValue(_run), pairs = _input.Path(parse), path = _output.Path(parse);
        if (run is null == pairs is null) { throw new UsageException("give --run (with --queries and --corpus) or --pairs (with --columns)"); }
        if (run is not null && (parse.GetValue(_queries) is null || parse.GetValue(_corpus) is null))
        {
            throw new UsageException("--run needs --queries and --corpus");
        }
        if (pairs is not null && (parse.GetValue(_queries) ?? parse.GetValue(_corpus)) is not null)
        {
            throw new UsageException("--queries and --corpus go with --run, not with --pairs");
        }
        if (pairs is not null && parse.GetValue(_topK) is not null) { throw new UsageException("--top-k goes with --run, not with --pairs"); }
        string[] columns = pairs is null ? [] : _input.Pair(parse);
        _output.Check(parse);
        using RowReader? reader = pairs is null ? null : RowReader.Open(pairs, _input.Format(parse, columns), session.OpenInput);
        RunTexts? texts = run is null ? null
            : RunTexts.Read(run, parse.GetValue(_queries)!, parse.GetValue(_corpus)!, _input.Quotes(parse), session.OpenInput, _input.Repair(parse),
                session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using PairScorer scorer = PairScorer.Open(
            _model.ResolveModel(parse), device, _model.Precision(parse), _model.Embedding(parse), session.Cancellation);
        ScoreKind kind = Kind(parse, scorer, isRun: run is not null);
        using RowOutput output = path is null ? new StandardRows(session.Output) : Open(path, device, scorer, parse, session);
        if (texts is not null) { RerankRun(texts, scorer, parse.GetValue(_topK) ?? int.MaxValue, kind, output, session); }
        else
        {
            RowWindows.Run(reader!, 2, _input.Pace(parse), output, session, "rerank", (window, first) =>
            {
                EncodingStatistics statistics = scorer.Compute(window, session.Cancellation);
                for (int i = 0; i < window.Count / 2; i++) { output.Text.WriteScore(first + i, scorer.Score(scorer.Raw(i), kind), scorer.Logits(i)); }
                return statistics;
            });
        }
        output.Finish([]);
        session.SayTruncated(output.Truncated, output.Inputs);
        if (output.Ties > 0) { session.Say($"equal scores: {output.Ties} (the earlier document first)"); }
        return 0;
    }

    /// <summary>Ranks and writes query by query; those that the output has are passed over.</summary>
    private static void RerankRun(RunTexts texts, PairScorer scorer, int topK, ScoreKind kind, RowOutput output, Session session)
    {
        using Progress progress = new(session, "rerank", output.Rows);
        RunReranking reranking = new(texts, scorer, session.Cancellation);
        if (output.Rows == 0) { Count(reranking.Embedded); }
        WindowPace pace = new();
        for (int first = (int)output.Rows, end; first < texts.Queries.Length; first = end)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            for (end = first; end < texts.Queries.Length && !pace.IsFull; end++)
            {
                foreach (TrecRun.Line line in texts.Run.Lines[end]) { pace.Add(texts.Queries[end], texts.Documents[line.Document]); }
            }
            pace.Start();
            RankedDocument[][] ranked = reranking.Rank(first, end, kind, out EncodingStatistics statistics, session.Cancellation);
            Count(statistics);
            for (int query = first; query < end; query++) { WriteQuery(texts.Run, query, ranked[query - first], topK, output); }
            pace.Stop();
            output.Rows += end - first;
            output.Checkpoint();
            progress.Report(output.Rows);
        }

        void Count(EncodingStatistics read) => (output.Inputs, output.Truncated) = (output.Inputs + read.Inputs, output.Truncated + read.Truncated);
    }

    private static void WriteQuery(TrecRun run, int query, RankedDocument[] ranked, int topK, RowOutput output)
    {
        output.Ties += ranked.Zip(ranked.Skip(1)).Count(pair => pair.First.Logit == pair.Second.Logit);
        for (int rank = 0; rank < Math.Min(ranked.Length, topK); rank++)
        {
            string document = run.Documents[run.Lines[query][ranked[rank].Index].Document];
            output.Text.WriteRunLine(run.Queries[query], document, rank + 1, ranked[rank].Score);
        }
    }

    private ScoreKind Kind(ParseResult parse, PairScorer scorer, bool isRun)
    {
        CosineScorer? cosine = scorer as CosineScorer;
        if (cosine is not null) { _model.Check(parse, cosine.Encoder); }
        else
        {
            _model.CheckLength(parse, scorer.Folder, scorer.Tokenizer, pair: true);
            if (_model.PromptName(parse) is not null) { throw new UsageException("--prompt-name: a cross-encoder has no prompts"); }
        }
        string name = parse.GetValue(_score) is { } given && given != "default" ? given : isRun ? "raw" : "model";
        if (name == "sigmoid" && cosine is not null)
        {
            throw new NotSupportedException($"{scorer.Folder.Path}: a bi-encoder: its score is the cosine, which has no sigmoid. Use --score raw.");
        }
        return name switch { "raw" => ScoreKind.Raw, "sigmoid" => ScoreKind.Sigmoid, _ => ScoreKind.Model };
    }

    private ResumableFile Open(string path, Device device, PairScorer scorer, ParseResult parse, Session session)
    {
        RunIdentity identity = new(session.Cancellation);
        identity.Add("command", "rerank");
        if (parse.GetValue(_run) is { } run)
        {
            identity.AddFile("run", run);
            identity.AddFile("queries", parse.GetValue(_queries)!);
            identity.AddFile("corpus", parse.GetValue(_corpus)!);
        }
        _input.AddTo(identity, parse);
        _model.AddTo(identity, parse, device, scorer.Folder);
        identity.Add("top_k", parse.GetValue(_topK));
        identity.Add("score", parse.GetValue(_score));
        return ResumableFile.Open(path, _output.Resume(parse), _output.Overwrite(parse), identity, [], session);
    }
}
