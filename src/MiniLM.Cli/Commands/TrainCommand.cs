using System.CommandLine;
using System.Globalization;
using System.Text;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Cli.Train;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Training.Losses;

namespace MiniLM.Cli.Commands;

/// <summary>Trains a model on a file of rows.</summary>
internal sealed class TrainCommand : CliCommand
{
    private const string CrossEncoderTask = "cross-encoder", BiEncoderTask = "bi-encoder";

    private readonly Option<string?> _task = NamedOption.Create("--task", "what the model is, or becomes", CrossEncoderTask, BiEncoderTask);
    private readonly Option<string?> _model = new("--model")
    {
        Description = "folder, shipped name or Hub id in the local cache",
        HelpName = "M",
    };
    private readonly Option<string[]> _train = new("--train")
    {
        Description = "rows to train on: .jsonl, .tsv or .csv; several times, each with its loss: F:LOSS",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = false,
    };
    private readonly Option<string[]> _columns = new("--columns")
    {
        Description = "columns of the texts, labels last; several times: one for each --train",
        HelpName = "A,B",
    };
    private readonly Option<string?> _evalColumns = new("--eval-columns")
    {
        Description = "columns of --eval and --test (those of the first --train)",
        HelpName = "A,B",
    };
    private readonly Option<string[]> _eval = new("--eval")
    {
        Description = "rows to measure on",
        HelpName = "FILE",
    };
    private readonly Option<string[]> _test = new("--test")
    {
        Description = "rows to measure the result on, with the thresholds found on --eval",
        HelpName = "FILE",
    };
    private readonly Option<string?> _evalQueries = new("--eval-queries")
    {
        Description = "search them in --eval-corpus: id TAB text, or queries.jsonl",
        HelpName = "FILE",
    };
    private readonly Option<string?> _evalCorpus = new("--eval-corpus")
    {
        Description = "corpus.jsonl, or id TAB text",
        HelpName = "FILE",
    };
    private readonly Option<string?> _evalQrels = new("--eval-qrels")
    {
        Description = "which documents are relevant to --eval-queries",
        HelpName = "FILE",
    };
    private readonly Option<string?> _loss = new("--loss")
    {
        Description = "by its name in sentence-transformers, with settings: \"TripletLoss(triplet_margin=1)\"",
        HelpName = "NAME",
    };
    private readonly Option<float?> _posWeight = NumberOption.CreateReal("--pos-weight", "how often a positive counts, for BinaryCrossEntropyLoss (1)");
    private readonly Option<string?> _outputDir = new("--output-dir")
    {
        Description = "folder of the model, its checkpoints and records",
        HelpName = "DIR",
    };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace an earlier training in --output-dir" };
    private readonly Option<string?> _config = new("--config")
    {
        Description = "these options as a .json or .yaml file; the command line goes before it",
        HelpName = "FILE",
    };
    private readonly Option<string?> _resume = new("--resume-from-checkpoint")
    {
        Description = "go on from a checkpoint; without DIR from the last one in --output-dir",
        HelpName = "DIR",
        Arity = ArgumentArity.ZeroOrOne,
        // transformers takes true for the last checkpoint.
        CustomParser = result => result.Tokens is not [var given, ..] || given.Value is "true" or "True" ? TrainingArguments.LastCheckpoint
            : given.Value is "false" or "False" ? "" : given.Value,
    };
    private readonly Option<string?> _dataOrder = new("--data-order")
    {
        Description = "numbers of rows from 0, one a line, in the order in which they are taken",
        HelpName = "FILE",
    };
    private readonly Option<string?> _overfit = NamedOption.Create("--overfit", "learn one row or one batch by heart, to see that it can be learnt", "one",
        "batch");
    private readonly Option<float?> _overfitBelow = NumberOption.CreateReal("--overfit-below", "loss at which that is done (0.01)");
    private readonly Option<string?> _html = new("--html")
    {
        Description = "a page with the curves of the run",
        HelpName = "FILE",
    };
    private readonly Option<string?> _device = DeviceOption.Create();
    private readonly Option<int?> _threads = NumberOption.Create("--threads", "threads that compute (all that this process may use)",
        most: CpuDevice.MostThreads);
    private readonly InputOptions _input;
    private readonly TrainingOptionList _arguments;
    private readonly Option[] _own; // all but arguments of the training

    internal TrainCommand() : base("train", "Trains a bi-encoder or a cross-encoder on a file of rows, and writes a model folder.")
    {
        Option[] own =
        [
            _task, _model, _train, _eval, _test, _evalColumns, _loss, _posWeight, _outputDir, _overwrite, _resume, _evalQueries, _evalCorpus, _evalQrels,
            _dataOrder, _overfit, _overfitBelow, _html, _device, _threads,
        ];
        foreach (Option option in own.Append(_config)) { Options.Add(option); }
        _model.Aliases.Add("--model_name_or_path");
        _outputDir.Aliases.Add("--output_dir");
        _overwrite.Aliases.Add("--overwrite_output_dir");
        _resume.Aliases.Add("--resume_from_checkpoint");
        _input = new InputOptions(this, hasColumn: false, hasInput: false, hasFlush: false, columns: _columns);
        _own = [.. own, .. _input.All];
        _arguments = new TrainingOptionList(this);
    }

    internal override string[] Examples =>
    [
        "minilm train --task bi-encoder --model M --train pairs.tsv --columns a,b --loss MultipleNegativesRanking --output-dir OUT",
        "minilm train --task cross-encoder --model M --train train.tsv --eval dev.tsv --columns a,b,label --loss BinaryCrossEntropy --eval-strategy epoch "
            + "--save-strategy epoch --load-best-model-at-end --metric-for-best-model f1 --output-dir OUT",
        "minilm train --config run.yaml --resume-from-checkpoint",
    ];

    internal override int Run(ParseResult line, Session session)
    {
        ConfigurationFile? file = line.GetValue(_config) is { } path ? ConfigurationFile.Read(path) : null;
        CheckOverfit(line, file, session);
        ParseResult parse = file?.Under(line, _own) ?? line;
        TrainingInputs inputs = Inputs(parse);
        TrainingArguments arguments = _arguments.Read(line, file, _own.SelectMany(ConfigurationFile.Keys), session);
        (arguments.OutputDir, arguments.ResumeFromCheckpoint, arguments.Overwrite) = (inputs.OutputDir, inputs.Resume, parse.GetValue(_overwrite));
        using Device device = DeviceOption.Open(inputs.Device, inputs.Threads, session);
        session.Detail($"{device.Name}: {device.Description}");
        if (parse.GetValue(_overfit) is null && parse.GetValue(_html) is { } html)
        {
            Option<string?>[] others = [_config, _dataOrder, _evalQueries, _evalCorpus, _evalQrels];
            OutputTarget.CheckInputs(html, [.. inputs.Train.Select(entry => entry.File), .. inputs.Eval, .. inputs.Test,
                .. others.Select(option => parse.GetValue(option))]);
            // The model's folder is there when the page is written, and has no page of its own.
            bool isBesideModel = Path.GetDirectoryName(Path.GetFullPath(html)) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(inputs.OutputDir))
                && Path.GetExtension(html) == ".html";
            if (!isBesideModel) { OutputTarget.Check(html, arguments.Overwrite || inputs.Resume is not null); }
        }
        try
        {
            if (parse.GetValue(_overfit) is { } what)
            {
                return Overfit(inputs, arguments, device, what == "batch", parse.GetValue(_overfitBelow) ?? .01f, session);
            }
            Train(inputs, arguments, device, parse.GetValue(_html), session);
        }
        catch (ArgumentException error) when (error is not (ArgumentOutOfRangeException or LossDataException)) { throw new UsageException(error.Message); }
        return 0;
    }

    private static readonly string[] RefusedInOverfit =
    [
        "--output-dir", "--overwrite", "--resume-from-checkpoint", "--eval", "--eval-columns", "--test", "--eval-queries", "--eval-corpus", "--eval-qrels",
        "--data-order", "--html", "--lr-scheduler-type",
    ];
    private static readonly string[] IdleInOverfit =
    [
        "--num-train-epochs", "--warmup-steps", "--warmup-ratio", "--eval-strategy", "--eval-steps", "--eval-on-start", "--save-strategy", "--save-steps",
        "--save-total-limit", "--load-best-model-at-end", "--metric-for-best-model", "--early-stopping-patience",
    ];

    /// <summary>Overfit has no use for some options: on the line some are refused; the rest, and what a file has, are said to be without effect.</summary>
    private void CheckOverfit(ParseResult line, ConfigurationFile? file, Session session)
    {
        bool isGiven = line.GetValue(_overfit) is not null;
        if (!isGiven && file?.Has("overfit") != true)
        {
            if (line.GetValue(_overfitBelow) is not null) { throw new UsageException("--overfit-below is of --overfit: give both"); }
            if (file?.Has("overfit_below") == true) { session.Say($"{file.Path}: without effect without overfit: overfit_below"); }
            return;
        }
        string[] given = [.. Options.Where(option => line.GetResult(option) is { Implicit: false }).Select(option => option.Name)];
        string[] refused = [.. RefusedInOverfit.Intersect(given)], idle = [.. IdleInOverfit.Intersect(given)];
        if (refused.Length > 0)
        {
            throw new UsageException("--overfit takes the same rows in every step at a constant rate and writes nothing: leave out "
                + string.Join(", ", refused));
        }
        if (idle.Length > 0) { session.Say($"without effect with --overfit: {string.Join(", ", idle)}"); }
        string[] ofFile = [.. Options.Where(option => RefusedInOverfit.Contains(option.Name) || IdleInOverfit.Contains(option.Name))
            .SelectMany(ConfigurationFile.Keys).Where(key => file?.Has(key) == true)];
        if (ofFile.Length > 0) { session.Say($"{file!.Path}: without effect with --overfit: {string.Join(", ", ofFile)}"); }
    }

    /// <param name="Task">What the model is, or becomes.</param>
    /// <param name="Model">As it was named; null: the shipped one.</param>
    /// <param name="Train">Files, each with its loss, and how it is read.</param>
    /// <param name="Eval">Files.</param>
    /// <param name="Test">Files.</param>
    /// <param name="Format">How these two are read.</param>
    /// <param name="Retrieval">Queries, corpus and judgements; null: none.</param>
    /// <param name="OutputDir">Of the result.</param>
    /// <param name="Resume">Checkpoint; null: the training begins.</param>
    /// <param name="Order">Numbers of rows; null: the sampler draws them.</param>
    /// <param name="Device">By name.</param>
    /// <param name="Threads">That compute.</param>
    private sealed record TrainingInputs(ModelKind Task, string? Model, (string File, string Loss, RowFormat Format)[] Train, string[] Eval, string[] Test,
        RowFormat Format, (string Queries, string Corpus, string Qrels)? Retrieval, string OutputDir, string? Resume, int[]? Order, string Device,
        int? Threads);

    private TrainingInputs Inputs(ParseResult parse)
    {
        string? task = parse.GetValue(_task), outputDir = parse.GetValue(_outputDir), order = parse.GetValue(_dataOrder);
        if (task is null) { throw new UsageException($"--task is missing: give {BiEncoderTask} or {CrossEncoderTask}"); }
        string[] train = parse.GetValue(_train) ?? [];
        if (train.Length == 0) { throw new UsageException("--train is missing: give a file of rows"); }
        string[][] columns = Columns(parse, train.Length);
        if (outputDir is null && parse.GetValue(_overfit) is null) { throw new UsageException("--output-dir is missing: give a folder for the model"); }
        string?[] retrieval = [parse.GetValue(_evalQueries), parse.GetValue(_evalCorpus), parse.GetValue(_evalQrels)];
        if (retrieval.Any(part => part is null) && retrieval.Any(part => part is not null))
        {
            throw new UsageException("--eval-queries, --eval-corpus and --eval-qrels go together: give all three");
        }
        if (parse.GetValue(_posWeight) is <= 0 and var weight)
        {
            throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--pos-weight {weight}: give a number above 0"));
        }
        (string? loss, string? posWeight) = (parse.GetValue(_loss), parse.GetValue(_posWeight)?.ToString(CultureInfo.InvariantCulture));
        return new TrainingInputs(task == CrossEncoderTask ? ModelKind.CrossEncoder : ModelKind.BiEncoder, parse.GetValue(_model),
            [.. train.Select((entry, i) => WithLoss(entry, loss, posWeight, _input.Format(parse, columns[i % columns.Length])))],
            parse.GetValue(_eval) ?? [], parse.GetValue(_test) ?? [],
            _input.Format(parse, parse.GetValue(_evalColumns)?.Split(',') ?? columns[0]),
            retrieval[0] is null ? null : (retrieval[0]!, retrieval[1]!, retrieval[2]!), outputDir ?? "",
            parse.GetValue(_resume) is { Length: > 0 } resume ? resume : null,
            order is null ? null : ReadOrder(order), parse.GetValue(_device) ?? "cpu", parse.GetValue(_threads));
    }

    /// <summary>Columns of all files, or of each.</summary>
    private string[][] Columns(ParseResult parse, int files)
    {
        string[] given = parse.GetValue(_columns) ?? [];
        if (given.Length == 0)
        {
            throw new UsageException("--columns is missing: name the columns of the texts, and of the label last, as in --columns a,b,label");
        }
        // A configuration file has them as a list.
        string[][] columns = given.All(names => !names.Contains(',')) ? [given] : [.. given.Select(names => names.Split(','))];
        return columns.Length == 1 || columns.Length == files ? columns
            : throw new UsageException($"--columns is given {columns.Length} times for {files} --train: give it once, or once for each");
    }

    private static (string File, string Loss, RowFormat Format) WithLoss(string entry, string? loss, string? posWeight, RowFormat format)
    {
        // A file may have a colon in its name, C:\train.tsv; a loss has none, and begins with a letter.
        int colon = File.Exists(entry) ? -1 : entry.LastIndexOf(':');
        (string file, string? own) = colon > 0 && colon < entry.Length - 1 && char.IsAsciiLetter(entry[colon + 1])
            ? (entry[..colon], entry[(colon + 1)..]) : (entry, loss);
        if (own is null)
        {
            throw new UsageException($"--loss is missing: name the loss, or give it behind the file, {entry}:LOSS");
        }
        if (posWeight is null) { return (file, own, format); }
        if (!own.StartsWith("BinaryCrossEntropy", StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"--pos-weight is of BinaryCrossEntropyLoss, not of {own}");
        }
        return (file, own.EndsWith(')') ? $"{own[..^1]}, pos_weight={posWeight})" : $"{own}(pos_weight={posWeight})", format);
    }

    private static int[] ReadOrder(string path)
    {
        using LineReader lines = new(DataFile.Open(path), DataFile.Name(path));
        List<int> rows = [];
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            line = line.Trim(" \t\r"u8);
            if (line.Length == 0) { continue; }
            rows.Add(int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out int row) ? row
                : throw lines.Wrong($"{Quoted.Text(Encoding.UTF8.GetString(line))} is no number of a row. Write whole numbers from 0, one a line."));
        }
        return [.. rows];
    }

    private static Trainer Open(TrainingInputs inputs, TrainingArguments arguments, Device device, Session session)
    {
        Trainer trainer = new(inputs.Model ?? ModelFolder.Resolve(null), inputs.Task, device, arguments, session.Cancellation) { DataOrder = inputs.Order };
        try
        {
            trainer.Warned += warning => session.Warn(warning.Message, warning.Name);
            if (trainer.Model.HasNewHead)
            {
                session.Say($"{trainer.Model.Source}: has no classifier; a new one of {trainer.Model.Folder.OutputSize} "
                    + $"label(s), seed {arguments.Seed}");
            }
            foreach ((string file, string loss, RowFormat format) in inputs.Train)
            {
                trainer.AddTraining(file, loss, format, session.OpenInput, session.Cancellation);
            }
            foreach (string file in inputs.Eval) { trainer.AddEvaluation(file, inputs.Format, session.OpenInput, session.Cancellation); }
            foreach (string file in inputs.Test) { trainer.AddTest(file, inputs.Format, session.OpenInput, session.Cancellation); }
            if (inputs.Retrieval is { } task) { trainer.AddRetrieval(task.Queries, task.Corpus, task.Qrels, session.Cancellation); }
            return trainer;
        }
        catch
        {
            trainer.Dispose();
            throw;
        }
    }

    private static void Train(TrainingInputs inputs, TrainingArguments arguments, Device device, string? html, Session session)
    {
        using Trainer trainer = Open(inputs, arguments, device, session);
        if (inputs.Resume == TrainingArguments.LastCheckpoint && Checkpoint.In(arguments.OutputDir).Count == 0)
        {
            session.Say($"{arguments.OutputDir}: has no checkpoint yet: the training begins");
        }
        TrainingReport report = new(trainer, arguments.OutputDir, session);
        TrainingResult result;
        try { result = trainer.Train(session.Cancellation); }
        catch (Exception error)
        {
            if (error is OperationCanceledException) { report.SayStopped(); }
            // Its curves say why. That there is no page of them is not what went wrong.
            try { WritePage(html, arguments, trainer); }
            catch (IOException) { }
            throw;
        }
        report.SayResult(result);
        WritePage(html, arguments, trainer);
    }

    private static void WritePage(string? html, TrainingArguments arguments, Trainer trainer)
    {
        if (html is null || trainer.History.Log.Count == 0) { return; }
        PartialFile.WriteWhole(html, stream => stream.Write(Encoding.UTF8.GetBytes(TrainingReportPage.Make(
            Path.GetFileName(arguments.OutputDir), TrainingCard.Settings(arguments), trainer.History.Log, trainer.History.BestStep))), overwrite: true);
    }

    // The loss is that before a step, so the number of steps is one less than that of losses.
    private static int Overfit(TrainingInputs inputs, TrainingArguments arguments, Device device, bool isBatch, float below, Session session)
    {
        inputs = inputs with { Eval = [], Test = [], Retrieval = null, Order = null };
        arguments.ResumeFromCheckpoint = null;
        arguments.OutputDir = Path.Combine(Path.GetTempPath(), $"minilm-overfit-{Guid.NewGuid():N}");
        arguments.Dropout ??= 0;
        arguments.LrSchedulerType = ScheduleKind.Constant;
        arguments.MaxSteps ??= OverfitSteps + 1;
        if (!isBatch) { arguments.PerDeviceTrainBatchSize = 1; }
        if (inputs.Train.Length > 1) { session.Say($"--overfit learns rows of the first --train alone, {inputs.Train[0].File}"); }
        using Trainer trainer = Open(inputs, arguments, device, session);
        List<double> losses = trainer.Overfit(below, session.Cancellation);
        JsonLine.Write(session.OutputText, json =>
        {
            json.WriteNumber("steps", losses.Count - 1);
            json.WriteBoolean("reached", losses[^1] < below);
            json.WriteStartArray("loss");
            foreach (double loss in losses) { json.WriteNumberValue(loss); }
            json.WriteEndArray();
        });
        if (losses[0] < below)
        {
            session.Say(string.Create(CultureInfo.InvariantCulture,
                $"the loss was below {below} before the first step, so that nothing was learnt. Lower --overfit-below, or give other rows."));
        }
        if (losses[^1] < below) { return 0; }
        session.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"minilm: after {losses.Count - 1} steps the loss of the same rows is {losses[^1]:0.####}, not below {below}: ")
            + "the model does not learn them. Look at the labels and the loss, or raise --learning-rate.");
        return 1;
    }

    private const int OverfitSteps = 400;
}
