using MiniLM.Compute;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class TrainingArgumentNamesTests
{
    private static void Set(TrainingArguments arguments, params string[] namesAndValues) => TrainingArgumentNames.Set(arguments,
        [.. namesAndValues.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1]))]);

    private static TrainingArguments Of(params string[] namesAndValues)
    {
        TrainingArguments arguments = new();
        Set(arguments, namesAndValues);
        return arguments;
    }

    [Fact]
    public void EveryArgument_GivesBackWhatItWasGiven()
    {
        Dictionary<string, string> special = new()
        {
            ["lr_scheduler_type"] = "cosine",
            ["batch_sampler"] = "no_duplicates",
            ["train_sampling_strategy"] = "group_by_length",
            ["multi_dataset_batch_sampler"] = "round_robin",
            ["precision"] = "float16",
            ["report_to"] = "tensorboard",
            ["logging_strategy"] = "epoch",
            ["eval_strategy"] = "steps",
            ["save_strategy"] = "best",
            ["greater_is_better"] = "false",
            ["ignore_warnings"] = "overlap,no-gradient",
            ["prompts"] = "{\"a\": \"query: \"}",
        };
        foreach (TrainingArgument argument in TrainingArgumentNames.All)
        {
            string value = special.GetValueOrDefault(argument.Name) ?? (argument.HelpName.Length == 0 ? "true" : argument.HelpName is "N" or "N,N" ? "7"
                : argument.HelpName is "X" or "P" or "X,X" ? "0.25" : "some");
            TrainingArguments arguments = new();
            Assert.False(argument.Get(arguments) == value, $"{argument.Name}: {value} is the default");
            argument.Set(arguments, value);
            Assert.Equal(value.Replace('"', '\''), argument.Get(arguments).Replace('"', '\''));
            Assert.Equal([argument.Name], TrainingArgumentNames.Values(arguments).Where(entry => entry.IsGiven).Select(entry => entry.Name));
        }
    }

    [Fact]
    public void Defaults_AreThoseOfTransformers()
    {
        Dictionary<string, string> values = TrainingArgumentNames.Values(new TrainingArguments()).ToDictionary(entry => entry.Name, entry => entry.Value);
        Assert.Equal(("8", "8", "3", "-1", "5e-05", "linear", "0"), (values["per_device_train_batch_size"], values["per_device_eval_batch_size"],
            values["num_train_epochs"], values["max_steps"], values["learning_rate"], values["lr_scheduler_type"], values["warmup_steps"]));
        Assert.Equal(("0", "0.9", "0.999", "1e-08", "1", "1", "42", ""),
            (values["weight_decay"], values["adam_beta1"], values["adam_beta2"], values["adam_epsilon"],
            values["max_grad_norm"], values["gradient_accumulation_steps"], values["seed"], values["data_seed"]));
        Assert.Equal(("steps", "500", "false", "no", "", "steps", "500", ""),
            (values["logging_strategy"], values["logging_steps"], values["logging_first_step"],
            values["eval_strategy"], values["eval_steps"], values["save_strategy"], values["save_steps"], values["save_total_limit"]));
        Assert.All(TrainingArgumentNames.Values(new TrainingArguments()), entry => Assert.False(entry.IsGiven));
    }

    [Fact]
    public void OtherNames_AreTheSameArguments()
    {
        TrainingArguments arguments = new();
        Set(arguments, "warmup_ratio", ".1");
        Set(arguments, "evaluation_strategy", "epoch");
        Set(arguments, "group_by_length", "True");
        Set(arguments, "bf16", "true");
        Set(arguments, "fp16", "false");
        Set(arguments, "max_seq_length", "64");
        Set(arguments, "per_gpu_train_batch_size", "3", "per_gpu_eval_batch_size", "5");
        Assert.Equal((.1, IntervalStrategy.Epoch, TrainSamplingStrategy.GroupByLength, Precision.BFloat16, (int?)64, 3, 5),
            (arguments.WarmupSteps, arguments.EvalStrategy, arguments.TrainSamplingStrategy, arguments.Precision, arguments.MaxLength,
                arguments.PerDeviceTrainBatchSize, arguments.PerDeviceEvalBatchSize));
        Assert.Equal(Precision.Float16, Of("fp16", "true").Precision);
    }

    [Fact]
    public void ALaterSource_GoesBeforeAnEarlierOne()
    {
        TrainingArguments arguments = Of("bf16", "true", "batch_sampler", "no_duplicates_hashed", "group_by_length", "true", "warmup_ratio", "0.1");
        Set(arguments, "fp16", "false");
        Assert.Equal((Precision.BFloat16, BatchSamplerKind.NoDuplicates), (arguments.Precision, arguments.BatchSampler));
        Set(arguments, "bf16", "false", "batch_sampler", "batch_sampler", "group_by_length", "false", "warmup_steps", "0");
        Assert.Equal(TrainingArgumentNames.Values(new TrainingArguments()), TrainingArgumentNames.Values(arguments));
        Set(arguments, "precision", "bfloat16");
        Set(arguments, "fp16", "true");
        Assert.Equal(Precision.Float16, arguments.Precision);
    }

    [Fact]
    public void WhatIsOffInASource_TakesNothingFromIt()
    {
        Assert.Equal(Precision.BFloat16, Of("precision", "bfloat16", "bf16", "false", "fp16", "false").Precision);
        Assert.Equal(Precision.Float16, Of("fp16", "true", "bf16", "false").Precision);
        Assert.Equal(TrainSamplingStrategy.Sequential, Of("train_sampling_strategy", "sequential", "group_by_length", "false").TrainSamplingStrategy);
        TrainingArguments both = Of("batch_sampler", "no_duplicates", "train_sampling_strategy", "random");
        Assert.Equal((BatchSamplerKind.NoDuplicates, TrainSamplingStrategy.Random), (both.BatchSampler, both.TrainSamplingStrategy));
    }

    [Theory]
    [InlineData("0.1", "0", .1), InlineData("0.1", "0.0", .1), InlineData("0.1", "7", 7), InlineData("0", "7", 7), InlineData("0", "0", 0)]
    public void AWarmupOfNoSteps_LeavesTheRatio(string ratio, string steps, double expected)
    {
        Assert.Equal(expected, Of("warmup_ratio", ratio, "warmup_steps", steps).WarmupSteps);
        Assert.Equal(expected, Of("warmup_steps", steps, "warmup_ratio", ratio).WarmupSteps);
    }

    [Theory]
    [InlineData("bf16", "true", "fp16", "true", "fp16 true: contradicts bf16 true"), InlineData("precision", "float32", "bf16", "1",
        "precision float32: contradicts bf16 1"), InlineData("group_by_length", "true", "train_sampling_strategy", "random",
        "train_sampling_strategy random: contradicts group_by_length true"), InlineData("max_length", "8", "max_seq_length", "9", "max_length 8: contradicts")]
    public void WhatContradicts_IsRefusedByName(string first, string firstValue, string second, string secondValue, string message)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Of(first, firstValue, second, secondValue));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Of(second, secondValue, first, firstValue));
        Assert.Equal(8, Of("max_length", "8", "max_seq_length", "8").MaxLength);
    }

    [Theory]
    [InlineData("all", false), InlineData("", false), InlineData("none", false), InlineData("tensorboard", true), InlineData("none,tensorboard", true)]
    [InlineData("wandb", false), InlineData("mlflow, tensorboard", true)]
    public void ReportTo_IsAList(string value, bool expected) => Assert.Equal(expected, Of("report_to", value).ReportToTensorBoard);

    [Fact]
    public void MoreStepsThanCanBeCounted_AreRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Of("num_train_epochs", "1e12").TotalSteps(3));
        Assert.StartsWith("num_train_epochs 1000000000000: that is more than 2147483647 steps", error.Message, StringComparison.Ordinal);
        Assert.Equal(int.MaxValue, Of("num_train_epochs", "2147483647").TotalSteps(1));
        Assert.Throws<ArgumentException>(() => Of("num_train_epochs", "2147483647.5").TotalSteps(1));
        Assert.Equal(5, Of("num_train_epochs", "1e12", "max_steps", "5").TotalSteps(3));
    }

    [Theory]
    [InlineData("learning_rate", "-1"), InlineData("learning_rate", "fast"), InlineData("learning_rate", "NaN"), InlineData("num_train_epochs", "0")]
    [InlineData("warmup_steps", "1.5"), InlineData("warmup_ratio", "1"), InlineData("warmup_steps", "-1"), InlineData("adam_beta1", "1")]
    [InlineData("max_steps", "0"), InlineData("max_steps", "-2"), InlineData("seed", "-1"), InlineData("dropout", "1"), InlineData("logging_steps", "0")]
    [InlineData("save_steps", "2.5"), InlineData("eval_strategy", "best"), InlineData("dataloader_drop_last", "maybe"),
        InlineData("per_device_train_batch_size", "0")]
    [InlineData("prompts", "{\"a\": 1}"), InlineData("matryoshka_dims", "8,x"), InlineData("lr_scheduler_type", "polynomial"),
        InlineData("max_grad_norm", "-1"), InlineData("report_to", "wanbd"), InlineData("ignore_warnings", "overlap,overlaps")]
    public void ValuesOutOfRange_AreRefusedByName(string name, string value)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Set(new TrainingArguments(), name, value));
        Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("lora_r", true), InlineData("fsdp", true), InlineData("deepspeed", true), InlineData("ddp_backend", true), InlineData("use_cpu", false),
        InlineData("ddp_timeout", false)]
    public void Adapters_AndSeveralDevices_AreNotYet(string name, bool isNotYet)
    {
        Assert.Equal(isNotYet, TrainingArgumentNames.IsNotYet(name));
        Assert.Equal(!isNotYet, TrainingArgumentNames.WithoutEffect.Contains(name));
    }

    [Theory]
    [InlineData("optim", "adamw_torch", true), InlineData("optim", "adamw_torch_fused", true), InlineData("optim", "adafactor", false)]
    [InlineData("eval_delay", "0", true), InlineData("eval_delay", "2", false), InlineData("lr_scheduler_kwargs", "{}", true),
        InlineData("local_rank", "-1", true)]
    [InlineData("push_to_hub", "false", true), InlineData("push_to_hub", "true", false), InlineData("temperature", "0.02", false),
        InlineData("normlized", "false", false)]
    [InlineData("normlized", "true", true), InlineData("lora_new", "8", false), InlineData("fsdp", "", true), InlineData("local_rank", "1", false)]
    public void WhatIsNotYet_IsRefusedOnlyWhenItAsksForSomething(string name, string value, bool isTaken)
    {
        Assert.True(TrainingArgumentNames.IsNotYet(name));
        if (isTaken) { TrainingArgumentNames.CheckNotYet(name, value); }
        else
        {
            ArgumentException error = Assert.Throws<ArgumentException>(() => TrainingArgumentNames.CheckNotYet(name, value));
            Assert.StartsWith($"{name} {value}: not yet; ", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Names_AreOfOneKind()
    {
        string[] idle = [.. TrainingArgumentNames.Idle];
        Assert.Equal(idle.Length, idle.Distinct().Count());
        Assert.DoesNotContain(idle, name => TrainingArgumentNames.Find(name) is not null || TrainingArgumentNames.Others.ContainsKey(name));
        Assert.All(TrainingArgumentNames.Others.Values, other => Assert.NotNull(TrainingArgumentNames.Find(other.Of)));
    }
}
