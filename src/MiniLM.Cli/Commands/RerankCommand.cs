using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Ranking;

namespace MiniLM.Cli.Commands;

/// <summary>Scores the documents of a run, pairs of a file, or lists of candidates.</summary>
internal sealed class RerankCommand : CliCommand
{
    private static readonly string[] SanityScorers = ["random", "constant", "shuffle"]; // as SanityScorer counts them

    private static readonly string[] OfModels = ["--device", "--precision", "--threads", "--batch-tokens", "--max-length", "--quotes", "--fix-text"];

    private readonly Option<string?> _queries = new("--queries") { Description = "id TAB text, or queries.jsonl (_id, text)", HelpName = "FILE" };
    private readonly Option<string?> _corpus = new("--corpus") { Description = "corpus.jsonl (_id, title, text), or id TAB text", HelpName = "FILE" };
    private readonly Option<string?> _run = new("--run")
    {
        Description = "run whose documents are ranked anew: TREC, or MS MARCO's query, document, rank",
        HelpName = "FILE",
    };

    private readonly Option<string?> _pairs = new("--pairs")
    {
        Description = "pairs to score instead: .jsonl, .tsv or .csv; - is standard input",
        HelpName = "FILE",
    };
    private readonly Option<string?> _lists = new("--lists")
    {
        Description = "lists to score instead: {\"query\":...,\"pos\":[...],\"neg\":[...]} lines; a score a document, positives first",
        HelpName = "FILE",
    };
    private readonly Option<int?> _depth = NumberOption.Create("--depth", "documents a query that are ranked, the run's best; the others are left out (all)");
    private readonly Option<int?> _topK = NumberOption.Create("--top-k", "documents a query kept, after all are ranked (all)");
    private readonly Option<string?> _score = NamedOption.Create(
        "--score", "the logit, its sigmoid, the model's own, or by 'minilm calibrate' (raw for --run, model for others)",
        "default", "model", "raw", "sigmoid", "calibrated");
    private readonly Option<string?> _scorer = NamedOption.Create(
        "--scorer", "who scores a run; without a model, to compare with: random numbers, all 0, the run's own scores shuffled (model)",
        ["model", .. SanityScorers]);
    private readonly Option<int?> _seed = NumberOption.Create("--seed", "of random and shuffle (1)", least: 0);
    private readonly Option<string?> _tag = TagOption.Create();
    private readonly InputOptions _input;
    private readonly OutputOptions _output;
    private readonly ModelOptions _model;

    internal RerankCommand() : base("rerank", "Ranks the documents of a run anew, or scores pairs, with a cross-encoder or by a bi-encoder's similarity.")
    {
        Options.Add(_queries);
        Options.Add(_corpus);
        Options.Add(_run);
        _input = new InputOptions(this, hasColumn: false, hasColumns: true, _pairs);
        Options.Add(_lists);
        _output = new OutputOptions(this, "TREC run, or scores as .jsonl; absent: standard output");
        foreach (Option option in new Option[] { _depth, _topK, _score, _scorer, _seed, _tag }) { Options.Add(option); }
        _model = new ModelOptions(this, hasEmbeddings: true, hasSimilarity: true);
    }

    internal override string[] Examples =>
    [
        "minilm rerank --model M --queries q.tsv --corpus corpus.jsonl --run in.run --depth 100 --output out.run",
        "minilm rerank --model M --pairs pairs.jsonl --columns a,b --output scores.jsonl",
        "minilm rerank --model M --lists lists.jsonl --output scores.jsonl",
        "minilm rerank --scorer shuffle --seed 1 --run in.run --output shuffled.run",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        string? run = parse.GetValue(_run);
        Check(parse);
        string?[] inputs = [run, parse.GetValue(_queries), parse.GetValue(_corpus), parse.GetValue(_lists), _input.Path(parse)];
        InputFiles.CheckStandardInput(Sanity(parse) is null ? inputs : [run]);
        _output.Check(parse, inputs);
        if (run is null) { ScoreRows(parse, session); }
        else if (Sanity(parse) is { } scorer) { RankRun(run, scorer, parse, session); }
        else { RankRun(run, parse, session); }
        return 0;
    }

    /// <summary>What goes with what.</summary>
    private void Check(ParseResult parse)
    {
        bool isRun = parse.GetValue(_run) is not null, isPairs = _input.Path(parse) is not null, isLists = parse.GetValue(_lists) is not null;
        if (new[] { isRun, isPairs, isLists }.Count(isGiven => isGiven) != 1)
        {
            throw new UsageException("give --run (with --queries and --corpus), --pairs (with --columns) or --lists");
        }
        if (isRun && Sanity(parse) is null && (parse.GetValue(_queries) is null || parse.GetValue(_corpus) is null))
        {
            throw new UsageException("--run needs --queries and --corpus");
        }
        if (!isRun && (parse.GetValue(_queries) ?? parse.GetValue(_corpus)) is not null)
        {
            throw new UsageException($"--queries and --corpus go with --run, not with {(isPairs ? "--pairs" : "--lists")}");
        }
        Option[] ofRuns = [_depth, _topK, _scorer, _seed, _tag];
        if (!isRun && Given(parse, ofRuns.Select(option => option.Name)) is { } ofRun)
        {
            throw new UsageException($"{ofRun.Name} goes with --run, not with {(isPairs ? "--pairs" : "--lists")}");
        }
        string[] ofRows = isPairs ? [] : ["--columns", "--no-header", "--format", "--delimiter", isRun ? "--flush" : "--quotes"];
        if (Given(parse, ofRows) is { } ofPairs)
        {
            throw new UsageException($"{ofPairs.Name} goes with --pairs, not with {(isRun ? "--run" : "--lists")}");
        }
        if (Sanity(parse) is { } scorer && parse.GetValue(_score) is not null)
        {
            throw new UsageException($"--score is of a model: --scorer {SanityScorers[(int)scorer]} has none");
        }
        if (parse.GetValue(_seed) is not null && Sanity(parse) is not (SanityScorer.Random or SanityScorer.Shuffle))
        {
            throw new UsageException("--seed goes with --scorer random or shuffle");
        }
    }

    /// <summary>The scorer that is no model; null: it is one.</summary>
    private SanityScorer? Sanity(ParseResult parse) =>
        parse.GetValue(_scorer) is { } name && Array.IndexOf(SanityScorers, name) is >= 0 and int scorer ? (SanityScorer)scorer : null;

    private void ScoreRows(ParseResult parse, Session session)
    {
        using RowReader reader = parse.GetValue(_lists) is { } lists
            ? new CandidateListPairs(lists, _input.Format(parse, []), session.OpenInput, session.Cancellation)
            : RowReader.Open(_input.Path(parse)!, _input.Format(parse, _input.Pair(parse)), session.OpenInput, session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using PairScorer scorer = OpenScorer(parse, device, session, hasLists: parse.GetValue(_lists) is null);
        Func<float, float> score = Score(parse, scorer, "model");
        using RowOutput output = Open(parse, session, identity => AddModel(identity, parse, device, scorer));
        LogitScorer? ofLabels = scorer is LogitScorer { Labels: > 2 } several ? several : null;
        float[] scores = new float[ofLabels?.Labels ?? 0];
        ScoreKind kind = Kind(parse, "model");
        RowWindows.Run(reader, 2, _input.Pace(parse), output, session, "rerank", (window, first) =>
        {
            EncodingStatistics statistics = scorer.Compute(window, session.Cancellation);
            for (int i = 0; i < window.Count / 2; i++)
            {
                if (ofLabels is null)
                {
                    output.Text.WriteScore(first + i, score(scorer.Raw(i)), scorer.Logits(i));
                    continue;
                }
                ofLabels.Scores(i, kind, scores);
                output.Text.WriteScores(first + i, scores, ofLabels.Logits(i));
            }
            return statistics;
        });
        Finish(output, session);
    }

    private void RankRun(string run, ParseResult parse, Session session)
    {
        using RunTexts texts = RunTexts.Read(run, parse.GetValue(_queries)!, parse.GetValue(_corpus)!, Depth(parse), _input.Quotes(parse),
            session.OpenInput, _input.Repair(parse), session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using PairScorer scorer = OpenScorer(parse, device, session);
        Func<float, float> score = Score(parse, scorer, "raw");
        using RowOutput output = Open(parse, session, identity => AddModel(identity, parse, device, scorer));
        Rank(Embed(texts, scorer, session), score, parse, output, session);
    }

    // A bi-encoder has done nearly all when the first query is ranked.
    private static RunReranking Embed(RunTexts texts, PairScorer scorer, Session session)
    {
        long done = 0;
        using Progress progress = new(session, "rerank", 0, "texts", () => (double)done / (texts.Queries.Length + texts.Run.Documents.Count));
        return RunReranking.Of(texts, scorer, ranking => progress.Report(done = ranking.Embedded.Inputs, ranking.Embedded.Tokens), session.Cancellation);
    }

    private void RankRun(string run, SanityScorer scorer, ParseResult parse, Session session)
    {
        string[] idle = [.. OfModels.Concat(_model.OfEmbeddings).Where(name => Given(parse, name) is not null)];
        if (idle.Length > 0) { session.Say($"{string.Join(", ", idle)}: without effect: --scorer {SanityScorers[(int)scorer]} reads no texts"); }
        TrecRun lines = TrecRun.Read(run, session.OpenInput, session.Cancellation).Top(Depth(parse));
        using RowOutput output = Open(parse, session, identity => identity.Add("version", VersionText.Version));
        Rank(new SanityReranking(lines, scorer, (ulong)(parse.GetValue(_seed) ?? 1)), raw => raw, parse, output, session);
    }

    private void Rank(RunReranking reranking, Func<float, float> score, ParseResult parse, RowOutput output, Session session)
    {
        RerankedRun.Write(reranking, score, parse.GetValue(_topK) ?? int.MaxValue, TagOption.Value(parse, _tag), output, session);
        Finish(output, session);
    }

    private static void Finish(RowOutput output, Session session)
    {
        output.Finish([]);
        session.SayTruncated(output.Truncated, output.Inputs);
        if (output.Ties > 0) { session.Say($"equal scores: {output.Ties} (the earlier document first)"); }
    }

    private int Depth(ParseResult parse) => parse.GetValue(_depth) ?? int.MaxValue;

    private PairScorer OpenScorer(ParseResult parse, Device device, Session session, bool hasLists = false)
    {
        PairScorer scorer = PairScorer.Open(_model.ResolveModel(parse), device, _model.Precision(parse), _model.Embedding(parse),
            _model.Similarity(parse), hasLists, session.Cancellation);
        ModelOptions.SayNotes(scorer.Folder, session);
        return scorer;
    }

    /// <summary>What is shown of a raw score.</summary>
    private Func<float, float> Score(ParseResult parse, PairScorer scorer, string absent)
    {
        EmbeddingScorer? embeddings = scorer as EmbeddingScorer;
        if (embeddings is not null) { _model.Check(parse, embeddings.Encoder); }
        else
        {
            _model.CheckLength(parse, scorer.Folder, scorer.Tokenizer, pair: true);
            if (Given(parse, _model.OfEmbeddings) is { } option) { throw new UsageException($"{option.Name}: a cross-encoder has no embeddings"); }
        }
        string name = ScoreName(parse, absent);
        if (name == "sigmoid" && embeddings is not null)
        {
            throw new NotSupportedException($"{scorer.Folder.Path}: a bi-encoder: its score is a similarity, which has no sigmoid. Use --score raw.");
        }
        if (name == "calibrated")
        {
            if (scorer is LogitScorer { Labels: > 2 })
            {
                throw new NotSupportedException($"{scorer.Folder.Path}: a calibration is of one score, a pair has one a label here. Use --score model or raw.");
            }
            Calibration calibration = CalibrationFile.Read(scorer.Folder);
            return raw => (float)calibration.Apply(raw);
        }
        ScoreKind kind = Kind(parse, absent);
        return raw => scorer.Score(raw, kind);
    }

    private string ScoreName(ParseResult parse, string absent) => parse.GetValue(_score) is { } given && given != "default" ? given : absent;

    private ScoreKind Kind(ParseResult parse, string absent) =>
        ScoreName(parse, absent) switch { "raw" => ScoreKind.Raw, "sigmoid" => ScoreKind.Sigmoid, _ => ScoreKind.Model };

    private RowOutput Open(ParseResult parse, Session session, Action<RunIdentity> addScorer)
    {
        if (_output.Path(parse) is not { } path) { return new StandardRows(session.Output); }
        RunIdentity identity = new(session.Cancellation);
        identity.Add("command", "rerank");
        foreach ((string name, Option<string?> file) in new[] { ("run", _run), ("queries", _queries), ("corpus", _corpus), ("lists", _lists) })
        {
            if (parse.GetValue(file) is { } input) { identity.AddFile(name, input); }
        }
        _input.AddTo(identity, parse);
        addScorer(identity);
        identity.Add("scorer", parse.GetValue(_scorer));
        identity.Add("seed", parse.GetValue(_seed));
        identity.Add("depth", parse.GetValue(_depth));
        identity.Add("top_k", parse.GetValue(_topK));
        identity.Add("score", parse.GetValue(_score));
        identity.Add("tag", parse.GetValue(_tag));
        return ResumableFile.Open(path, _output.Resume(parse), _output.Overwrite(parse), identity, [], session);
    }

    private void AddModel(RunIdentity identity, ParseResult parse, Device device, PairScorer scorer)
    {
        _model.AddTo(identity, parse, device, scorer.Folder);
        if (parse.GetValue(_score) == "calibrated") { identity.AddFile("calibration", CalibrationFile.PathIn(scorer.Folder)); }
    }
}
