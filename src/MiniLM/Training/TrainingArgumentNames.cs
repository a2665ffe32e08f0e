using System.Globalization;
using System.Text.Encodings.Web;
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

/// <summary>Another name of an argument.</summary>
/// <param name="Of">The argument's own.</param>
/// <param name="Value">The argument's value for a text; null: not the one that it has for <c>true</c>.</param>
internal sealed record OtherName(string Of, Func<string, string?> Value);

/// <summary>Arguments by name, as a command line and a configuration file give them.</summary>
internal static class TrainingArgumentNames
{
    // Also as YAML 1.1 has them, which is what Python reads.
    private static readonly string[] True = ["true", "True", "TRUE", "1", "yes", "Yes", "YES", "on", "On", "ON"],
        False = ["false", "False", "FALSE", "0", "no", "No", "NO", "off", "Off", "OFF"];

    /// <summary>What report_to may name besides: nothing is written for them.</summary>
    private static readonly HashSet<string> OtherTrackers = new(StringComparer.Ordinal)
    {
        "azure_ml", "clearml", "codecarbon", "comet_ml", "dagshub", "dvclive", "flyte", "mlflow", "neptune", "swanlab", "trackio", "wandb",
    };

    /// <summary>All, in the order of the help.</summary>
    internal static readonly IReadOnlyList<TrainingArgument> All =
    [
        Whole("per_device_train_batch_size", "rows of a batch (8)", a => a.PerDeviceTrainBatchSize, (a, v) => a.PerDeviceTrainBatchSize = v),
        Whole("per_device_eval_batch_size", "rows of a batch when the loss is evaluated (8)", a => a.PerDeviceEvalBatchSize,
            (a, v) => a.PerDeviceEvalBatchSize = v),
        Whole("gradient_accumulation_steps", "batches of a step (1)", a => a.GradientAccumulationSteps, (a, v) => a.GradientAccumulationSteps = v),
        Whole("micro_batch_tokens", "tokens computed at a time: more are cut, and computed twice, for less memory (32768)", a => a.MicroBatchTokens,
            (a, v) => a.MicroBatchTokens = v),
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
            a => a.BatchSampler, (a, v) => a.BatchSampler = v, [("batch_sampler", BatchSamplerKind.Default),
                ("no_duplicates", BatchSamplerKind.NoDuplicates), ("no_duplicates_hashed", BatchSamplerKind.NoDuplicates)]),
        Named("train_sampling_strategy", "order of the rows (random)", a => a.TrainSamplingStrategy, (a, v) => a.TrainSamplingStrategy = v,
            [("random", TrainSamplingStrategy.Random), ("sequential", TrainSamplingStrategy.Sequential),
                ("group_by_length", TrainSamplingStrategy.GroupByLength)]),
        Named("multi_dataset_batch_sampler", "whose turn it is of several --train (proportional)", a => a.MultiDatasetBatchSampler,
            (a, v) => a.MultiDatasetBatchSampler = v,
            [("proportional", MultiDatasetBatchSampler.Proportional), ("round_robin", MultiDatasetBatchSampler.RoundRobin)]),
        Flag("mask_duplicates", "equal texts of a batch are no negatives of each other", a => a.MaskDuplicates, (a, v) => a.MaskDuplicates = v),
        Named("precision", "arithmetic of the model's products (float32)", a => a.Precision, (a, v) => a.Precision = v,
            [("float32", Precision.Float32), ("bfloat16", Precision.BFloat16), ("float16", Precision.Float16)]),
        Optional("max_length", "longest sequence in tokens (the model's limit)", a => a.MaxLength, (a, v) => a.MaxLength = v),
        Optional("num_labels", "outputs of the new head of an encoder that becomes a cross-encoder (1)", a => a.NumLabels, (a, v) => a.NumLabels = v),
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
        Optional("matryoshka_dims_per_step", "how many of them a step takes, drawn by the seed (all)", a => a.MatryoshkaDimsPerStep,
            (a, v) => a.MatryoshkaDimsPerStep = v),
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
        // Of a list: transformers writes all that it finds. Its "all" was the default of version 4, which nobody asked for.
        new("report_to", "none|tensorboard", "tensorboard: event files (none)", (a, text) => a.ReportToTensorBoard = Trackers(text)
            .Where(part => !OtherTrackers.Contains(part))
            .Select(part => Choice("report_to", part, [("none", false), ("tensorboard", true), ("all", false)])).ToArray().Contains(true),
            a => a.ReportToTensorBoard ? "tensorboard" : "none"),
        new("ignore_warnings", "NAMES", "warnings that are not given, with commas between them", (a, text) => a.IgnoreWarnings =
            [.. List(text).Select(part => Choice(
                "ignore_warnings", part, [.. DataChecks.Names.Concat(TrainingWatch.Names).Concat(Trainer.WarningNames).Select(name => (name, name))]))],
            a => string.Join(',', a.IgnoreWarnings)),
    ];

    /// <summary>Other names of arguments: those of transformers 4, and shorter ones.</summary>
    internal static readonly IReadOnlyDictionary<string, OtherName> Others = new Dictionary<string, OtherName>(StringComparer.Ordinal)
    {
        ["evaluation_strategy"] = new("eval_strategy", text => text),
        ["warmup_ratio"] = new("warmup_steps", text => Text(Real("warmup_ratio", text, v => v is >= 0 and < 1, "0 or more and below 1"))),
        ["group_by_length"] = Switch("group_by_length", "train_sampling_strategy", "group_by_length"),
        ["bf16"] = Switch("bf16", "precision", "bfloat16"),
        ["fp16"] = Switch("fp16", "precision", "float16"),
        ["max_seq_length"] = new("max_length", text => text),
        ["per_gpu_train_batch_size"] = new("per_device_train_batch_size", text => text),
        ["per_gpu_eval_batch_size"] = new("per_device_eval_batch_size", text => text),
    };

    /// <summary>Keys of transformers' and sentence-transformers' files that change nothing here, or nothing on one device.</summary>
    internal static readonly IReadOnlySet<string> WithoutEffect = new HashSet<string>(StringComparer.Ordinal)
    {
        "accelerator_config", "auto_find_batch_size", "average_tokens_across_devices", "batch_eval_metrics", "bf16_full_eval", "dataloader_num_workers",
        "dataloader_persistent_workers", "dataloader_pin_memory", "dataloader_prefetch_factor", "ddp_broadcast_buffers", "ddp_bucket_cap_mb",
        "ddp_find_unused_parameters", "ddp_timeout", "debug", "disable_tqdm", "dispatch_batches", "do_eval", "do_predict", "do_train",
        "enable_jit_checkpoint", "eval_accumulation_steps", "eval_do_concat_batches", "eval_use_gather_object", "fp16_backend", "fp16_full_eval",
        "fp16_opt_level", "fsdp_config", "fsdp_min_num_params", "fsdp_transformer_layer_cls_to_wrap", "full_determinism", "gradient_checkpointing_kwargs",
        "half_precision_backend", "hub_always_push", "hub_model_id", "hub_private_repo", "hub_revision", "hub_strategy", "hub_token", "ignore_data_skip",
        "include_for_metrics", "include_inputs_for_metrics", "include_num_input_tokens_seen", "include_tokens_per_second", "jit_mode_eval",
        "length_column_name", "liger_kernel_config", "log_level", "log_level_replica", "log_on_each_node", "logging_dir", "logging_nan_inf_filter",
        "mp_parameters", "no_cuda", "past_index", "prediction_loss_only", "project", "push_to_hub_model_id", "push_to_hub_organization",
        "push_to_hub_token", "ray_scope", "remove_unused_columns", "restore_callback_states_from_checkpoint", "run_name", "save_on_each_node",
        "save_only_model", "save_safetensors", "skip_memory_metrics", "split_batches", "tf32", "torch_compile_backend", "torch_compile_mode",
        "torch_empty_cache_steps", "torchdynamo", "tpu_metrics_debug", "trackio_space_id", "use_cache", "use_cpu", "use_ipex",
        "use_legacy_prediction_loop", "use_liger_kernel", "use_mps_device", "xpu_backend",
    };

    private static readonly string[] Nothing = ["", "0.0", "[]", "{}", "none", "None", .. False];

    // With the values that ask for nothing.
    private static readonly Dictionary<string, string[]> NotYet = new(StringComparer.Ordinal)
    {
        ["_n_gpu"] = ["-1", "0", "1"],
        ["adafactor"] = Nothing,
        ["ddp_backend"] = Nothing,
        ["deepspeed"] = Nothing,
        ["eval_delay"] = Nothing,
        ["fsdp"] = Nothing,
        ["knowledge_distillation"] = Nothing,
        ["label_names"] = Nothing,
        ["label_smoothing_factor"] = Nothing,
        ["learning_rate_mapping"] = Nothing,
        ["local_rank"] = ["-1", "0"],
        ["lora_alpha"] = Nothing,
        ["lora_dropout"] = Nothing,
        ["lora_r"] = Nothing,
        ["lora_target_modules"] = Nothing,
        ["lr_scheduler_kwargs"] = Nothing,
        ["negatives_cross_device"] = Nothing,
        ["neftune_noise_alpha"] = Nothing,
        ["normlized"] = ["true", "True"], // as every loss with a cosine does
        ["optim"] = ["adamw_torch", "adamw_torch_fused", "adamw_hf"],
        ["optim_args"] = Nothing,
        ["optim_target_modules"] = Nothing,
        ["parallelism_config"] = Nothing,
        ["passage_max_len"] = Nothing,
        ["push_to_hub"] = Nothing,
        ["query_max_len"] = Nothing,
        ["router_mapping"] = Nothing,
        ["temperature"] = Nothing,
        ["sharded_ddp"] = Nothing,
        ["torch_compile"] = Nothing,
        ["tp_size"] = ["0", "1"],
        ["tpu_num_cores"] = Nothing,
        ["train_group_size"] = Nothing,
        ["use_lora"] = Nothing,
    };

    /// <summary>Names that are known, and do nothing here; those that begin with _ are of files alone.</summary>
    internal static IEnumerable<string> Idle => WithoutEffect.Concat(NotYet.Keys).Where(name => name[0] != '_');

    /// <summary>Whether a key is of something that is not there yet: other optimisers, adapters, more than one device.</summary>
    internal static bool IsNotYet(string name) => NotYet.ContainsKey(name)
        || (!WithoutEffect.Contains(name) && new[] { "lora", "peft", "fsdp", "ddp_" }.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));

    /// <summary>Whether a key that does nothing here has a value that changes nothing elsewhere either.</summary>
    private static bool AsksForNothing(string name, string value) => NotYet.GetValueOrDefault(name, Nothing).Contains(value);

    /// <summary>What of a key does nothing here: the key, or some of its values after it; null: nothing.</summary>
    internal static string? WithoutEffectOf(string name, string value)
    {
        if (name != "report_to") { return WithoutEffect.Contains(name) && !AsksForNothing(name, value) ? name : null; }
        string[] others = [.. Trackers(value).Where(OtherTrackers.Contains)];
        return others.Length == 0 ? null : $"{name} {string.Join(' ', others)}";
    }

    /// <summary>Refuses a value of what is not there yet, unless it asks for nothing.</summary>
    /// <exception cref="ArgumentException">One line.</exception>
    internal static void CheckNotYet(string name, string value)
    {
        if (AsksForNothing(name, value)) { return; }
        throw new ArgumentException($"{name} {value}: not yet; " + name switch
        {
            "temperature" => "give the loss its scale, 1 / temperature",
            "query_max_len" or "passage_max_len" => "give max_length, for all texts",
            "train_group_size" => "give as many columns of negatives, train_group_size - 1",
            _ => "leave it out",
        });
    }

    /// <summary>Takes what one source gives, a file or a command line; a later source goes before an earlier one.</summary>
    /// <exception cref="ArgumentException">One line that begins with a name: a value out of range, or one that contradicts another.</exception>
    internal static void Set(TrainingArguments arguments, IReadOnlyCollection<KeyValuePair<string, string>> given)
    {
        Dictionary<string, (string Name, string Text, string Value)> asked = new(StringComparer.Ordinal);
        // Other names first: turned off, they take back what an earlier source gave, and nothing of this one.
        foreach ((string name, string text) in given)
        {
            if (!Others.TryGetValue(name, out OtherName? other)) { continue; }
            TrainingArgument argument = Find(other.Of)!;
            if (other.Value(text) is not { } value)
            {
                if (!asked.ContainsKey(other.Of) && argument.Get(arguments) == other.Value("true")) { argument.Set(arguments, argument.Get(new())); }
                continue;
            }
            if (asked.TryGetValue(other.Of, out (string Name, string Text, string Value) before) && before.Value != value)
            {
                throw Contradiction(name, text, before);
            }
            asked[other.Of] = (name, text, value);
            argument.Set(arguments, value);
        }
        foreach ((string name, string text) in given)
        {
            if (Find(name) is not { } argument) { continue; }
            if (asked.TryGetValue(name, out (string Name, string Text, string Value) before))
            {
                // Those of transformers 4: a number of steps goes before a share, and 0 is none.
                if (before.Name == "warmup_ratio") { if (double.TryParse(text, CultureInfo.InvariantCulture, out double steps) && steps == 0) { continue; } }
                else if (before.Value != text) { throw Contradiction(name, text, before); }
            }
            argument.Set(arguments, text);
        }

        static ArgumentException Contradiction(string name, string text, (string Name, string Text, string Value) other) =>
            new($"{name} {text}: contradicts {other.Name} {other.Text}; leave one of them out");
    }

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

    /// <summary>Refuses values that no command line could give.</summary>
    /// <exception cref="ArgumentException">One line that begins with a name.</exception>
    internal static void Check(TrainingArguments arguments)
    {
        TrainingArguments taken = new();
        foreach (TrainingArgument argument in All)
        {
            if (argument.Get(arguments) is { Length: > 0 } value) { argument.Set(taken, value); }
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
        (a, text) => set(a, Choice(name, text, values)),
        a => values.FirstOrDefault(value => EqualityComparer<T>.Default.Equals(value.Value, get(a))).Name ?? "");

    private static TrainingArgument Strategy(
        string name, string description, Func<TrainingArguments, IntervalStrategy> get, Action<TrainingArguments, IntervalStrategy> set,
            bool hasBest = false) =>
        Named(name, description, get, set, [("no", IntervalStrategy.No), ("steps", IntervalStrategy.Steps), ("epoch", IntervalStrategy.Epoch),
            .. hasBest ? new[] { ("best", IntervalStrategy.Best) } : []]);

    private static T Choice<T>(string name, string text, (string Name, T Value)[] values) =>
        values.FirstOrDefault(value => value.Name == text) is { Name: not null } found ? found.Value
            : throw new ArgumentException($"{name} {text}: it is one of {string.Join(", ", values.Select(value => value.Name))}."
                + NearNames.Suggest(text, values.Select(value => value.Name)));

    private static OtherName Switch(string name, string of, string on) => new(of, text => Flag(name, text) ? on : null);

    private static int Whole(string name, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0 ? value
            : throw new ArgumentException($"{name} {text}: give a whole number from 1 up");

    private static ulong Seed(string name, string text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value
        : throw new ArgumentException($"{name} {text}: give a whole number from 0 up");

    private static double Real(string name, string text, Func<double, bool> isTaken, string range) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && isTaken(value) ? value
            : throw new ArgumentException($"{name} {text}: give a number, {range}");

    /// <summary>True or false, as Python, YAML and JSON write it.</summary>
    internal static bool Flag(string name, string text) => True.Contains(text) || (!False.Contains(text)
        ? throw new ArgumentException($"{name} {text}: give true or false") : false);

    // Also with blanks between them, as transformers takes them on a command line.
    private static string[] Trackers(string text) => List(text.Replace(' ', ','));

    private static string[] List(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static Dictionary<string, string> PromptsOf(string text)
    {
        if (!text.StartsWith('{')) { return new Dictionary<string, string> { [""] = text }; }
        try
        {
            using JsonDocument json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return json.RootElement.EnumerateObject().ToDictionary(property => property.Name, property => property.Value.GetString() ?? "");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ArgumentException("prompts: write {\"column\": \"prompt\", ...}, or one text for all columns", error);
        }
    }

    private static string TextOf(IReadOnlyDictionary<string, string> prompts)
    {
        return prompts.Count == 0 ? "" : "{" + string.Join(", ", prompts.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{Json(entry.Key)}: {Json(entry.Value)}")) + "}";

        static string Json(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
    }

    private static string Text<T>(T? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture).Replace('E', 'e'), // as Python writes 5e-05
        _ => value.ToString() ?? "",
    };
}
