using System.Text.Json;

namespace MiniLM.Cli.Tests;

/// <summary>Training as a command: what it writes, how it goes on, and what it refuses.</summary>
public sealed class TrainCommandTests : TrainingTests
{
    [Fact]
    public void ABiEncoder_BecomesAFolderThatEmbedsOtherwise()
    {
        string train = Pairs();
        CommandResult result = CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", train, "--columns", "a,b,label", "--loss",
            "CosineSimilarityLoss", "--output-dir", Output, "--num-train-epochs", "2", "--per_device_train_batch_size", "5", "--logging-steps", "2")
                .AssertDone();
        Assert.Contains("step 10/10", result.Error);
        string before = CommandLine.Run("embed", "--model", BiEncoder, "one two").AssertDone().Output;
        string after = CommandLine.Run("embed", "--model", Output, "one two").AssertDone().Output;
        Assert.NotEqual(before, after);
        JsonElement[] log = History(Output);
        Assert.Equal([2, 4, 6, 8, 10, 10], log.Select(entry => entry.GetProperty("step").GetInt32()));
        Assert.All(log[..5], entry => Assert.True(entry.GetProperty("loss").GetDouble() > 0 && entry.GetProperty("grad_norm").GetDouble() > 0));
        Assert.Equal(5e-5 * (10 - 9) / 10, log[4].GetProperty("learning_rate").GetDouble(), 1e-18);
        Assert.Equal(2, log[4].GetProperty("epoch").GetDouble());
        Assert.Equal(log.Length, File.ReadLines(Path.Combine(Output, "log.jsonl")).Count());
        Assert.Equal(Weights(Path.Combine(Output, "checkpoint-10")), Weights(Output));
        Assert.False(File.Exists(Path.Combine(Output, "training_state.json")) || File.Exists(Path.Combine(Output, ".minilm-training")));
    }

    [Fact]
    public void ARunThatGoesOn_IsTheSameBitForBit()
    {
        string train = Pairs(rows: 22), eval = Pairs("dev.tsv", 9, 40);
        string[] arguments = ["--eval", eval, "--num-train-epochs", "3", "--logging-steps", "5", "--eval-strategy", "epoch", "--save-steps", "4",
            "--warmup-ratio", ".2"];
        Train(train, [.. arguments, "--eval-on-start"]).AssertDone();
        foreach (string kept in new[] { "checkpoint-4", "checkpoint-8", "checkpoint-16" })
        {
            string resumed = At("resumed-" + kept);
            Directory.CreateDirectory(Path.Combine(resumed, kept));
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Output, kept)))
            {
                File.Copy(file, Path.Combine(resumed, kept, Path.GetFileName(file)));
            }
            Train(train, [.. arguments, "--eval-on-start", "--threads", "1", "--output-dir", resumed, "--resume-from-checkpoint"]).AssertDone();
            Assert.Equal(Weights(Output), Weights(resumed));
            Assert.Equal(File.ReadAllBytes(Path.Combine(Output, "checkpoint-18", "optimizer.safetensors")),
                File.ReadAllBytes(Path.Combine(resumed, "checkpoint-18", "optimizer.safetensors")));
            Assert.Equal(Timeless(Output), Timeless(resumed));
        }
        Train(train, [.. arguments, "--output-dir", At("fresh"), "--resume-from-checkpoint", Path.Combine(Output, "checkpoint-8")]).AssertDone();
        Assert.Equal(Weights(Output), Weights(At("fresh")));
    }

    [Fact]
    public void ACancelledRun_LeavesACheckpointOfItsStep()
    {
        string train = Pairs();
        using CancellationTokenSource cancellation = new();
        using MemoryStream output = new();
        using CancelAt error = new("step 1/", cancellation);
        int code = Program.Run(["train", "--task", "cross-encoder", "--model", OneLabel(), "--train", train, "--columns", "a,b,label", "--loss",
            "BinaryCrossEntropy",
            "--learning-rate", "1e-3", "--seed", "7", "--per-device-train-batch-size", "4", "--output-dir", Output],
            new Session(() => Stream.Null, output, error, cancellation.Token));
        Assert.Equal(130, code);
        Assert.Contains("checkpoint-1 is complete: go on with --resume-from-checkpoint", error.ToString());
        Train(train, "--output-dir", Output, "--resume-from-checkpoint").AssertDone();
        Train(train, "--output-dir", At("whole")).AssertDone();
        Assert.Equal(Weights(At("whole")), Weights(Output));
    }

    private sealed class CancelAt(string text, CancellationTokenSource cancellation) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains(text) == true) { cancellation.Cancel(); }
        }
    }

    [Fact]
    public void Resuming_RefusesOtherDataOrArgumentsByName()
    {
        string train = Pairs();
        Train(train, "--save-steps", "3").AssertDone();
        byte[] before = Weights(Output);
        string last = Path.Combine(Output, "checkpoint-18");
        Train(train, "--resume-from-checkpoint", "--weight-decay", ".5").AssertRefused(2, $"{last}: was made with weight_decay 0, this run has 0.5");
        Train(Pairs("other.tsv", 25), "--resume-from-checkpoint").AssertRefused(2, $"{last}: was made with train data ");
        Train(train, "--resume-from-checkpoint", "--precision", "bfloat16").AssertRefused(2, "was made with precision float32, this run has bfloat16");
        Train(train, "--resume-from-checkpoint", At("nowhere")).AssertRefused(1, "nowhere: has no training_state.json");
        Assert.Equal(before, Weights(Output));
        string other = CopyModel(OneLabel(), "other");
        File.WriteAllText(Path.Combine(other, "config.json"), File.ReadAllText(Path.Combine(other, "config.json")).Replace("1e-12", "1e-11"));
        CommandLine.Run("train", "--task", "cross-encoder", "--model", other, "--train", train, "--columns", "a,b,label", "--loss", "BinaryCrossEntropy",
            "--learning-rate",
            "1e-3", "--seed", "7", "--per-device-train-batch-size", "4", "--output-dir", Output, "--resume-from-checkpoint")
                .AssertRefused(2, "was made with model ");
    }

    // Dropout draws the same masks everywhere, so that devices differ by rounding alone; a checkpoint of one goes on on the other.
    [Fact]
    public void TheEmulatedGpu_TrainsAsTheCpuDoes_AndEachGoesOnWithTheOthersCheckpoints()
    {
        string train = Pairs();
        string[] arguments = ["--max-steps", "4", "--save-steps", "2", "--logging-steps", "1"];
        Train(train, [.. arguments, "--output-dir", At("cpu")]).AssertDone();
        Train(train, [.. arguments, "--output-dir", At("gpu"), "--device", "emulated"]).AssertDone();
        double[] losses = Losses(At("cpu"));
        Assert.Equal(4, losses.Length);
        AssertNear(At("gpu"));
        string onCpu = Path.Combine(At("cpu"), "checkpoint-2"), onGpu = Path.Combine(At("gpu"), "checkpoint-2");
        string said = Train(train, [.. arguments, "--output-dir", At("on gpu"), "--device", "emulated", "--resume-from-checkpoint", onCpu]).AssertDone().Error;
        Assert.Contains($"{onCpu}: was made on cpu", said);
        Assert.Contains("this run goes on on emulated", said);
        AssertNear(At("on gpu"));
        Train(train, [.. arguments, "--output-dir", At("on cpu"), "--resume-from-checkpoint", onGpu]).AssertDone();
        AssertNear(At("on cpu"));
        Train(train, [.. arguments, "--output-dir", At("again"), "--device", "emulated", "--resume-from-checkpoint", onGpu]).AssertDone();
        Assert.Equal(Weights(At("gpu")), Weights(At("again")));

        void AssertNear(string folder)
        {
            double[] others = Losses(folder);
            Assert.Equal(losses.Length, others.Length);
            for (int i = 0; i < losses.Length; i++) { Assert.InRange(others[i] - losses[i], -1e-5, 1e-5); }
        }
    }

    private static double[] Losses(string folder)
    {
        using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "trainer_state.json")));
        return [.. state.RootElement.GetProperty("log_history").EnumerateArray().Where(entry => entry.TryGetProperty("loss", out _))
            .Select(entry => entry.GetProperty("loss").GetDouble())];
    }

    [Fact]
    public void AnOutputFolder_IsReplacedOnlyWhenAsked()
    {
        string train = Pairs();
        Directory.CreateDirectory(Output);
        File.WriteAllText(Path.Combine(Output, "mine.txt"), "precious");
        Train(train).AssertRefused(1, "out: exists. Use --overwrite to replace it.");
        Train(train, "--overwrite").AssertRefused(1, "out: was not made by a training, so nothing in it is overwritten");
        Train(train, "--resume-from-checkpoint").AssertRefused(1, "out: was not made by a training, so nothing in it is overwritten");
        Assert.Equal("precious", File.ReadAllText(Path.Combine(Output, "mine.txt")));
        // Other programs have a log of that name too.
        File.WriteAllText(Path.Combine(Output, "log.jsonl"), "{\"message\":\"started\"}\n");
        Train(train, "--overwrite").AssertRefused(1, "out: was not made by a training, so nothing in it is overwritten");
        Train(train, "--output-dir", At("second"), "--max-steps", "2").AssertDone();
        Directory.CreateDirectory(At("second/1_notes")); // no module's name
        Train(train, "--output-dir", At("second")).AssertRefused(1, "Use --overwrite to replace it, or --resume-from-checkpoint to go on with it.");
        Train(At("nosuch.tsv"), "--output-dir", At("second"), "--overwrite").AssertRefused(1, "nosuch.tsv: no such file");
        Assert.True(Directory.Exists(At("second/checkpoint-2"))); // the old one stays until the new one begins
        Train(train, "--output-dir", At("second"), "--max-steps", "1", "--overwrite").AssertDone();
        Assert.Equal(["1_notes", "checkpoint-1"], Directory.EnumerateDirectories(At("second")).Select(path => Path.GetFileName(path)!).Order());
        Train(train, "--output-dir", Path.Combine(OneLabel(), "inside")).AssertRefused(1, "lies around or inside, the model that is read");
        Assert.False(Directory.Exists(Path.Combine(OneLabel(), "inside")));
        Directory.CreateSymbolicLink(At("link"), OneLabel());
        Train(train, "--output-dir", At("link"), "--overwrite").AssertRefused(1, "is, or lies around or inside, the model that is read");
        Train(train, "--output-dir", At("link/inside")).AssertRefused(1, "lies around or inside, the model that is read");
        // A link to a checkpoint, which would go when its training is replaced.
        Directory.CreateSymbolicLink(At("current"), At("second/checkpoint-1"));
        string[] more = Arguments(train, "--overwrite");
        more[Array.IndexOf(more, CrossEncoder)] = At("current");
        more[Array.IndexOf(more, Output)] = At("second");
        CommandLine.Run(more).AssertRefused(1, "second: is, or lies around or inside, the model that is read");
    }

    [Fact]
    public void Data_ThatCannotBeTrainedOn_AreRefusedInOneLine()
    {
        string train = Pairs();
        CommandLine.Run(Arguments(train)).AssertRefused(1, "BinaryCrossEntropyLoss: 1 labels a row for 2 outputs");
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", train, "--columns", "a,c,label", "--loss", "CoSENT", "--output-dir",
            Output)
            .AssertRefused(1, "train.tsv:1: has no column 'c', it has 'a', 'b', 'label'");
        Train(Pairs("words.tsv", label: row => row == 3 ? "yes" : "1")).AssertRefused(1, "words.tsv:5: 'label' is 'yes', which is no number");
        Train(Write("empty.tsv", "a\tb\tlabel\n")).AssertRefused(1, "empty.tsv: has no rows");
        Train(Write("nothing.tsv", "")).AssertRefused(1, "nothing.tsv");
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", train, "--columns", "a,b,label", "--loss", "MultipleNegativesRanking",
            "--output-dir", Output).AssertRefused(1, "MultipleNegativesRankingLoss does not look at labels");
        Train(train, "--eval", train, "--eval-strategy", "epoch", "--metric-for-best-model", "f2", "--ignore-warnings", "overlap")
            .AssertRefused(2, "metric_for_best_model f2: nothing here computes it; there are eval_loss, eval_train_average_precision");
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", train + ":CosineSimilarityLoss", "--train",
            Pairs("more.tsv") + ":ContrastiveLoss", "--columns", "a,b,label", "--eval", Pairs("dev.tsv", 12, 50), "--output-dir", Output,
            "--eval-strategy", "epoch", "--save-strategy", "epoch", "--load-best-model-at-end")
            .AssertRefused(2, "eval_loss, by which it is usual, is not measured here: give metric_for_best_model, one of eval_");
        Train(train, "--eval-strategy", "epoch").AssertRefused(2, "eval_strategy: there is nothing to measure");
        CommandLine.Run("train", "--task", "cross-encoder", "--model", OneLabel(), "--train", train, "--columns", "a,b,label", "--loss", "CrossEntropy",
            "--output-dir", Output).AssertRefused(1, "give num_labels, the number of classes, to an encoder without a head");
        foreach (string nowhere in new[] { @"C:\data\train.tsv", "https://example.org/train.tsv" })
        {
            Train(nowhere).AssertRefused(1, $"{nowhere}: no such file");
        }
        string teacher = Write("teacher.jsonl", "{\"a\":\"one two\",\"label\":[1,2,3]}\n{\"a\":\"three\",\"label\":[1,2,3]}\n");
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", teacher, "--columns", "a,label", "--loss", "MSE", "--output-dir",
            Output,
            "--ignore-warnings", "large-batch")
            .AssertRefused(1, "MSELoss");
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void ABatchThatIsLargerThanTheData_IsSaidOrRefused()
    {
        string train = Pairs(rows: 6);
        string[] arguments = ["train", "--task", "cross-encoder", "--model", OneLabel(), "--train", train, "--columns", "a,b,label", "--loss",
            "BinaryCrossEntropy",
            "--max-steps", "1", "--output-dir", Output];
        CommandLine.Run([.. arguments, "--dataloader-drop-last"]).AssertRefused(2,
            "per_device_train_batch_size 8: train.tsv has 6 rows, and with dataloader_drop_last no batch");
        Assert.Contains("train.tsv: has 6 rows, fewer than a batch of 8", CommandLine.Run(arguments).AssertDone().Error);
    }

    [Fact]
    public void Labels_OfOneClass_AreSaidUnlessThatIsTurnedOff()
    {
        string train = Pairs(label: _ => "1");
        CommandResult result = Train(train, "--max-steps", "1").AssertDone();
        Assert.Contains("warning: train.tsv: every label is 1: there is nothing to tell apart", result.Error);
        Assert.Contains("(--ignore-warnings constant-labels)", result.Error);
        Assert.DoesNotContain("warning", Train(train, "--max-steps", "1", "--overwrite", "--ignore-warnings", "constant-labels").AssertDone().Error);
    }

    [Fact]
    public void ALossThatIsNotFinite_StopsTheRunAndLeavesNothing()
    {
        CommandResult result = CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", Pairs(), "--columns", "a,b,label", "--loss",
            "CosineSimilarity", "--output-dir", Output, "--learning-rate", "1e38", "--lr-scheduler-type", "constant", "--max-grad-norm", "0", "--max-steps",
                "9");
        Assert.Equal(1, result.Code);
        string last = result.Error.Trim().Split('\n')[^1];
        Assert.Contains("minilm: step ", last);
        Assert.Contains("rows ", last);
        Assert.Contains("Lower the learning rate", last);
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void APageThatCannotBeWritten_DoesNotHideWhyARunFailed()
    {
        Directory.CreateDirectory(At("run.html.partial"));
        CommandResult result = Train(Pairs(), "--lr-scheduler-type", "constant", "--max-grad-norm", "0", "--max-steps", "9", "--logging-steps", "1",
            "--html", At("run.html"), "--learning-rate", "1e38");
        Assert.Equal(1, result.Code);
        Assert.Contains("Lower the learning rate", result.Error.Trim().Split('\n')[^1]);
        result = Train(Pairs(), "--max-steps", "1", "--logging-steps", "1", "--html", At("run.html"), "--overwrite");
        Assert.Equal(1, result.Code);
        Assert.Contains("run.html.partial: cannot be written", result.Error.Trim().Split('\n')[^1]);
    }

    [Fact]
    public void ACardOfLists_ScoresAQueryWithItsDocuments()
    {
        string lists = Write("lists.jsonl", """
            {"query":"one","docs":["two","three"],"labels":[1,0]}
            {"query":"a","docs":["the","of"],"labels":[0,1]}
            """);
        CommandLine.Run("train", "--task", "cross-encoder", "--model", OneLabel(), "--train", lists, "--columns", "query,docs,labels", "--loss", "LambdaLoss",
            "--output-dir", Output, "--max-steps", "1").AssertDone();
        string pairs = "pairs = [\n    (\"one\", \"two\"),\n    (\"one\", \"three\"),\n    (\"a\", \"the\"),\n]\n";
        Assert.Contains(pairs, File.ReadAllText(Path.Combine(Output, "README.md")));
    }

    [Fact]
    public void AConfigurationFile_GivesWhatTheCommandLineLeavesOut()
    {
        string train = Pairs();
        string yaml = Write("run.yaml",
            $"task: cross-encoder\nmodel: {OneLabel()}\ntrain: {train}\ncolumns: [a, b, label]\nloss: BinaryCrossEntropy\noutput_dir: {Output}\n"
            + "learning_rate: 1.0e-3 # a comment\nmax_steps: 3\nlogging_steps: 1\nuse_cpu: true\nlora_r: null\nprompts:\n  a: \"one \"\n");
        CommandResult result = CommandLine.Run("train", "--config", yaml, "--max-steps", "2").AssertDone();
        Assert.Contains("run.yaml: without effect here: use_cpu", result.Error);
        Assert.Equal([1e-3, 5e-4], History(Output).Where(entry => entry.TryGetProperty("learning_rate", out _))
            .Select(entry => entry.GetProperty("learning_rate").GetDouble()));
        string json = Write("run.json",
            $"{{\"task\":\"cross-encoder\",\"model\":\"{OneLabel()}\",\"train\":\"{train}\",\"columns\":\"a,b,label\",\"loss\":\"BinaryCrossEntropy\","
            + $"\"output_dir\":\"{At("second")}\",\"learning_rate\":0.001,\"max_steps\":2,\"logging_steps\":1,\"prompts\":{{\"a\":\"one \"}}}}");
        CommandLine.Run("train", "--config", json).AssertDone();
        Assert.Equal(Weights(Output), Weights(At("second")));
        foreach ((string file, string text, string message) in new[]
        {
            ("a.yaml", "learning_rat: 1", "a.yaml: learning_rat is no argument of a training. Did you mean learning_rate"),
            ("b.json", "{\"lora_r\": 8}", "b.json: lora_r 8: not yet"), ("c.json", "{\"seed\": \"x\"}", "c.json: seed x: give a whole number"),
        })
        {
            CommandLine.Run("train", "--config", Write(file, text), "--task", "bi-encoder", "--train", train, "--columns", "a,b", "--loss", "CoSENT",
                "--output-dir", Output)
                .AssertRefused(2, message);
        }
        CommandLine.Run("train", "--config", Write("d.json", "[1]")).AssertRefused(1, "d.json: is not one JSON object");
        CommandLine.Run("train", "--config", Write("e.yaml", "a: [1")).AssertRefused(1, "e.yaml");
    }

    [Fact]
    public void ListsAndTripletsAndGroupsOfDataSets_AreTrainedOn()
    {
        string lists = Write("lists.jsonl", string.Concat(Enumerable.Range(0, 8).Select(row =>
            $"{{\"query\":\"{Words[row % 6]}\",\"docs\":[\"{Words[row % 5]} a\",\"of {Words[row % 4]}\",\"the\"],\"labels\":[1,0,0]}}\n")));
        CommandLine.Run("train", "--task", "cross-encoder", "--model", OneLabel(), "--train", lists, "--eval", lists, "--columns", "query,docs,labels",
            "--loss", "LambdaLoss(k=2)",
            "--max-steps", "2", "--output-dir", Output, "--ignore-warnings", "overlap,large-batch").AssertDone();
        Assert.Contains(History(Output), entry => entry.TryGetProperty("eval_lists_ndcg@10", out _));
        Assert.Equal("epoch,steps,MAP,MRR@10,NDCG@10",
            File.ReadLines(Path.Combine(Output, "eval", "CrossEncoderRerankingEvaluator_lists_results_@10.csv")).First());
        string table = Write("lists.tsv", "query\tdocs\tlabels\none\t[\"a\", \"of\"]\t[1, 0]\n");
        CommandLine.Run("train", "--task", "cross-encoder", "--model", OneLabel(), "--train", table, "--columns", "query,docs,labels", "--loss", "ListNet",
            "--quotes", "off",
            "--max-steps", "1", "--output-dir", At("second"), "--ignore-warnings", "large-batch").AssertDone();
        string triplets = Write("triplets.tsv", "a|b|c\n" + string.Concat(Enumerable.Range(0, 9)
            .Select(row => $"{Words[row % 6]}|{Words[row % 6]} a|{Words[(row + 2) % 6]} of\n")));
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", triplets + ":MultipleNegativesRanking(scale=10)", "--train",
            triplets + ":Triplet",
            "--eval", triplets, "--columns", "a,b,c", "--delimiter", "|", "--max-steps", "3", "--output-dir", At("third"), "--multi-dataset-batch-sampler",
                "round_robin",
            "--matryoshka-dims", "32,16", "--freeze", "embeddings", "--ignore-warnings", "overlap,repeated-texts").AssertDone();
        Assert.Contains(History(At("third")), entry => entry.TryGetProperty("eval_triplets_cosine_accuracy", out _));
        Assert.Equal("epoch,steps,accuracy_cosine", File.ReadLines(Path.Combine(At("third"), "eval", "triplet_evaluation_triplets_results.csv")).First());
    }

    [Fact]
    public void Overfit_LearnsOneRowOrSaysThatItDoesNot()
    {
        string train = Pairs();
        CommandResult done = Train(train, "--overfit", "one", "--overfit-below", "0.3").AssertDone();
        using JsonDocument json = JsonDocument.Parse(done.Output);
        Assert.True(json.RootElement.GetProperty("reached").GetBoolean());
        double[] losses = [.. json.RootElement.GetProperty("loss").EnumerateArray().Select(loss => loss.GetDouble())];
        Assert.Equal(json.RootElement.GetProperty("steps").GetInt32() + 1, losses.Length);
        Assert.True(losses[^1] < .3 && losses[..^1].All(loss => loss >= .3));
        CommandResult not = Train(train, "--overfit", "batch", "--overfit-below", "1e-9", "--max-steps", "3");
        Assert.Equal(1, not.Code);
        Assert.Contains("the model does not learn them", not.Error);
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void Overfit_SaysWhatItDoesNotShow()
    {
        string pairs = Write("pairs.tsv", "a\tb\none\tone of\ntwo\ttwo of\n"), triplets = Write("triplets.tsv", "c\td\te\none\ttwo\tthree\n");
        // A pair alone has no negatives: its loss is 0 whatever the model is.
        CommandResult one = CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", $"{pairs}:MultipleNegativesRanking", "--train",
            $"{triplets}:Triplet", "--columns", "a,b", "--columns", "c,d,e", "--overfit", "one").AssertDone();
        Assert.Contains("pairs.tsv: a batch of one row has no other texts, which are the negatives of MultipleNegativesRankingLoss", one.Error);
        Assert.Contains("the loss was below 0.01 before the first step, so that nothing was learnt. Lower --overfit-below, or give other rows.", one.Error);
        Assert.Contains("--overfit learns rows of the first --train alone, " + pairs, one.Error);
        CommandResult batch = Train(Pairs(), "--overfit", "batch", "--overfit-below", "0.68").AssertDone();
        Assert.DoesNotContain("before the first step", batch.Error);
    }

    [Fact]
    public void ADiskThatFills_LeavesTheCheckpointBefore()
    {
        string train = Pairs();
        CommandResult result =
            CommandLine.Shell($"ulimit -f 60; $MINILM train --task cross-encoder --model {OneLabel()} --train {train} --columns a,b,label --loss "
            + $"BinaryCrossEntropy --output-dir {Output} --save-steps 2 --max-steps 4", Folder);
        Assert.Equal(1, result.Code);
        Assert.Contains("cannot be written (File too large)", result.Error);
        Assert.Empty(Directory.Exists(Output) ? Directory.EnumerateDirectories(Output) : []);
    }

    [Fact]
    public void AnotherKindOfModel_LeavesNothingOfTheOneBefore()
    {
        string model = At("bi");
        CommandLine.Run("create", "--config", Path.Combine(BiEncoder, "config.json"), "--vocab", Path.Combine(BiEncoder, "vocab.txt"), "--seed", "1",
            "--output", model)
            .AssertDone();
        string train = Pairs();
        CommandLine.Run("train", "--task", "bi-encoder", "--model", model, "--train", train, "--columns", "a,b,label", "--loss", "CoSENT", "--max-steps", "1",
            "--max-length", "9", "--output-dir", Output).AssertDone();
        Assert.True(File.Exists(Path.Combine(Output, "modules.json")));
        Assert.Contains("9", File.ReadAllText(Path.Combine(Output, "sentence_bert_config.json"))); // what it was trained with is what it takes
        Train(train, "--max-steps", "1", "--overwrite").AssertDone();
        Assert.False(File.Exists(Path.Combine(Output, "modules.json")) || Directory.Exists(Path.Combine(Output, "1_Pooling")));
        CommandLine.Run("rerank", "--model", Output, "--pairs", train, "--columns", "a,b").AssertDone();
    }

    [Fact]
    public void TensorBoard_GetsAnEventFile()
    {
        Train(Pairs(), "--max-steps", "2", "--logging-steps", "1", "--report-to", "tensorboard").AssertDone();
        string file = Assert.Single(Directory.EnumerateFiles(Path.Combine(Output, "runs"), "events.out.tfevents.*", SearchOption.AllDirectories));
        Assert.True(new FileInfo(file).Length > 200);
    }
}
