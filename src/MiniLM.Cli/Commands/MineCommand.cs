using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Mining;
using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Cli.Commands;

/// <summary>Hard negatives to train with: documents near a query that are not among its positives.</summary>
internal sealed class MineCommand : CliCommand
{
    private static readonly string[] Formats = ["triplet", "n-tuple", "labeled-pair", "labeled-list"]; // as MiningFormat counts them

    private readonly Option<string?> _queries = new("--queries") { Description = "id TAB text, or queries.jsonl (_id, text)", HelpName = "FILE" };
    private readonly Option<string?> _corpus = new("--corpus")
    {
        Description = "candidates: corpus.jsonl (_id, title, text), or id TAB text",
        HelpName = "FILE",
    };

    private readonly Option<string?> _qrels = new("--qrels") { Description = "judgements (TREC, BEIR): grades above 0 are positives", HelpName = "FILE" };
    private readonly Option<string?> _pairs = new("--input")
    {
        Description = "queries and positives instead, in two --columns: .jsonl, .tsv or .csv; - is standard input",
        HelpName = "FILE",
    };

    private readonly Option<int?> _numNegatives = NumberOption.Create("--num-negatives", "negatives a query (3)");
    private readonly Option<int?> _rangeMin = NumberOption.Create("--range-min", "ranks left out at the top, which may be positives nobody judged (0)", 0);
    private readonly Option<int?> _rangeMax = NumberOption.Create("--range-max", "ranks that are looked at (as many as the other options need)");
    private readonly Option<float?> _maxScore = NumberOption.CreateReal("--max-score", "highest score of a negative");
    private readonly Option<float?> _minScore = NumberOption.CreateReal("--min-score", "lowest score of a negative");
    private readonly Option<float?> _absoluteMargin = NumberOption.CreateReal("--absolute-margin", "how far a negative is below the query's lowest positive");
    private readonly Option<float?> _relativeMargin = NumberOption.CreateReal("--relative-margin", "the same as a share of that positive's score");
    private readonly Option<string?> _sampling = NamedOption.Create("--sampling-strategy", "the best candidates, or any in the range (top)", "top", "random");
    private readonly Option<int?> _seed = NumberOption.Create("--seed", "of --sampling-strategy random (0)", 0);
    private readonly Option<bool> _includePositives = new("--include-positives") { Description = "positives stay candidates: rankings to evaluate by" };
    private readonly Option<string?> _judge = new("--judge") { Description = "model that scores candidates again for margins and limits", HelpName = "CROSS" };
    private readonly Option<string?> _outputFormat = NamedOption.Create("--output-format", "what a row holds (triplet)", Formats);
    private readonly Option<bool> _json = new("--json") { Description = "statistics as one JSON object on standard output" };
    private readonly Option<string?> _queryPrompt = new("--query-prompt-name") { Description = "prompt of the queries (query, if there)", HelpName = "NAME" };
    private readonly Option<string?> _corpusPrompt = new("--corpus-prompt-name")
    {
        Description = "prompt of the documents (document, passage or corpus, if there)",
        HelpName = "NAME",
    };

    private readonly InputOptions _input;
    private readonly OutputOptions _output;
    private readonly ModelOptions _model;

    internal MineCommand() : base("mine", "Mines hard negatives for training, as mine_hard_negatives of sentence-transformers does.")
    {
        foreach (Option option in new Option[] { _queries, _corpus, _qrels }) { Options.Add(option); }
        _input = new InputOptions(this, hasColumn: false, hasColumns: true, _pairs, hasFlush: false);
        _output = new OutputOptions(this, "rows as .jsonl; absent: standard output", canResume: false);
        foreach (Option option in new Option[]
            { _numNegatives, _rangeMin, _rangeMax, _maxScore, _minScore, _absoluteMargin, _relativeMargin, _sampling, _seed, _includePositives, _judge,
            _outputFormat, _json, _queryPrompt, _corpusPrompt })
        {
            Options.Add(option);
        }
        _model = new ModelOptions(this);
    }

    internal override string[] Examples =>
    [
        "minilm mine --model M --queries q.tsv --corpus corpus.jsonl --qrels QRELS --num-negatives 5 --range-max 20 --output triplets.jsonl",
        "minilm mine --model M --input pairs.jsonl --columns a,b --relative-margin 0.05 --judge CROSS --output triplets.jsonl",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        MiningOptions options = Mining(parse);
        MiningFormat format = Format(parse);
        string? path = _output.Path(parse);
        if (parse.GetValue(_json) && path is null) { throw new UsageException("--json prints the statistics where the rows would be: give --output FILE"); }
        _output.Check(parse, _input.Path(parse), parse.GetValue(_queries), parse.GetValue(_corpus), parse.GetValue(_qrels));
        using RowOutput output = path is null ? new StandardRows(session.Output) : new WholeFile(path, _output.Overwrite(parse));
        MiningTexts texts = Texts(parse, session);
        using Device device = _model.OpenDevice(parse, session);
        using BiEncoder encoder = _model.OpenEncoder(parse, device, session);
        EmbedOptions embedding = _model.Embedding(parse);
        EmbedOptions queries = embedding with { PromptName = Prompt(parse, _queryPrompt, encoder.Folder, "query") };
        EmbedOptions documents = embedding with { PromptName = Prompt(parse, _corpusPrompt, encoder.Folder, "document", "passage", "corpus") };
        using PairScorer? judge = parse.GetValue(_judge) is not { } name ? null : PairScorer.Open(
            ModelFolder.Resolve(name), device, _model.Precision(parse), embedding with { MaxLength = null }, cancellation: session.Cancellation);
        if (judge is not null) { ModelOptions.SayNotes(judge.Folder, session); }
        if (judge is not null && !options.HasLimit) { session.Say("--judge: not asked: without a margin, --max-score or --min-score no score decides"); }
        TextMining mining = new(texts, encoder, device, session.Cancellation);
        MiningStatistics statistics = new(format, options.NumNegatives);
        HardNegatives negatives;
        using (Progress progress = new(session, "embed", 0, "texts")) { negatives = mining.Search(options, queries, documents, judge, progress.Report); }
        using (Progress progress = new(session, "mine", 0, "queries"))
        {
            foreach (MinedQuery query in negatives.Mine(session.Cancellation))
            {
                foreach (MinedRow row in statistics.Add(query)) { output.Text.WriteMined(row, format, texts); }
                progress.Report(statistics.Queries);
            }
        }
        output.Finish([]);
        session.SayTruncated(mining.Total.Truncated, mining.Total.Inputs);
        MiningReport report = new(options, texts, negatives, statistics);
        if (parse.GetValue(_json)) { JsonLine.Write(session.OutputText, report.WriteJson); }
        else if (!session.Quiet) { report.WriteTable(session.Error); }
        return 0;
    }

    private MiningOptions Mining(ParseResult parse)
    {
        MiningOptions options = new()
        {
            NumNegatives = parse.GetValue(_numNegatives) ?? new MiningOptions().NumNegatives,
            RangeMin = parse.GetValue(_rangeMin) ?? 0,
            RangeMax = parse.GetValue(_rangeMax),
            MaxScore = parse.GetValue(_maxScore),
            MinScore = parse.GetValue(_minScore),
            AbsoluteMargin = parse.GetValue(_absoluteMargin),
            RelativeMargin = parse.GetValue(_relativeMargin),
            Sampling = parse.GetValue(_sampling) == "random" ? SamplingStrategy.Random : SamplingStrategy.Top,
            Seed = (ulong)(parse.GetValue(_seed) ?? 0),
            IncludePositives = parse.GetValue(_includePositives),
        };
        if (parse.GetValue(_seed) is not null && options.Sampling != SamplingStrategy.Random)
        {
            throw new UsageException("--seed goes with --sampling-strategy random");
        }
        try { options.Check(); }
        catch (ArgumentException error) { throw new UsageException(error.Message); }
        return options;
    }

    private MiningFormat Format(ParseResult parse)
    {
        bool isRanking = parse.GetValue(_includePositives);
        if (parse.GetValue(_outputFormat) is not { } name) { return isRanking ? MiningFormat.NTuple : MiningFormat.Triplet; }
        MiningFormat format = (MiningFormat)Array.IndexOf(Formats, name);
        return !isRanking || format == MiningFormat.NTuple ? format
            : throw new UsageException($"--include-positives gives rankings: --output-format n-tuple, not {name}");
    }

    private MiningTexts Texts(ParseResult parse, Session session)
    {
        string? pairs = _input.Path(parse), queries = parse.GetValue(_queries), corpus = parse.GetValue(_corpus), qrels = parse.GetValue(_qrels);
        InputFiles.CheckStandardInput(pairs, queries, corpus, qrels);
        if (pairs is not null)
        {
            if ((queries ?? qrels) is not null) { throw new UsageException("--queries and --qrels go without --input"); }
            return MiningTexts.ReadPairs(pairs, _input.Format(parse, _input.Pair(parse)), corpus, session.OpenInput, session.Cancellation);
        }
        if (queries is null || corpus is null || qrels is null)
        {
            throw new UsageException("give --queries, --corpus and --qrels, or --input (with --columns)");
        }
        if (Given(parse, "--columns", "--no-header", "--format") is { } ofPairs) { throw new UsageException($"{ofPairs.Name} goes with --input"); }
        return MiningTexts.Read(queries, corpus, qrels, _input.Quotes(parse), session.OpenInput, _input.Repair(parse), session.Cancellation);
    }

    /// <summary>The prompt asked for, or the first of some that the model has.</summary>
    private static string? Prompt(ParseResult parse, Option<string?> option, ModelFolder folder, params string[] usual)
    {
        string? name = parse.GetValue(option);
        ModelOptions.CheckPrompt(option.Name, name, folder);
        return name ?? usual.FirstOrDefault(folder.Prompts.ContainsKey);
    }
}
