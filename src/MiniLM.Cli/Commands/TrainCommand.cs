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
    private readonly Option<string[]> _eval = new("--eval")
    {
        Description = "rows to measure on, of the same columns",
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
        CustomParser = result => result.Tokens.Count > 0 ? result.Tokens[0].Value : TrainingArguments.LastCheckpoint,
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

    internal TrainCommand() : base("train", "Trains a bi-encoder or a cross-encoder on a file of rows, and writes a model folder.")
    {
        foreach (Option option in new Option[]
        {
            _task, _model, _train, _eval, _test, _loss, _posWeight, _outputDir, _overwrite, _resume, _config, _evalQueries, _evalCorpus, _evalQrels, _dataOrder,
            _overfit, _overfitBelow, _html, _device, _threads,
        })
        {
            Options.Add(option);
        }
        _outputDir.Aliases.Add("--output_dir");
        _resume.Aliases.Add("--resume_from_checkpoint");
        _input = new InputOptions(this, hasColumn: false, hasColumns: true, hasInput: false, hasFlush: false);
        _arguments = new TrainingOptionList(this);
    }

    internal override string[] Examples =>
    [
        "minilm train --task bi-encoder --model M --train pairs.tsv --columns a,b --loss MultipleNegativesRanking --output-dir OUT",
        "minilm train --task cross-encoder --model M --train train.tsv --eval dev.tsv --columns a,b,label --loss BinaryCrossEntropy --eval-strategy epoch "
            + "--save-strategy epoch --load-best-model-at-end --metric-for-best-model f1 --output-dir OUT",
        "minilm train --config run.yaml --resume-from-checkpoint",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        ConfigurationFile? file = parse.GetValue(_config) is { } path ? ConfigurationFile.Read(path) : null;
        TrainingInputs inputs = Inputs(parse, file);
        TrainingArguments arguments = _arguments.Read(parse, file, session);
        (arguments.OutputDir, arguments.ResumeFromCheckpoint) = (inputs.OutputDir, inputs.Resume);
        arguments.Overwrite |= inputs.Overwrite;
        using Device device = DeviceOption.Open(inputs.Device, inputs.Threads, session);
        session.Detail($"{device.Name}: {device.Description}");
        if (parse.GetValue(_html) is { } html) { OutputTarget.Check(html, inputs.Overwrite || inputs.Resume is not null); }
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

    /// <param name="Task">What the model is, or becomes.</param>
    /// <param name="Model">As it was named; null: the shipped one.</param>
    /// <param name="Train">Files, each with its loss.</param>
    /// <param name="Eval">Files.</param>
    /// <param name="Test">Files.</param>
    /// <param name="Retrieval">Queries, corpus and judgements; null: none.</param>
    /// <param name="Format">How the files are read.</param>
    /// <param name="OutputDir">Of the result.</param>
    /// <param name="Overwrite">An earlier one.</param>
    /// <param name="Resume">Checkpoint; null: the training begins.</param>
    /// <param name="Order">Numbers of rows; null: the sampler draws them.</param>
    /// <param name="Device">By name.</param>
    /// <param name="Threads">That compute.</param>
    private sealed record TrainingInputs(ModelKind Task, string? Model, (string File, string Loss)[] Train, string[] Eval, string[] Test,
        (string Queries, string Corpus, string Qrels)? Retrieval, RowFormat Format, string OutputDir, bool Overwrite, string? Resume, int[]? Order,
            string Device,
        int? Threads);

    private TrainingInputs Inputs(ParseResult parse, ConfigurationFile? file)
    {
        string? task = Value(_task, "task"), columns = _input.Columns(parse) is { } given ? string.Join(',', given) : file?.Take("columns");
        if (file?.Take("columns") is { } other && columns is null) { columns = other; }
        string? loss = Value(_loss, "loss"), resume = parse.GetResult(_resume) is not null ? parse.GetValue(_resume)
            : Resumed(file?.Take("resume_from_checkpoint"));
        string[] train = Values(_train, "train"), eval = Values(_eval, "eval"), test = Values(_test, "test");
        string? posWeight = parse.GetValue(_posWeight)?.ToString(CultureInfo.InvariantCulture) ?? file?.Take("pos_weight");
        string?[] retrieval = [Value(_evalQueries, "eval_queries"), Value(_evalCorpus, "eval_corpus"), Value(_evalQrels, "eval_qrels")];
        string? outputDir = Value(_outputDir, "output_dir");
        string? model = Value(_model, "model"), other2 = file?.Take("model_name_or_path");
        string? order = Value(_dataOrder, "data_order"), device = Value(_device, "device");
        string? threads = file?.Take("threads"), overwrite = file?.Take("overwrite");
        if (task is not (CrossEncoderTask or BiEncoderTask)) { throw new UsageException($"--task is missing: give {BiEncoderTask} or {CrossEncoderTask}"); }
        if (train.Length == 0) { throw new UsageException("--train is missing: give a file of rows"); }
        if (columns is null)
        {
            throw new UsageException("--columns is missing: name the columns of the texts, and of the label last, as in --columns a,b,label");
        }
        bool isOverfit = parse.GetValue(_overfit) is not null;
        if (outputDir is null && !isOverfit) { throw new UsageException("--output-dir is missing: give a folder for the model"); }
        if (isOverfit && (outputDir ?? resume) is not null)
        {
            throw new UsageException("--overfit writes nothing: leave out --output-dir and --resume-from-checkpoint");
        }
        if (retrieval.Any(part => part is null) && retrieval.Any(part => part is not null))
        {
            throw new UsageException("--eval-queries, --eval-corpus and --eval-qrels go together: give all three");
        }
        return new TrainingInputs(task == CrossEncoderTask ? ModelKind.CrossEncoder : ModelKind.BiEncoder, model ?? other2,
            [.. train.Select(entry => WithLoss(entry, loss, posWeight))], eval, test,
            retrieval[0] is null ? null : (retrieval[0]!, retrieval[1]!, retrieval[2]!), _input.Format(parse, columns.Split(',')),
            outputDir ?? "", parse.GetValue(_overwrite) || overwrite == "true", resume, order is null ? null : ReadOrder(order), device ?? "cpu",
            parse.GetValue(_threads) ?? (threads is null ? null : int.TryParse(threads, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
                && count is > 0 and <= CpuDevice.MostThreads
                ? count : throw new UsageException($"threads {threads}: give a whole number from 1 to {CpuDevice.MostThreads}")));

        // The command line goes before the file.
        string? Value(Option<string?> option, string key)
        {
            string? ofFile = file?.Take(key);
            return parse.GetValue(option) ?? ofFile;
        }

        string[] Values(Option<string[]> option, string key)
        {
            string[] ofFile = file?.Take(key)?.Split(',') ?? [];
            return parse.GetValue(option) is { Length: > 0 } given ? given : ofFile;
        }
    }

    // transformers takes true for the last checkpoint.
    private static string? Resumed(string? value) => value switch { "true" => TrainingArguments.LastCheckpoint, null or "false" or "" => null, _ => value };

    private static (string File, string Loss) WithLoss(string entry, string? loss, string? posWeight)
    {
        // A file may have a colon in its name; a loss has none.
        int colon = File.Exists(entry) ? -1 : entry.LastIndexOf(':');
        (string file, string? own) = colon > 0 ? (entry[..colon], entry[(colon + 1)..]) : (entry, loss);
        if (own is null) { throw new UsageException($"--loss is missing: name the loss, or give it behind the file, {entry}:LOSS"); }
        if (posWeight is null) { return (file, own); }
        if (!own.StartsWith("BinaryCrossEntropy",
            StringComparison.OrdinalIgnoreCase)) { throw new UsageException($"--pos-weight is of BinaryCrossEntropyLoss, not of {own}"); }
        return (file, own.EndsWith(')') ? $"{own[..^1]}, pos_weight={posWeight})" : $"{own}(pos_weight={posWeight})");
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
            foreach ((string file, string loss) in inputs.Train) { trainer.AddTraining(file, loss, inputs.Format, session.OpenInput, session.Cancellation); }
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
        catch (OperationCanceledException)
        {
            report.SayStopped();
            throw;
        }
        finally
        {
            // Also of a run that was stopped or that failed: then the curves say why.
            if (html is not null && trainer.History.Log.Count > 0)
            {
                PartialFile.WriteWhole(html, stream => stream.Write(Encoding.UTF8.GetBytes(TrainingReportPage.Make(
                    Path.GetFileName(arguments.OutputDir), TrainingCard.Settings(arguments), trainer.History.Log, trainer.History.BestStep))), overwrite: true);
            }
        }
        report.SayResult(result);
    }

    // The loss is that before a step, so the number of steps is one less than that of losses.
    private static int Overfit(TrainingInputs inputs, TrainingArguments arguments, Device device, bool isBatch, float below, Session session)
    {
        arguments.OutputDir = Path.Combine(Path.GetTempPath(), $"minilm-overfit-{Environment.ProcessId}");
        arguments.Dropout ??= 0;
        arguments.LrSchedulerType = ScheduleKind.Constant;
        arguments.MaxSteps ??= OverfitSteps + 1;
        using Trainer trainer = Open(inputs, arguments, device, session);
        List<double> losses = trainer.Overfit(isBatch ? arguments.PerDeviceTrainBatchSize : 1, below, session.Cancellation);
        JsonLine.Write(session.OutputText, json =>
        {
            json.WriteNumber("steps", losses.Count - 1);
            json.WriteBoolean("reached", losses[^1] < below);
            json.WriteStartArray("loss");
            foreach (double loss in losses) { json.WriteNumberValue(loss); }
            json.WriteEndArray();
        });
        if (losses[^1] < below) { return 0; }
        session.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"minilm: after {losses.Count - 1} steps the loss of the same rows is {losses[^1]:0.####}, not below {below}: ")
            + "the model does not learn them. Look at the labels and the loss, or raise --learning-rate.");
        return 1;
    }

    private const int OverfitSteps = 400;
}
