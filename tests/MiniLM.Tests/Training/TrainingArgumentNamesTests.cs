using MiniLM.Compute;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class TrainingArgumentNamesTests
{
    private static void Set(TrainingArguments arguments, string name, string value)
    {
        if (TrainingArgumentNames.Find(name) is { } argument) { argument.Set(arguments, value); } else { TrainingArgumentNames.Others[name](arguments, value); }
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
            if (argument.Name is "batch_sampler" or "train_sampling_strategy") { continue; } // two names of one thing
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
        Set(arguments, "overwrite_output_dir", "true");
        Assert.Equal((.1, IntervalStrategy.Epoch, BatchSamplerKind.GroupByLength, Precision.BFloat16, (int?)64, true),
            (arguments.WarmupSteps, arguments.EvalStrategy,
            arguments.BatchSampler, arguments.Precision, arguments.MaxLength, arguments.Overwrite));
    }

    [Theory]
    [InlineData("learning_rate", "-1"), InlineData("learning_rate", "fast"), InlineData("learning_rate", "NaN"), InlineData("num_train_epochs", "0")]
    [InlineData("warmup_steps", "1.5"), InlineData("warmup_ratio", "1"), InlineData("warmup_steps", "-1"), InlineData("adam_beta1", "1")]
    [InlineData("max_steps", "0"), InlineData("max_steps", "-2"), InlineData("seed", "-1"), InlineData("dropout", "1"), InlineData("logging_steps", "0")]
    [InlineData("save_steps", "2.5"), InlineData("eval_strategy", "best"), InlineData("dataloader_drop_last", "maybe"),
        InlineData("per_device_train_batch_size", "0")]
    [InlineData("prompts", "{\"a\": 1}"), InlineData("matryoshka_dims", "8,x"), InlineData("lr_scheduler_type", "polynomial"),
        InlineData("max_grad_norm", "-1")]
    public void ValuesOutOfRange_AreRefusedByName(string name, string value)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Set(new TrainingArguments(), name, value));
        Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("lora_r", true), InlineData("fsdp", true), InlineData("deepspeed", true), InlineData("ddp_backend", true), InlineData("use_cpu", false)]
    public void Adapters_AndSeveralDevices_AreNotYet(string name, bool isNotYet)
    {
        Assert.Equal(isNotYet, TrainingArgumentNames.IsNotYet(name));
        Assert.Equal(!isNotYet, TrainingArgumentNames.WithoutEffect.Contains(name));
    }
}
