namespace MiniLM.Cli.Tests;

/// <summary>Arguments of a training: from where they come, which of them go together, and what is said of the rest.</summary>
public sealed class TrainArgumentsTests : CommandTests
{
    private string Output => At("out");

    private string Pairs(string name = "pairs.tsv", string head = "a\tb") => Write(name,
        head + "\n" + string.Concat(new[] { "one", "two", "three", "a", "of", "the" }.Select(word => $"{word}\t{word} of the\n")));

    private CommandResult Train(params string[] more) => Train(["--train", Pairs(), "--columns", "a,b", "--loss", "MultipleNegativesRanking"], more);

    private CommandResult Train(string[] data, string[] more)
    {
        string[] output = more.Contains("--overfit") ? [] : ["--output-dir", Output, "--overwrite"];
        return CommandLine.Run(["train", "--task", "bi-encoder", "--model", BiEncoder, .. data, "--max-steps", "1", "--ignore-warnings", "large-batch",
            "--per-device-train-batch-size", "3", .. output, .. more]);
    }

    private string Card() => File.ReadAllText(Path.Combine(Output, "README.md"));

    [Fact]
    public void TheCommandLine_GoesBeforeTheFile()
    {
        string yaml = Write("run.yaml", "bf16: true\nbatch_sampler: no_duplicates\ntrain_sampling_strategy: random\nquotes: on\noverwrite: no\n");
        Train("--config", yaml).AssertDone();
        Assert.Contains("bfloat16", Card());
        Assert.Contains("no_duplicates", Card());
        Train("--config", yaml, "--bf16", "false", "--batch-sampler", "batch_sampler", "--quotes", "off").AssertDone();
        Assert.DoesNotContain("bfloat16", Card());
        Assert.DoesNotContain("no_duplicates", Card());
    }

    [Theory]
    [InlineData("--fp16 true: contradicts bf16 true", "--bf16", "--fp16")]
    [InlineData("--precision float32: contradicts bf16 true", "--bf16", "--precision", "float32")]
    [InlineData("batch_sampler no_duplicates: makes its batches in an order of its own", "--batch-sampler", "no_duplicates", "--group-by-length")]
    [InlineData("another train_sampling_strategy than random", "--batch-sampler", "no_duplicates", "--train-sampling-strategy", "sequential")]
    [InlineData("num_train_epochs 1000000000000: that is more than", "--num-train-epochs", "1e12", "--max-steps", "-1")]
    [InlineData("--lora-r 8: not yet; leave it out", "--lora-r", "8")]
    [InlineData("--optim adafactor: not yet", "--optim", "adafactor")]
    [InlineData("--ignore-warnings overlaps: it is one of overlap, constant-labels", "--ignore-warnings", "overlaps")]
    [InlineData("matryoshka_weights: is of matryoshka_dims, and there are none", "--matryoshka-weights", "1,2")]
    [InlineData("--overfit takes the same rows in every step at a constant rate and writes nothing: leave out --html", "--overfit", "one", "--html", "a.html")]
    [InlineData("--overfit-below is of --overfit: give both", "--overfit-below", ".5")]
    [InlineData("metric_for_best_model ndcg: there is nothing to measure. Give data to evaluate on.", "--metric-for-best-model", "ndcg")]
    [InlineData("leave out --eval, --test, --lr-scheduler-type", "--overfit", "one", "--eval", "x", "--test", "y", "--lr-scheduler-type", "linear")]
    [InlineData("--columns is given 3 times for 1 --train", "--columns", "a,b", "--columns", "b,a")]
    public void WhatDoesNotGoTogether_IsRefused(string message, params string[] more)
    {
        string[] data = ["--train", Pairs(), "--columns", "a,b", "--loss", "MultipleNegativesRanking"];
        string[] common = more.Contains("--overfit") ? [] : ["--output-dir", Output];
        string[] steps = more.Contains("--max-steps") ? [] : ["--max-steps", "1"];
        CommandLine.Run(["train", "--task", "bi-encoder", "--model", BiEncoder, .. data, .. common, .. steps, .. more]).AssertRefused(2, message);
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void NoDuplicates_DoNotGoWithAGivenOrder() => Train("--batch-sampler", "no_duplicates", "--data-order", Write("order.txt", "0\n1\n"))
        .AssertRefused(2, "batch_sampler no_duplicates: makes its batches in an order of its own, so that it does not go with an order of rows");

    [Fact]
    public void AGivenOrder_IsTheOnlyOne() => Train("--train-sampling-strategy", "group_by_length", "--data-order", Write("order.txt", "0\n1\n"))
        .AssertRefused(2, "an order of rows (--data-order) and another train_sampling_strategy than random are two orders");

    [Fact]
    public void PositiveWeights_AreAboveZero()
    {
        string rows = Write("rows.tsv", "a\tlabel\none\t1\ntwo\t0\n");
        CommandLine.Run("train", "--task", "cross-encoder", "--model", BiEncoder, "--train", rows, "--columns", "a,label", "--loss", "BinaryCrossEntropy",
            "--pos-weight", "0", "--output-dir", Output).AssertRefused(2, "--pos-weight 0: give a number above 0");
    }

    [Fact]
    public void ADumpOfTransformersArguments_IsTaken()
    {
        string json = Write("training_args.json", """
            {"output_dir": null, "do_train": false, "evaluation_strategy": null, "eval_strategy": "no", "prediction_loss_only": false,
             "per_gpu_train_batch_size": null, "eval_delay": 0, "lr_scheduler_type": "linear", "lr_scheduler_kwargs": {}, "warmup_ratio": 0.0,
             "warmup_steps": 0, "log_level": "passive", "logging_nan_inf_filter": true, "bf16": false, "fp16": false, "fp16_opt_level": "O1",
             "local_rank": 0, "ddp_backend": null, "debug": [], "past_index": -1, "label_names": null, "fsdp": [], "data_seed": null,
             "fsdp_config": {"min_num_params": 0, "xla": false}, "deepspeed": null, "label_smoothing_factor": 0.0, "optim": "adamw_torch_fused",
             "adafactor": false, "group_by_length": false, "report_to": ["tensorboard", "wandb"], "ddp_timeout": 1800, "push_to_hub": false,
             "accelerator_config": {"split_batches": false, "dispatch_batches": null}, "hub_token": "<HUB_TOKEN>", "use_liger_kernel": false,
             "torch_compile": false, "prompts": null, "batch_sampler": "no_duplicates_hashed", "multi_dataset_batch_sampler": "proportional",
             "tp_size": 0, "sharded_ddp": [], "xpu_backend": null, "_n_gpu": 1,
             "router_mapping": {}, "learning_rate_mapping": {}, "max_grad_norm": 1.0, "tf32": null}
            """);
        CommandResult result = Train("--config", json, "--dataloader_num_workers", "4", "--eval-delay", "0").AssertDone();
        Assert.Contains("training_args.json: without effect here: log_level, logging_nan_inf_filter, fp16_opt_level, past_index, fsdp_config, "
            + "report_to wandb, ddp_timeout, accelerator_config, hub_token\n", result.Error.ReplaceLineEndings("\n"));
        Assert.Contains("without effect here: --dataloader-num-workers", result.Error);
        Assert.Contains("no_duplicates", Card());
        Assert.True(Directory.Exists(Path.Combine(Output, "runs")));
        Train("--config", Write("parallel.yaml", "tp_size: 2")).AssertRefused(2, "parallel.yaml: tp_size 2: not yet; leave it out");
        Train("--config", Write("gpus.yaml", "_n_gpu: 4")).AssertRefused(2, "gpus.yaml: _n_gpu 4: not yet; leave it out");
        Assert.Contains("without effect here: --report-to wandb", Train("--report_to", "tensorboard wandb").AssertDone().Error);
        Train("--config", Write("flag.yaml", "temperature: 0.02")).AssertRefused(2, "flag.yaml: temperature 0.02: not yet; give the loss its scale");
    }

    [Fact]
    public void AFile_SaysYesNoAndNothingAsPythonReadsThem()
    {
        string yaml = Write("run.yaml", "bf16: on\nlogging_first_step: Yes\npush_to_hub: no\ntorch_compile: OFF\ndata_seed: NULL\nmax_length: Null\n"
            + "overfit_below: .5\n");
        Assert.Contains("run.yaml: without effect without overfit: overfit_below", Train("--config", yaml).AssertDone().Error);
        Assert.Contains("bfloat16", Card());
        Assert.Contains("<code>logging_first_step</code>: true", Card());
    }

    [Fact]
    public void AYamlFile_HasObjectsInsideOneAnother_AsAJsonFile()
    {
        string yaml = Write("run.yaml", "fsdp_config: {layers: [BertLayer, {a: b}], xla: no}\naccelerator_config:\n  kwargs:\n    a: [1]\n"
            + "prompts: {a: \"x\\n\"}\ndebug: [[a], b]\n");
        Assert.Contains("run.yaml: without effect here: fsdp_config, accelerator_config, debug", Train("--config", yaml).AssertDone().Error);
        Assert.Contains("<code>prompts</code>: {&#34;a&#34;: &#34;x&#92;n&#34;}", Card());
        Train("--config", Write("deep.yaml", $"debug: {new string('[', 100_000)}{new string(']', 100_000)}")).AssertRefused(1, "maximum nesting depth of 64");
        Train("--config", Write("twice.yaml", "seed: 1\nprompts: {a: x, a: y}")).AssertRefused(2, "twice.yaml: prompts: write {\"column\": \"prompt\", ...}");
        Train("--config", Write("two.yaml", "seed: 1\n---\n")).AssertRefused(1, "two.yaml:2: is not one YAML mapping (Expected 'StreamEnd', got "
            + "'DocumentStart'). Write lines as");
    }

    [Theory]
    [InlineData("--config")]
    [InlineData("--data-order")]
    [InlineData("--eval-queries", "--eval-corpus", "nosuch", "--eval-qrels", "nosuch")]
    public void ThePage_ReplacesNoFileThatIsRead(string option, params string[] more)
    {
        string read = Write("read.yaml", option == "--data-order" ? "0\n1\n" : "seed: 7\n"), before = File.ReadAllText(read);
        Train([option, read, .. more, "--html", read]).AssertRefused(2, "read.yaml: is the input and the output");
        Assert.Equal(before, File.ReadAllText(read));
    }

    [Fact]
    public void AWarmUp_AsLongAsTheRun_IsSaid()
    {
        string said = Train("--warmup-steps", "1").AssertDone().Error;
        Assert.Contains("warmup_steps 1: the run has 1 step(s), so that its learning rate never comes to 5e-5.", said);
        Assert.Contains("(--ignore-warnings long-warm-up)", said);
        Assert.DoesNotContain("long-warm-up", Train("--warmup-steps", "1", "--lr-scheduler-type", "constant").AssertDone().Error);
        Assert.DoesNotContain("long-warm-up", CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", Pairs(), "--columns", "a,b",
            "--loss", "MultipleNegativesRanking", "--warmup-steps", "1", "--max-steps", "2", "--output-dir", Output, "--overwrite").AssertDone().Error);
    }

    [Fact]
    public void AFile_GivesEveryOption()
    {
        string table = Write("rows.txt", "one|one of|1\ntwo|two of|0\nthree|three a|1\n"), html = At("run.html");
        string yaml = Write("run.yaml", $"task: bi-encoder\nmodel_name_or_path: {BiEncoder}\ntrain:\n- \"{table}:OnlineContrastive(margin=0.4, "
            + "distance_metric=cosine)\"\ncolumns: [0, 1, 2]\nformat: tsv\ndelimiter: \"|\"\nno_header: yes\nquotes: off\nfix_text: full\n"
            + $"output_dir: {Output}\noverwrite: True\nhtml: {html}\nmax_steps: 1\nignore_warnings: [large-batch]\nthreads: 1\nsave_steps: 5\n");
        CommandLine.Run("train", "--config", yaml).AssertDone();
        CommandLine.Run("train", "--config", yaml).AssertDone(); // over itself
        Assert.True(File.Exists(html));
        Assert.Contains("\"margin\": 0.4", Card());
        Assert.Contains("* Columns: <code>0</code>, <code>1</code> and <code>2</code>", Card());
        CommandLine.Run("train", "--config", yaml, "--overwrite", "false").AssertRefused(1, "run.html: exists");
        CommandResult overfit = CommandLine.Run(
            "train", "--config", yaml, "--overfit", "one", "--overfit-below", "1e9", "--save-strategy", "no", "--warmup-steps", "0").AssertDone();
        Assert.Contains("minilm: without effect with --overfit: --warmup-steps, --save-strategy", overfit.Error);
        Assert.Contains("run.yaml: without effect with --overfit: output_dir, overwrite, html, save_steps", overfit.Error);
        CommandLine.Run("train", "--config", Write("two.yaml", "seed: 1\n---\nseed: 2\n")).AssertRefused(1, "two.yaml:2: is not one YAML mapping");
        CommandLine.Run("train", "--config", Write("quotes.yaml", "quotes: maybe")).AssertRefused(2, "quotes.yaml: --quotes maybe: it is one of on, off");
        CommandLine.Run("train", "--config", Write("flag.yaml", "overwrite: maybe")).AssertRefused(2, "flag.yaml: overwrite maybe: give true or false");
    }

    [Fact]
    public void EveryFile_HasColumnsOfItsOwn()
    {
        string pairs = Pairs(), others = Pairs("others.tsv", "x\ty"), graded = Write("graded.tsv", "p\tq\tscore\none\tone of\t0.3\ntwo\tthe\t0.1\n");
        string[] data = ["--train", pairs + ":MultipleNegativesRanking", "--train", others + ":MultipleNegativesSymmetricRanking",
            "--columns", "a,b", "--columns", "x,y", "--eval", graded, "--eval-columns", "p,q,score"];
        Train(data, []).AssertDone();
        Assert.Equal("epoch,steps,cosine_pearson,cosine_spearman", File.ReadLines(Path.Combine(Output, "eval", "similarity_evaluation_graded_results.csv"))
            .First());
        string yaml = Write("run.yaml", $"train: [\"{pairs}:MultipleNegativesRanking\", \"{others}:MultipleNegativesRanking\"]\ncolumns: [\"a,b\", \"x,y\"]\n");
        Train(["--config", yaml], []).AssertDone();
        Train([.. data[..4], "--columns", "a,b"], []).AssertRefused(1, "others.tsv:1: has no column 'a'");
    }

    [Theory]
    [InlineData("\"epoch\": 0", "\"epoch\": 5", "epoch 5"), InlineData("\"epoch\": 0", "\"epoch\": -1", "epoch -1")]
    [InlineData("\"global_step\": 1", "\"global_step\": -1", "global_step -1"), InlineData("\"patience\": 0", "\"patience\": 99", "patience 99")]
    [InlineData("\"batches_of_epoch\": 1", "\"batches_of_epoch\": 2000000000", "batches_of_epoch 2000000000: epoch 0 has 2")]
    [InlineData("\"tokens\"", "\"epoch\": 0, \"tokens\"", "'epoch'"), InlineData("\"optimizer_steps\": 1", "\"optimizer_steps\": 2", "optimizer_steps 2")]
    [InlineData("\"loss_count\": 1", "\"loss_count\": 1e99", ""), InlineData("\"seconds\": ", "\"seconds\": -", "seconds -")]
    [InlineData("\"total_loss\": ", "\"total_loss\": 1e999, \"x\": ", "total_loss 1e999"), InlineData("\"seed\":", "\"seed\": \"8\", \"seed\":", "'seed'")]
    public void ADamagedStateOfTraining_IsRefusedInOneLine(string text, string damaged, string named)
    {
        string[] arguments = ["train", "--task", "bi-encoder", "--model", BiEncoder, "--train", Pairs(), "--columns", "a,b", "--loss",
            "MultipleNegativesRanking", "--max-steps", "2", "--per-device-train-batch-size", "3", "--save-steps", "1", "--output-dir", Output];
        CommandLine.Run(arguments).AssertDone();
        string state = Path.Combine(Output, "checkpoint-1", "training_state.json");
        string before = File.ReadAllText(state);
        Assert.Contains(text, before);
        File.WriteAllText(state, before.Replace(text, damaged));
        CommandResult result = CommandLine.Run([.. arguments, "--resume-from-checkpoint", Path.GetDirectoryName(state)!]);
        result.AssertRefused(1, "training_state.json: is damaged (");
        Assert.Contains(named, result.Error);
    }

    [Fact]
    public void ResumingFromTrue_IsFromTheLastCheckpoint()
    {
        Train().AssertDone();
        Train("--resume-from-checkpoint", "true").AssertDone();
        Train("--resume-from-checkpoint", "false").AssertDone();
    }
}
