using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Training.Evaluators;
using MiniLM.Training.Losses;
using MiniLM.Training.Records;
using MiniLM.Training.Sampling;

namespace MiniLM.Training;

/// <summary>Trains a model from data to a folder: what Hugging Face's Trainer and sentence-transformers' do, with their names.</summary>
/// <remarks>
/// Give data, then call <see cref="Train"/> once. A cancelled run writes a checkpoint at the step it has come to, from which
/// <see cref="TrainingArguments.ResumeFromCheckpoint"/> goes on bit for bit, on any number of threads. Not thread-safe.
/// </remarks>
public sealed class Trainer : IDisposable
{
    /// <summary>Names of the warnings that are this class's own.</summary>
    internal static readonly string[] WarningNames = ["undefined-metric", "no-best", "no-eval-loss", "other-device", "long-warm-up"];

    private readonly Device _device;
    private readonly ModelKind _kind;
    private readonly TrainingArguments _arguments;
    private readonly TrainingOutput _output;
    private readonly TrainingModel _model;
    private readonly TrainingDataReader _reader;
    private readonly List<(TrainingData Data, TrainingLoss Loss)> _training = [];
    private readonly List<TrainingData> _evaluation = [], _tests = [];
    private readonly List<RetrievalTask> _retrieval = [];
    private TrainingNetwork? _network;
    private TrainingHistory _history = new();
    private BestEvaluation? _best;
    private TrainingPosition _position; // behind the last whole step
    private IReadOnlyCollection<KeyValuePair<string, string>> _identity = [];
    private EventFile? _events;
    private readonly Lifetime _lifetime;
    private readonly string? _hubId; // of the model, where it was named by it
    private bool _isStopped;

    /// <summary>Opens a model and takes hold of the output folder.</summary>
    /// <param name="model">A folder as <see cref="ModelFolder.Resolve"/> finds it.</param>
    /// <param name="kind">What it shall become: a bi-encoder or a plain encoder becomes a cross-encoder with a new head.</param>
    /// <param name="device">Stays the caller's to dispose, after this trainer.</param>
    /// <param name="arguments">Not to be changed afterwards.</param>
    /// <param name="cancellation">Looked at while a model with a new head is made.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    /// <exception cref="ModelFormatException">The model cannot be trained so.</exception>
    /// <exception cref="IOException">The output folder is there already, or cannot be made.</exception>
    public Trainer(string model, ModelKind kind, Device device, TrainingArguments arguments, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(arguments.OutputDir);
        TrainingArgumentNames.Check(arguments);
        (_device, _kind, _arguments, _lifetime) = (device, kind, arguments, new Lifetime(this, Free));
        if (!device.Supports(arguments.Precision))
        {
            throw new NotSupportedException($"the {device.Name} device has no kernels of {arguments.Precision}. Use float32.");
        }
        string path = Directory.Exists(model) ? model : ModelFolder.Resolve(model);
        _hubId = !Directory.Exists(model) && model.Count(c => c == '/') == 1 ? model.Split('@')[0] : null;
        _output = new TrainingOutput(arguments.OutputDir, arguments.Overwrite, arguments.ResumeFromCheckpoint is not null, path);
        try { _model = TrainingModel.Open(path, kind, arguments, _output.Path, cancellation); }
        catch
        {
            _output.Dispose();
            throw;
        }
        _reader = new TrainingDataReader(_model.Tokenizer, kind, _model.MaxLength, arguments.Prompts, _output.Path);
    }

    /// <summary>After every step.</summary>
    public event Action<TrainingProgress>? StepDone;

    /// <summary>After everything that is logged: losses, evaluations, the end.</summary>
    public event Action<LogEntry>? Logged;

    /// <summary>When something is wrong with the data, or the run learns nothing.</summary>
    public event Action<TrainingWarning>? Warned;

    /// <summary>When a checkpoint is complete, with its folder.</summary>
    public event Action<string>? Saved;

    /// <summary>Rows of <c>TrainingArguments.TrainSamplingStrategy</c>'s place: numbers from 0, taken batch by batch; null: the sampler draws them.</summary>
    internal int[]? DataOrder { get; set; }

    internal TrainingModel Model => _model;

    internal TrainingHistory History => _history;

    /// <summary>Ends the run after the step that is being done, as if it were the last.</summary>
    public void Stop() => _isStopped = true;

    /// <summary>Data to train on, from a file; several calls are several data sets.</summary>
    /// <param name="path">.jsonl, .tsv or .csv, plain or .gz.</param>
    /// <param name="loss">By its name in sentence-transformers, with its settings: <c>TripletLoss(triplet_margin=1)</c>.</param>
    /// <param name="columns">Texts in the order of the loss; a last column called label or score, or that the loss cannot do without, holds labels.</param>
    /// <exception cref="ArgumentException">There is no such loss, or it does not take such data.</exception>
    public void AddTraining(string path, string loss, params string[] columns) => AddTraining(path, loss, new RowFormat { Columns = columns }, null, default);

    /// <summary>Data to train on.</summary>
    /// <param name="rows">Read once.</param>
    /// <param name="loss">As for files.</param>
    /// <exception cref="ArgumentException">There is no such loss, or it does not take such data.</exception>
    public void AddTraining(IEnumerable<TrainingRow> rows, string loss) => AddTraining(loss, asked => Named(rows, "train", asked, loss));

    /// <summary>Data to measure the model on, from a file; after the data to train on, whose shape they have.</summary>
    /// <param name="path">As for training.</param>
    /// <param name="columns">As for training.</param>
    public void AddEvaluation(string path, params string[] columns) => AddEvaluation(path, new RowFormat { Columns = columns }, null, default);

    /// <summary>Data to measure the model on; after the data to train on, whose shape they have.</summary>
    /// <param name="rows">Read once.</param>
    /// <param name="name">Before the names of metrics.</param>
    /// <exception cref="ArgumentException">Files cannot be called so.</exception>
    public void AddEvaluation(IEnumerable<TrainingRow> rows, string name = "eval")
    {
        if (name.IndexOfAny(['/', '\\', '\0']) >= 0) { throw new ArgumentException($"{Quoted.Text(name)}: files are called by it: leave out / and \\."); }
        Add(_evaluation, () => Named(rows, name, Measured, null));
    }

    /// <summary>A collection to search, for a bi-encoder.</summary>
    /// <param name="queries">id TAB text, or queries.jsonl.</param>
    /// <param name="corpus">corpus.jsonl, or id TAB text.</param>
    /// <param name="qrels">Which documents are relevant, TREC's lines or BEIR's table.</param>
    /// <param name="cancellation">Looked at for every text.</param>
    public void AddRetrieval(string queries, string corpus, string qrels, CancellationToken cancellation = default)
    {
        if (_kind != ModelKind.BiEncoder) { throw new ArgumentException("a cross-encoder ranks candidates: measure it on lists, or on pairs with labels."); }
        Add(_retrieval, () => RetrievalTask.Read(queries, corpus, qrels, _model.Tokenizer, _model.MaxLength, (Prompt("query"), Prompt("document")),
            _output.Path, cancellation));
    }

    // What the run says goes before what the model has of its own.
    private string? Prompt(string task) => _arguments.Prompts.GetValueOrDefault(task) ?? _arguments.Prompts.GetValueOrDefault("")
        ?? _model.Folder.Prompts.GetValueOrDefault(task);

    internal void AddTraining(string path, string loss, RowFormat format, Func<Stream>? openInput, CancellationToken cancellation) =>
        AddTraining(loss, asked => Read(path, asked, loss, format, openInput, cancellation));

    internal void AddEvaluation(string path, RowFormat format, Func<Stream>? openInput, CancellationToken cancellation) =>
        Add(_evaluation, () => Read(path, MeasuredAs(format.Columns), null, format, openInput, cancellation));

    internal void AddTest(string path, RowFormat format, Func<Stream>? openInput, CancellationToken cancellation) =>
        Add(_tests, () => Read(path, MeasuredAs(format.Columns), null, format, openInput, cancellation));

    // What comes when the run has begun would be told of as if it had been there, and behind the end nobody would free it.
    private void Add<T>(List<T> all, Func<T> read)
    {
        using Lifetime.Inside inside = _lifetime.Enter();
        if (_network is not null) { throw new InvalidOperationException("the training has begun: add data before"); }
        all.Add(read());
    }

    private void AddTraining(string text, Func<TrainingLoss, TrainingData> read)
    {
        TrainingLoss loss = new(_kind, text, _arguments);
        Add(_training, () => (read(loss), loss));
    }

    private IEnumerable<TrainingLoss> Losses => _training.Select(set => set.Loss);

    // What is measured has the shape of what is trained on.
    private TrainingLoss? Measured => _training.Count > 0 ? _training[0].Loss : null;

    // Of several data sets that with the same columns of texts.
    private TrainingLoss? MeasuredAs(string[] columns) =>
        _training.FirstOrDefault(set => columns.Take(set.Data.Columns.Length).SequenceEqual(set.Data.Columns)).Loss ?? Measured;

    private TrainingData Read(string path, TrainingLoss? shape, string? loss, RowFormat format, Func<Stream>? openInput, CancellationToken cancellation)
    {
        // A cross-encoder that learns from pairs may be measured on lists.
        bool isList = shape?.HasLists == true || (loss is null && _kind == ModelKind.CrossEncoder && DataColumns.AreLists(format.Columns));
        DataColumns columns = DataColumns.Of(format.Columns, shape?.NeedsLabels == true, isList);
        TrainingData data = _reader.Read(path == DataFile.StandardInput ? "stdin" : Path.GetFileName(path), columns.Texts, columns.IsList,
            columns.Read(path, format, openInput, cancellation), loss, shape?.DrawsNegatives == true, cancellation);
        return data with { LabelColumn = columns.Label };
    }

    private TrainingData Named(IEnumerable<TrainingRow> rows, string name, TrainingLoss? shape, string? loss)
    {
        TrainingRow[] all = [.. rows];
        bool isList = shape?.HasLists == true || (loss is null && AreLists(all));
        string[] columns = isList ? ["query", "docs"] : [.. Enumerable.Range(0, all.Length == 0 ? 1 : all[0].Texts.Count).Select(i => $"text{i + 1}")];
        return _reader.Read(name, columns, isList, all, loss, shape?.DrawsNegatives == true, default);
    }

    // As those of a file: each document has its label, which is no teacher's as of what is trained on.
    private bool AreLists(TrainingRow[] rows) => _kind == ModelKind.CrossEncoder && rows is [{ Labels.Count: > 1 } first, ..]
        && first.Texts.Count == first.Labels.Count + 1 && !_training.Any(set => set.Data.Rows.Labels is [{ Length: > 1 }, ..]);

    /// <summary>Trains, measures and writes.</summary>
    /// <param name="cancellation">A checkpoint is written when it is asked for.</param>
    /// <exception cref="ArgumentException">Arguments and data that do not go together; nothing was trained.</exception>
    /// <exception cref="ArithmeticException">A loss is not finite; it names step and rows, and nothing of the step is written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the last checkpoint is the step that it had come to.</exception>
    public TrainingResult Train(CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = _lifetime.Enter();
        if (_training.Count == 0) { throw new InvalidOperationException("there are no data to train on: call AddTraining first"); }
        if (_network is not null) { throw new InvalidOperationException("a trainer trains once"); }
        CheckData();
        BatchSampler sampler = TrainingSampler.Of([.. _training.Select(set => set.Data)], DataOrder, _arguments);
        _identity = TrainingIdentity.Of(_device, _model.Folder, _training,
            [.. _evaluation.Select(set => set.Hash), .. _retrieval.Select(task => task.Hash)], DataOrder, _arguments);
        Checkpoint? checkpoint = FindCheckpoint();
        if (checkpoint?.Check(_identity) is { } moved) { Warn(moved); }
        _history = checkpoint?.History ?? _history;
        if (_arguments.LoadBestModelAtEnd && _history.BestStep is { } best && !Directory.Exists(Checkpoint.PathOf(_output.Path, best)))
        {
            throw new ArgumentException($"{Checkpoint.PathOf(_output.Path, best)}: is the best checkpoint so far, and is not there. "
                + "Resume in its own output folder, or leave load_best_model_at_end out.");
        }
        _network = _model.Load(_device, _arguments, checkpoint, cancellation);
        Objective[] objectives = [.. _training.Select(set => set.Loss.Over(_network, set.Data, _arguments))];
        checkpoint?.ReadMatrices(Losses);
        EvaluationPlan plan = Plan(_network, _evaluation, _retrieval);
        _ = Plan(_network, _tests, []); // what cannot be measured is said now, not at the end
        TrainingSchedule schedule = new(_arguments, plan, sampler);
        _best = new BestEvaluation(_arguments, schedule, _history);
        TrainingSteps steps = new(_network, objectives, sampler, _arguments, _arguments.Precision, checkpoint?.Position);
        WarnOfData();
        if (schedule.LongWarmup is { } warmup) { Warn(warmup); }
        _output.Begin(isFresh: checkpoint is null);
        if (checkpoint is not null) { _output.WriteLog(_history.Log); }
        if (_arguments.ReportToTensorBoard) { _events = new EventFile(_output.Path, DateTimeOffset.Now, Environment.MachineName, Environment.ProcessId); }
        _position = steps.State;
        try
        {
            Run(steps, schedule, plan, cancellation);
            return Finish(steps, schedule, plan, cancellation);
        }
        catch (OperationCanceledException) when (_position.GlobalStep > 0 && Checkpoint.In(_output.Path).All(found => found.Step != _position.GlobalStep))
        {
            Save(Checkpoint.PathOf(_output.Path, _position.GlobalStep), steps, _position);
            throw;
        }
    }

    /// <summary>Steps over the same rows, the first batch of the first data set, to see that the model can learn them: nothing is written.</summary>
    /// <param name="below">The loss at which they are known.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <returns>The loss before each step: the last one is below the limit, or behind the last step.</returns>
    internal List<double> Overfit(double below, CancellationToken cancellation)
    {
        (TrainingData data, TrainingLoss loss) = _training[0];
        int rows = _arguments.PerDeviceTrainBatchSize;
        foreach (TrainingWarning warning in DataChecks.Of(data, loss, _arguments)) { Warn(warning); }
        _network = _model.Load(_device, _arguments, null, cancellation);
        GivenOrderSampler sampler = new([.. Enumerable.Range(0, Math.Min(rows, data.Count))], rows, dropLast: false);
        TrainingSteps steps = new(_network, [loss.Over(_network, data, _arguments)], sampler, _arguments, _arguments.Precision);
        List<double> losses = [];
        while (steps.TryStep(out TrainingStep step, cancellation))
        {
            losses.Add(step.Loss);
            if (step.Loss < below) { break; }
        }
        return losses;
    }

    private void CheckData()
    {
        string[] columns = [.. _training.SelectMany(set => set.Data.Columns).Concat(_retrieval.Count > 0 ? ["query", "document"] : []).Distinct()];
        if (_arguments.Prompts.Keys.FirstOrDefault(column => column.Length > 0 && !columns.Contains(column)) is { } unknown)
        {
            throw new ArgumentException($"prompts: there is no column {Quoted.Text(unknown)}; there are {string.Join(", ", columns)}.");
        }
        foreach (TrainingData data in _training.Select(set => set.Data))
        {
            if (!_arguments.DataloaderDropLast || data.Count >= _arguments.PerDeviceTrainBatchSize) { continue; }
            throw new ArgumentException($"per_device_train_batch_size {_arguments.PerDeviceTrainBatchSize}: {data.Source} has {data.Count} rows, "
                + "and with dataloader_drop_last no batch. Lower it.");
        }
        CheckNames(_evaluation.Select(set => set.Name));
        CheckNames(_tests.Select(set => EvaluationPlan.TestName(set.Name)));
    }

    private static void CheckNames(IEnumerable<string> names)
    {
        string? twice = names.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key).FirstOrDefault();
        if (twice is not null)
        {
            throw new ArgumentException($"two sets to measure on are both called {Quoted.Text(twice)}: give them, or their files, different names.");
        }
    }

    private void WarnOfData()
    {
        foreach ((TrainingData data, TrainingLoss loss) in _training)
        {
            foreach (TrainingWarning warning in DataChecks.Of(data, loss, _arguments)) { Warn(warning); }
        }
        if (!HasOneLoss && _evaluation.Count > 0)
        {
            Warn(new("no-eval-loss", "there are several losses, so that eval_loss is not measured; other metrics of --eval are."));
        }
        foreach (TrainingData data in _evaluation.Concat(_tests))
        {
            if (DataChecks.ConstantLabels(data) is { } constant) { Warn(constant); }
            if (DataChecks.NumbersAsTexts(data) is { } numbers) { Warn(numbers); }
            if (DataChecks.Overlap([.. _training.Select(set => set.Data)], data) is { } overlap) { Warn(overlap); }
        }
    }

    private void Warn(TrainingWarning warning)
    {
        if (!_arguments.IgnoreWarnings.Contains(warning.Name)) { Warned?.Invoke(warning); }
    }

    private Checkpoint? FindCheckpoint()
    {
        if (_arguments.ResumeFromCheckpoint is not { } asked) { return null; }
        if (asked != TrainingArguments.LastCheckpoint) { return Checkpoint.Open(Path.TrimEndingDirectorySeparator(Path.GetFullPath(asked))); }
        if (Checkpoint.In(_output.Path) is [.., (_, string last)]) { return Checkpoint.Open(last); }
        if (_arguments.Overwrite || !File.Exists(_output.In(TrainingFiles.History))) { return null; }
        throw new IOException($"{_output.Path}: holds the result of a training that kept no checkpoint to go on from. Use --overwrite to train anew, "
            + "or choose another folder.");
    }

    private EvaluationPlan Plan(TrainingNetwork network, List<TrainingData> data, List<RetrievalTask> retrieval)
    {
        Network model = network.Parameters.Network;
        List<EvaluationSet> sets = [];
        foreach (TrainingData set in data)
        {
            LossEvaluator? measured = Loss(network, set) is { } objective
                ? new LossEvaluator(data.Count > 1 ? set.Name : "", set, objective, _arguments.PerDeviceEvalBatchSize) : null;
            sets.Add(EvaluationSet.Of(set, set.Name, model, _model.Folder, _device, measured));
            if (sets[^1].Evaluators.Count == 0)
            {
                throw new ArgumentException($"{set.Source}: nothing can be measured on its columns ({string.Join(", ", set.Columns)}) with this model. "
                    + (_kind == ModelKind.CrossEncoder ? "Give pairs with labels, triplets or lists." : "Give pairs or triplets."));
            }
        }
        EmbeddingRanking ranking = new(_model.Folder.SimilarityFunction, _device);
        return new EvaluationPlan(model, sets, [.. retrieval.Select((task, i) => new RetrievalEvaluator(i == 0 ? "" : $"{i + 1}", task, model, ranking))],
            _arguments.PerDeviceEvalBatchSize);
    }

    // The same over all data sets; matrices of a loss's own are each set's.
    private bool HasOneLoss => _training.Count == 1 || Losses.All(loss => loss.Matrices is null && Text(loss) == Text(_training[0].Loss));

    private static string Text(TrainingLoss loss) => $"{loss.Name} {string.Join(' ', loss.Settings)}";

    // Null: the data are measured without a loss, since several are trained by, or it takes no data of this shape.
    private Objective? Loss(TrainingNetwork network, TrainingData set)
    {
        if (!HasOneLoss) { return null; }
        (TrainingData data, TrainingLoss loss) = _training[0];
        try { return loss.Over(network, set, _arguments); }
        catch (LossDataException) when (!set.HasShapeOf(data)) { return null; }
    }

    private void Run(TrainingSteps steps, TrainingSchedule schedule, EvaluationPlan plan, CancellationToken cancellation)
    {
        TrainingWatch watch = new([.. _training.Select(set => (set.Data.Source,
            set.Loss.AtChance(set.Data, _arguments.PerDeviceTrainBatchSize, _network!.Parameters.Network.OutputSize)))], schedule.WarmupSteps);
        Stopwatch clock = Stopwatch.StartNew();
        double before = _history.Seconds;
        long tokens = 0;
        int paced = 0;
        if (_arguments.EvalOnStart && steps.GlobalStep == 0) { Evaluate(steps, plan, schedule, cancellation); }
        if (_history.IsEvaluationPending) { AfterStep(steps, schedule, plan, cancellation); }
        _isStopped |= _best!.IsOutOfPatience;
        Stopwatch pace = Stopwatch.StartNew();
        while (!_isStopped && steps.TryStep(out TrainingStep step, cancellation))
        {
            _position = steps.State;
            _history.Losses = (_history.Losses.Sum + step.Loss, _history.Losses.Count + 1);
            (_history.TotalLoss, _history.Tokens) = (_history.TotalLoss + step.Loss, _history.Tokens + step.Tokens);
            _history.PaddedTokens += step.PaddedTokens;
            _history.Seconds = before + clock.Elapsed.TotalSeconds;
            (tokens, paced) = (tokens + step.Tokens, paced + 1);
            foreach (TrainingWarning warning in watch.After(step)) { Warn(warning); }
            double seconds = pace.Elapsed.TotalSeconds;
            StepDone?.Invoke(new TrainingProgress(step.Number, steps.TotalSteps, steps.Epoch, step.Loss, step.LearningRate, step.GradientNorm, tokens / seconds,
                TimeSpan.FromSeconds(seconds / paced * (steps.TotalSteps - step.Number))));
            if (schedule.IsLogDue(steps)) { LogLoss(steps, step); }
            if (AfterStep(steps, schedule, plan, cancellation)) { (tokens, paced, pace) = (0, 0, Stopwatch.StartNew()); }
        }
    }

    // What is measured and kept behind a step; whether that was anything.
    private bool AfterStep(TrainingSteps steps, TrainingSchedule schedule, EvaluationPlan plan, CancellationToken cancellation)
    {
        bool isEvaluationDue = schedule.IsEvaluationDue(steps);
        _history.IsEvaluationPending = isEvaluationDue;
        bool isBetter = isEvaluationDue && Evaluate(steps, plan, schedule, cancellation);
        _history.IsEvaluationPending = false;
        _isStopped |= _best!.IsOutOfPatience;
        if (!schedule.IsSaveDue(steps, isBetter)) { return isEvaluationDue; }
        Save(Checkpoint.PathOf(_output.Path, steps.GlobalStep), steps, steps.State);
        if (_arguments.SaveTotalLimit is { } limit) { Checkpoint.Limit(_output.Path, limit, _history.BestStep); }
        return true;
    }

    private void LogLoss(TrainingSteps steps, TrainingStep step)
    {
        Log(new LogEntry(steps.GlobalStep, steps.Epoch,
        [
            new("loss", _history.Losses.Sum / _history.Losses.Count), new("grad_norm", step.GradientNorm), new("learning_rate", step.LearningRate),
        ]));
        _history.Losses = default;
    }

    private void Log(LogEntry entry)
    {
        _history.Log.Add(entry);
        _output.AppendLog(entry);
        _events?.Write(entry, DateTimeOffset.Now);
        Logged?.Invoke(entry);
    }

    /// <summary>Measures, and says whether it is better than all before.</summary>
    private bool Evaluate(TrainingSteps steps, EvaluationPlan plan, TrainingSchedule schedule, CancellationToken cancellation)
    {
        List<KeyValuePair<string, double>> values = plan.Evaluate(_network!, cancellation);
        double? former = _best!.Measured;
        Log(new LogEntry(steps.GlobalStep, steps.Epoch, values));
        foreach ((string name, byte[] table) in plan.Tables(_history)) { _output.WriteEvaluations(name, table); }
        if (steps.GlobalStep == 0 || schedule.Metric is not { } metric) { return false; }
        double value = values.First(entry => entry.Key == metric).Value;
        if (!double.IsFinite(value))
        {
            Warn(new TrainingWarning("undefined-metric", $"step {steps.GlobalStep}: {metric} is undefined by the data that are measured, so nothing is best. "
                + "Look at their labels, or name another metric."));
        }
        return _best.Take(value, former, steps);
    }

    private void Save(string path, TrainingSteps steps, TrainingPosition position)
    {
        SetBestCheckpoint(path);
        Checkpoint.Write(path, _model.Folder, _model.MaxLength, _network!, Losses, position, _history, file => WriteHistory(file, steps, position), _identity);
        WriteHistory(_output.In(TrainingFiles.History), steps, position);
        Saved?.Invoke(path);
    }

    private void SetBestCheckpoint(string written)
    {
        string? best = _history.BestStep is { } step ? Checkpoint.PathOf(_output.Path, step) : null;
        _history.BestCheckpoint = best == written || Directory.Exists(best) ? best : null;
    }

    private void WriteHistory(string path, TrainingSteps steps, TrainingPosition position) =>
        _history.Write(path, _arguments, position.GlobalStep, steps.EpochOf(position.Data), steps.TotalSteps);

    private TrainingResult Finish(TrainingSteps steps, TrainingSchedule schedule, EvaluationPlan plan, CancellationToken cancellation)
    {
        int? best = _arguments.LoadBestModelAtEnd ? _history.BestStep : null;
        // What is said of the result is measured on it.
        if (best is null && !plan.IsEmpty && LastEvaluation(steps.GlobalStep) is null) { Evaluate(steps, plan, schedule, cancellation); }
        if (_arguments.LoadBestModelAtEnd && best is null)
        {
            (string reason, string remedy) = _best!.Measured is null
                ? ($"{schedule.Metric} was never a number", "Look at the data that are measured.")
                : ($"the run ended before a checkpoint was kept where {schedule.Metric} was measured",
                    "Lower --save-steps, or raise --early-stopping-patience.");
            Warn(new TrainingWarning("no-best", $"{reason}: there is no best checkpoint, and the result has the last weights. {remedy}"));
        }
        Log(new LogEntry(steps.GlobalStep, steps.Epoch,
        [
            new("train_runtime", _history.Seconds), new("train_samples_per_second", _training.Sum(set => set.Data.Count) * steps.Epoch / _history.Seconds),
            new("train_steps_per_second", steps.GlobalStep / _history.Seconds), new("train_loss", _history.TotalLoss / steps.GlobalStep), new("total_flos", 0),
        ]));
        if (best is { } step && step != steps.GlobalStep) { LoadBest(step, cancellation); }
        Dictionary<string, double> metrics = new(LastEvaluation(best ?? steps.GlobalStep) ?? []);
        EvaluationPlan tests = Plan(_network!, _tests, []);
        foreach ((string name, double value) in tests.Test(_network!, metrics, cancellation)) { metrics.Add(name, value); }
        if (_tests.Count > 0)
        {
            Log(new LogEntry(steps.GlobalStep, steps.Epoch, [.. metrics.Where(metric => metric.Key.StartsWith("test_", StringComparison.Ordinal))]));
        }
        _output.WriteModel(_model.Folder, _model.MaxLength, _network!);
        _output.WriteText(ModelCard.FileName, ModelCard.Write(new TrainingCard(_model, _hubId, _arguments).Contents(_training, plan, tests, metrics, _history,
            _network!.Parameters.Network.OutputSize, best)));
        WriteHistory(_output.In(TrainingFiles.History), steps, steps.State);
        _output.WriteResults(metrics.Concat(_history.Log.Last(entry => entry.Values[0].Key == "train_runtime").Values));
        return new TrainingResult(_output.Path, steps.GlobalStep, _history.TotalLoss / steps.GlobalStep, best, metrics);
    }

    private void LoadBest(int step, CancellationToken cancellation)
    {
        _position = default; // what is loaded now is no place to go on from
        _network!.Dispose();
        Checkpoint best = Checkpoint.Open(Checkpoint.PathOf(_output.Path, step));
        _network = _model.Load(_device, _arguments, best, cancellation);
        best.ReadMatrices(Losses);
    }

    private IReadOnlyList<KeyValuePair<string, double>>? LastEvaluation(int step) =>
        _history.Log.LastOrDefault(entry => entry.Values[0].Key.StartsWith("eval_", StringComparison.Ordinal) && entry.Step == step)?.Values;

    /// <summary>Closes the model and lets go of the output folder; a run that has not ended goes on, and the last of it does so.</summary>
    public void Dispose() => _lifetime.Close();

    private void Free()
    {
        _events?.Dispose();
        _network?.Dispose();
        foreach (TrainingData data in _training.Select(set => set.Data).Concat(_evaluation).Concat(_tests)) { data.Dispose(); }
        _retrieval.ForEach(task => task.Dispose());
        _model.Dispose();
        _output.Dispose();
    }
}
