using System.Globalization;
using System.Text.Json;
using MiniLM.Compute;

namespace MiniLM.Training;

/// <summary>An argument of a training under its name in transformers.</summary>
/// <param name="Name">snake_case.</param>
/// <param name="HelpName">What its value is; empty: true or false.</param>
/// <param name="Description">Of the help, with the default.</param>
/// <param name="Set">Takes the value as text.</param>
/// <param name="Get">Gives it back; empty: absent.</param>
internal sealed record TrainingArgument(
    string Name, string HelpName, string Description, Action<TrainingArguments, string> Set, Func<TrainingArguments, string> Get);

/// <summary>Arguments by name, as a command line and a configuration file give them.</summary>
internal static class TrainingArgumentNames
{
    private static readonly string[] True = ["true", "True", "1", "yes"], False = ["false", "False", "0", "no"];

    /// <summary>All, in the order of the help.</summary>
    internal static readonly IReadOnlyList<TrainingArgument> All =
    [
        Whole("per_device_train_batch_size", "rows of a batch (8)", a => a.PerDeviceTrainBatchSize, (a, v) => a.PerDeviceTrainBatchSize = v),
        Whole("per_device_eval_batch_size", "rows of a batch when the loss is evaluated (8)", a => a.PerDeviceEvalBatchSize,
            (a, v) => a.PerDeviceEvalBatchSize = v),
        Whole("gradient_accumulation_steps", "batches of a step (1)", a => a.GradientAccumulationSteps, (a, v) => a.GradientAccumulationSteps = v),
        Real("num_train_epochs", "passes over the data (3)", a => a.NumTrainEpochs, (a, v) => a.NumTrainEpochs = v, v => v > 0, "above 0"),
        new("max_steps", "N", "steps, whatever the epochs (-1: as the epochs have)",
            (a, text) => a.MaxSteps = text == "-1" ? null : Whole("max_steps", text), a => a.MaxSteps is { } steps ? Text(steps) : "-1"),
        Real("learning_rate", "after warm-up (5e-5)", a => a.LearningRate, (a, v) => a.LearningRate = v, v => v >= 0, "0 or more"),
        Named("lr_scheduler_type", "how the learning rate goes (linear)", a => a.LrSchedulerType, (a, v) => a.LrSchedulerType = v,
            [.. LearningRateSchedule.Names.Select(entry => (entry.Key, entry.Value))]),
        Real("warmup_steps", "steps in which it rises; below 1 a share of them (0)", a => a.WarmupSteps, (a, v) => a.WarmupSteps = v,
            v => v is >= 0 and <= int.MaxValue && (v < 1 || double.IsInteger(v)), "a share below 1, or a whole number of steps"),
        Real("weight_decay", "of AdamW, biases and LayerNorms left out (0)", a => a.WeightDecay, (a, v) => a.WeightDecay = v, v => v >= 0, "0 or more"),
        Real("adam_beta1", "(.9)", a => a.AdamBeta1, (a, v) => a.AdamBeta1 = v, v => v is >= 0 and < 1, "0 or more and below 1"),
        Real("adam_beta2", "(.999)", a => a.AdamBeta2, (a, v) => a.AdamBeta2 = v, v => v is >= 0 and < 1, "0 or more and below 1"),
        Real("adam_epsilon", "(1e-8)", a => a.AdamEpsilon, (a, v) => a.AdamEpsilon = v, v => v >= 0, "0 or more"),
        Real("max_grad_norm", "to which gradients are cut; 0: they are not (1)", a => a.MaxGradNorm ?? 0, (a, v) => a.MaxGradNorm = v == 0 ? null : v,
            v => v >= 0, "0 or more"),
        new("seed", "N", "of the data's order, of dropout and of new heads (42)", (a, text) => a.Seed = Seed("seed", text), a => Text(a.Seed)),
        new("data_seed", "N", "of the data's order alone (as --seed)", (a, text) => a.DataSeed = Seed("data_seed", text), a => Text(a.DataSeed)),
        Flag("dataloader_drop_last", "leave out batches that are not full", a => a.DataloaderDropLast, (a, v) => a.DataloaderDropLast = v),
        Named("batch_sampler", "no_duplicates: no text twice in a batch (batch_sampler)",
            a => a.BatchSampler == BatchSamplerKind.NoDuplicates, (a, v) => a.BatchSampler = v ? BatchSamplerKind.NoDuplicates : a.BatchSampler,
            [("batch_sampler", false), ("no_duplicates", true)]),
        Named("train_sampling_strategy", "order of the rows (random)", a => a.BatchSampler, (a, v) => a.BatchSampler = v,
            [("random", BatchSamplerKind.Random), ("sequential", BatchSamplerKind.Sequential), ("group_by_length", BatchSamplerKind.GroupByLength)]),
        Named("multi_dataset_batch_sampler", "whose turn it is of several --train (proportional)", a => a.MultiDatasetBatchSampler,
            (a, v) => a.MultiDatasetBatchSampler = v,
            [("proportional", MultiDatasetBatchSampler.Proportional), ("round_robin", MultiDatasetBatchSampler.RoundRobin)]),
        Flag("mask_duplicates", "equal texts of a batch are no negatives of each other", a => a.MaskDuplicates, (a, v) => a.MaskDuplicates = v),
        Named("precision", "arithmetic of the model's products (float32)", a => a.Precision, (a, v) => a.Precision = v,
            [("float32", Precision.Float32), ("bfloat16", Precision.BFloat16), ("float16", Precision.Float16)]),
        Optional("max_length", "longest sequence in tokens (the model's limit)", a => a.MaxLength, (a, v) => a.MaxLength = v),
        Optional("num_labels", "outputs of a cross-encoder; another number than the model's makes a new head", a => a.NumLabels, (a, v) => a.NumLabels = v),
        new("freeze", "NAMES", "parameters that are not trained: parts of their names, with commas between them",
            (a, text) => a.Freeze = List(text), a => string.Join(',', a.Freeze)),
        new("dropout", "P", "at every site (as the model's config.json says)",
            (a, text) => a.Dropout = Real("dropout", text, v => v is >= 0 and < 1, "0 or more and below 1"), a => Text(a.Dropout)),
        Flag("gradient_checkpointing", "less memory for more time: inner activations are made anew on the way back", a => a.GradientCheckpointing,
            (a, v) => a.GradientCheckpointing = v),
        new("prompts", "TEXT", "put before every text; or {\"column\": \"prompt\"}", (a, text) => a.Prompts = PromptsOf(text), a => TextOf(a.Prompts)),
        new("matryoshka_dims", "N,N", "dimensions over which a bi-encoder's loss is summed",
            (a, text) => a.MatryoshkaDims = [.. List(text).Select(part => Whole("matryoshka_dims", part))],
                a => string.Join(',', a.MatryoshkaDims.Select(Text))),
        new("matryoshka_weights", "X,X", "of each (1)", (a, text) => a.MatryoshkaWeights =
            [.. List(text).Select(part => Real("matryoshka_weights", part, v => v >= 0, "0 or more"))],
                a => string.Join(',', a.MatryoshkaWeights.Select(Text))),
        Strategy("logging_strategy", "when loss, learning rate and gradient norm are logged (steps)", a => a.LoggingStrategy,
            (a, v) => a.LoggingStrategy = v),
        Interval("logging_steps", "(500)", a => a.LoggingSteps, (a, v) => a.LoggingSteps = v),
        Flag("logging_first_step", "log the first step too", a => a.LoggingFirstStep, (a, v) => a.LoggingFirstStep = v),
        Strategy("eval_strategy", "when --eval is measured (no)", a => a.EvalStrategy, (a, v) => a.EvalStrategy = v),
        Interval("eval_steps", "(as --logging-steps)", a => a.EvalSteps, (a, v) => a.EvalSteps = v),
        Flag("eval_on_start", "measure before the first step too", a => a.EvalOnStart, (a, v) => a.EvalOnStart = v),
        Strategy("save_strategy", "when checkpoints are written (steps)", a => a.SaveStrategy, (a, v) => a.SaveStrategy = v, hasBest: true),
        Interval("save_steps", "(500)", a => a.SaveSteps, (a, v) => a.SaveSteps = v),
        Optional("save_total_limit", "checkpoints kept; the best always is (all)", a => a.SaveTotalLimit, (a, v) => a.SaveTotalLimit = v),
        Flag("load_best_model_at_end", "the result is the best checkpoint, not the last weights", a => a.LoadBestModelAtEnd,
            (a, v) => a.LoadBestModelAtEnd = v),
        new("metric_for_best_model", "M", "what is best, as eval_loss", (a, text) => a.MetricForBestModel = text, a => a.MetricForBestModel ?? ""),
        new("greater_is_better", "true|false", "whether more of it is better (unless it is a loss)",
            (a, text) => a.GreaterIsBetter = Flag("greater_is_better", text), a => Text(a.GreaterIsBetter)),
        Optional("early_stopping_patience", "evaluations in a row without a better one that end the run", a => a.EarlyStoppingPatience,
            (a, v) => a.EarlyStoppingPatience = v),
        Real("early_stopping_threshold", "by how much one must be better (0)", a => a.EarlyStoppingThreshold, (a, v) => a.EarlyStoppingThreshold = v,
            v => v >= 0, "0 or more"),
        Named("report_to", "tensorboard: event files (none)", a => a.ReportToTensorBoard, (a, v) => a.ReportToTensorBoard = v,
            [("none", false), ("tensorboard", true)]),
        new("ignore_warnings", "NAMES", "warnings that are not given, with commas between them", (a, text) => a.IgnoreWarnings = List(text),
            a => string.Join(',', a.IgnoreWarnings)),
    ];

    /// <summary>Other names of arguments: those of transformers 4, and shorter ones.</summary>
    internal static readonly IReadOnlyDictionary<string, Action<TrainingArguments, string>> Others =
        new Dictionary<string, Action<TrainingArguments, string>>(StringComparer.Ordinal)
        {
            ["evaluation_strategy"] = (a, text) => Find("eval_strategy")!.Set(a, text),
            ["warmup_ratio"] = (a, text) => a.WarmupSteps = Real("warmup_ratio", text, v => v is >= 0 and < 1, "0 or more and below 1"),
            ["group_by_length"] = (a, text) => a.BatchSampler = Flag("group_by_length", text) ? BatchSamplerKind.GroupByLength : a.BatchSampler,
            ["bf16"] = (a, text) => a.Precision = Flag("bf16", text) ? Precision.BFloat16 : a.Precision,
            ["fp16"] = (a, text) => a.Precision = Flag("fp16", text) ? Precision.Float16 : a.Precision,
            ["max_seq_length"] = (a, text) => Find("max_length")!.Set(a, text),
            ["overwrite_output_dir"] = (a, text) => a.Overwrite = Flag("overwrite_output_dir", text),
        };

    /// <summary>Keys of such files that change nothing here.</summary>
    internal static readonly IReadOnlySet<string> WithoutEffect = new HashSet<string>(StringComparer.Ordinal)
    {
        "use_cpu", "no_cuda", "full_determinism", "disable_tqdm", "dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers",
        "dataloader_prefetch_factor", "log_level", "log_level_replica", "logging_dir", "logging_nan_inf_filter", "remove_unused_columns", "run_name",
            "do_train",
        "do_eval", "do_predict", "tf32", "half_precision_backend", "bf16_full_eval", "fp16_full_eval", "torch_empty_cache_steps", "skip_memory_metrics",
        "include_num_input_tokens_seen", "eval_accumulation_steps", "prediction_loss_only", "save_safetensors", "length_column_name", "auto_find_batch_size",
        "gradient_checkpointing_kwargs", "include_tokens_per_second", "project", "trackio_space_id", "ignore_data_skip", "save_only_model",
    };

    /// <summary>Whether a key is of something that is not there yet: adapters, and more than one device.</summary>
    internal static bool IsNotYet(string name) => name.StartsWith("lora", StringComparison.Ordinal) || name.StartsWith("peft", StringComparison.Ordinal)
        || name.StartsWith("fsdp", StringComparison.Ordinal) || name.StartsWith("ddp_", StringComparison.Ordinal)
        || name is "use_lora" or "deepspeed" or "local_rank" or "accelerator_config" or "parallelism_config" or "tpu_num_cores" or "negatives_cross_device"
            or "torch_compile" or "neftune_noise_alpha" or "push_to_hub" or "learning_rate_mapping" or "label_smoothing_factor" or "optim_target_modules";

    /// <summary>An argument by its name; null: there is none.</summary>
    internal static TrainingArgument? Find(string name) => All.FirstOrDefault(argument => argument.Name == name);

    /// <summary>Every argument with its value, and whether that is not the default.</summary>
    internal static IEnumerable<(string Name, string Value, bool IsGiven)> Values(TrainingArguments arguments)
    {
        TrainingArguments defaults = new();
        foreach (TrainingArgument argument in All)
        {
            string value = argument.Get(arguments);
            yield return (argument.Name, value, value != argument.Get(defaults));
        }
    }

    private static TrainingArgument Whole(string name, string description, Func<TrainingArguments, int> get, Action<TrainingArguments, int> set) =>
        new(name, "N", description, (a, text) => set(a, Whole(name, text)), a => Text(get(a)));

    private static TrainingArgument Optional(string name, string description, Func<TrainingArguments, int?> get, Action<TrainingArguments, int?> set) =>
        new(name, "N", description, (a, text) => set(a, Whole(name, text)), a => Text(get(a)));

    private static TrainingArgument Real(string name, string description, Func<TrainingArguments, double> get, Action<TrainingArguments, double> set,
        Func<double, bool> isTaken, string range) => new(name, "X", description, (a, text) => set(a, Real(name, text, isTaken, range)), a => Text(get(a)));

    private static TrainingArgument Interval(string name, string description, Func<TrainingArguments, double?> get, Action<TrainingArguments, double> set) =>
        new(name, "N", "how often; below 1 a share of the steps " + description, (a, text) => set(a, Real(name, text,
            v => v > 0 && v <= int.MaxValue && (v < 1 || double.IsInteger(v)), "a whole number of steps, or a share below 1")), a => Text(get(a)));

    private static TrainingArgument Flag(string name, string description, Func<TrainingArguments, bool> get, Action<TrainingArguments, bool> set) =>
        new(name, "", description, (a, text) => set(a, Flag(name, text)), a => Text(get(a)));

    private static TrainingArgument Named<T>(string name, string description, Func<TrainingArguments, T> get, Action<TrainingArguments, T> set,
        (string Name, T Value)[] values) => new(name, string.Join('|', values.Select(value => value.Name)), description,
        (a, text) => set(a, values.FirstOrDefault(value => value.Name == text) is { Name: not null } found ? found.Value
            : throw new ArgumentException($"{name} {text}: it is one of {string.Join(", ", values.Select(value => value.Name))}."
                + NearNames.Suggest(text, values.Select(value => value.Name)))),
        a => values.FirstOrDefault(value => EqualityComparer<T>.Default.Equals(value.Value, get(a))).Name ?? "");

    private static TrainingArgument Strategy(
        string name, string description, Func<TrainingArguments, IntervalStrategy> get, Action<TrainingArguments, IntervalStrategy> set,
            bool hasBest = false) =>
        Named(name, description, get, set, [("no", IntervalStrategy.No), ("steps", IntervalStrategy.Steps), ("epoch", IntervalStrategy.Epoch),
            .. hasBest ? new[] { ("best", IntervalStrategy.Best) } : []]);

    private static int Whole(string name, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0 ? value
            : throw new ArgumentException($"{name} {text}: give a whole number from 1 up");

    private static ulong Seed(string name, string text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value
        : throw new ArgumentException($"{name} {text}: give a whole number from 0 up");

    private static double Real(string name, string text, Func<double, bool> isTaken, string range) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && isTaken(value) ? value
            : throw new ArgumentException($"{name} {text}: give a number, {range}");

    private static bool Flag(string name, string text) => True.Contains(text) || (!False.Contains(text)
        ? throw new ArgumentException($"{name} {text}: give true or false") : false);

    private static string[] List(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static Dictionary<string, string> PromptsOf(string text)
    {
        if (!text.StartsWith('{')) { return new Dictionary<string, string> { [""] = text }; }
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return json.RootElement.EnumerateObject().ToDictionary(property => property.Name, property => property.Value.GetString() ?? "");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ArgumentException("prompts: write {\"column\": \"prompt\", ...}, or one text for all columns", error);
        }
    }

    private static string TextOf(IReadOnlyDictionary<string, string> prompts) => prompts.Count == 0 ? ""
        : "{" + string.Join(", ", prompts.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{Quoted.Text(entry.Key)}: {Quoted.Text(entry.Value)}")) + "}";

    private static string Text<T>(T? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture).Replace('E', 'e'), // as Python writes 5e-05
        _ => value.ToString() ?? "",
    };
}
