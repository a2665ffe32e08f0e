using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Training.Records;
using MiniLM.Weights;
using Precision = MiniLM.Compute.Precision;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>The library's trainer: the README's lines, callbacks, cancellation, warnings.</summary>
public sealed class TrainerTests : IDisposable
{
    private static readonly string[] Words = ["wing", "heat", "air", "stream", "lift", "shock", "wave", "speed", "layer"];

    private readonly string _before = Directory.GetCurrentDirectory();
    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-trainer-").FullName;
    private readonly string _model = DeviceContract.Fixture("models", "bert");

    private string At(string name) => Path.Combine(_folder, name);

    private static IEnumerable<TrainingRow> Pairs(int rows, int from = 0) => Enumerable.Range(from, rows).Select(row =>
        new TrainingRow([$"{Words[row % 9]} of {Words[row / 9 % 9]}", $"{Words[row * 5 % 9]} {Words[(row + row / 9) % 9]}"], [row % 2]));

    private void WriteTable(string name, int rows, int from) => File.WriteAllLines(At(name),
        Pairs(rows, from).Select(row => $"{row.Texts[0]}\t{row.Texts[1]}\t{row.Labels[0]}").Prepend("a\tb\tlabel"));

    private TrainingArguments Arguments(string output = "out") => new()
    {
        OutputDir = At(output),
        NumTrainEpochs = 2,
        PerDeviceTrainBatchSize = 5,
        LearningRate = 1e-3
    };

    [Fact]
    public void TheLinesOfTheReadMe_FineTuneAModel()
    {
        WriteTable("train.tsv", 24, 0);
        WriteTable("dev.tsv", 8, 40);
        Directory.CreateDirectory(At("models"));
        Directory.CreateSymbolicLink(At("models/all-MiniLM-L6-v2"), _model);
        StringWriter output = new();
        (string code, string readMe) = (Block(File.ReadAllText(Source("tests", "MiniLM.Cpu.Tests", "Training", "TrainerTests.cs")), "// README", "// end"),
            Block(File.ReadAllText(Source("README.md")), "// fine-tune", "```"));
        Assert.True(readMe.Length > 100);
        Assert.Equal(readMe, code);
        TextWriter console = Console.Out;
        Directory.SetCurrentDirectory(_folder);
        Console.SetOut(output);
        try
        {
            // README
            using var device = new CpuDevice();
            using var trainer = new Trainer("models/all-MiniLM-L6-v2", ModelKind.BiEncoder, device,
                new TrainingArguments { OutputDir = "my-model", NumTrainEpochs = 1, LearningRate = 2e-5, WarmupSteps = .1 });
            trainer.AddTraining("train.tsv", "CosineSimilarityLoss", "a", "b", "label");
            trainer.AddEvaluation("dev.tsv", "a", "b", "label");
            trainer.StepDone += step => Console.WriteLine($"{step.Step}/{step.TotalSteps}: {step.Loss}");
            TrainingResult result = trainer.Train();
            Console.WriteLine(result.Metrics["eval_dev_cosine_ap"]);
            // end
        }
        finally
        {
            Console.SetOut(console);
            Directory.SetCurrentDirectory(_before);
        }
        Assert.Equal(4, output.ToString().Trim().Split('\n').Length);
        using CpuDevice again = new(1);
        using BiEncoder tuned = BiEncoder.Open(At("my-model"), again);
        Assert.Equal(tuned.Dimension, tuned.Embed("heat").Length);
        Assert.Contains("## Training Details", File.ReadAllText(At("my-model/README.md")));
    }

    // Lines between two, without their indentation.
    private static string Block(string text, string from, string to)
    {
        string[] lines = [.. text.Split('\n').Select(line => line.Trim())];
        int first = Array.IndexOf(lines, from);
        Assert.True(first >= 0, from);
        return string.Join('\n', lines.Skip(first + 1).TakeWhile(line => line != to)
            .Where(line => line.Length > 0 && !line.StartsWith("using MiniLM", StringComparison.Ordinal)));
    }

    private static string Source(params string[] parts)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) { return Path.Combine([folder.FullName, .. parts]); }
        }
        throw new FileNotFoundException("Engine.sln is in no folder above the tests");
    }

    [Fact]
    public void Stop_EndsTheRunAsIfTheStepWereTheLast()
    {
        using CpuDevice device = new(2);
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, Arguments());
        trainer.AddTraining(Pairs(20), "CosineSimilarityLoss");
        List<int> steps = [];
        trainer.StepDone += step =>
        {
            steps.Add(step.Step);
            if (step.Step == 3) { trainer.Stop(); }
        };
        TrainingResult result = trainer.Train();
        Assert.Equal([1, 2, 3], steps);
        Assert.Equal(3, result.Steps);
        Assert.True(File.Exists(At("out/model.safetensors")));
    }

    [Fact]
    public void Cancelling_KeepsTheStepAndThrows()
    {
        using CpuDevice device = new(2);
        using CancellationTokenSource cancellation = new();
        using (Trainer trainer = new(_model, ModelKind.BiEncoder, device, Arguments()))
        {
            trainer.AddTraining(Pairs(20), "CosineSimilarityLoss");
            List<string> saved = [];
            trainer.Saved += saved.Add;
            trainer.StepDone += step => { if (step.Step == 5) { cancellation.Cancel(); } };
            Assert.Throws<OperationCanceledException>(() => trainer.Train(cancellation.Token));
            Assert.Equal([At("out/checkpoint-5")], saved);
        }
        TrainingArguments arguments = Arguments();
        arguments.ResumeFromCheckpoint = TrainingArguments.LastCheckpoint;
        using Trainer second = new(_model, ModelKind.BiEncoder, device, arguments);
        second.AddTraining(Pairs(20), "CosineSimilarityLoss");
        List<int> steps = [];
        second.StepDone += step => steps.Add(step.Step);
        Assert.Equal(8, second.Train().Steps);
        Assert.Equal([6, 7, 8], steps);
    }

    [Theory]
    [InlineData("ContrastiveTensionLoss"), InlineData("ContrastiveTensionLossInBatchNegatives")]
    public void ALossOfTwoModels_IsRefused(string loss)
    {
        using CpuDevice device = new(1);
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, Arguments());
        Assert.Contains("a second copy of the model", Assert.Throws<ArgumentException>(() => trainer.AddTraining(Pairs(5), loss)).Message);
    }

    // Measured at every step, kept at every second: the best of those that are kept is loaded.
    [Fact]
    public void TheBestModel_IsOneThatIsKept()
    {
        using CpuDevice device = new(2);
        TrainingArguments arguments = Arguments() with
        {
            EvalStrategy = IntervalStrategy.Steps,
            EvalSteps = 1,
            SaveStrategy = IntervalStrategy.Steps,
            SaveSteps = 2,
            LoadBestModelAtEnd = true,
            MaxSteps = 5,
            LearningRate = .05, // so that it gets worse
        };
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
        trainer.AddTraining(Pairs(20), "CosineSimilarityLoss");
        trainer.AddEvaluation(Pairs(8, 50));
        TrainingResult result = trainer.Train();
        Assert.True(result.BestStep is 2 or 4 or 5, $"{result.BestStep}");
        Assert.True(File.Exists(At("out/model.safetensors")));
    }

    [Fact]
    public void AResultWithoutACheckpoint_IsNotTakenForTheBeginningOfARun()
    {
        using CpuDevice device = new(1);
        TrainingArguments arguments = Arguments() with { SaveStrategy = IntervalStrategy.No, MaxSteps = 1 };
        using (Trainer first = new(_model, ModelKind.BiEncoder, device, arguments))
        {
            first.AddTraining(Pairs(5), "CosineSimilarityLoss");
            first.Train();
        }
        byte[] model = File.ReadAllBytes(At("out/model.safetensors"));
        using Trainer second = new(_model, ModelKind.BiEncoder, device, arguments with { ResumeFromCheckpoint = TrainingArguments.LastCheckpoint });
        second.AddTraining(Pairs(6), "CoSENTLoss");
        Assert.Contains("kept no checkpoint to go on from", Assert.Throws<IOException>(() => second.Train()).Message);
        Assert.Equal(model, File.ReadAllBytes(At("out/model.safetensors")));
    }

    // Its classifier and its moments are a part of the checkpoint; the second data set has one of its own.
    [Theory]
    [InlineData(Precision.Float32), InlineData(Precision.Float16)]
    public void ALossWithMatricesOfItsOwn_LearnsThemAndGoesOnBitForBit(Precision precision)
    {
        using CpuDevice device = new(2);
        List<double> losses = [];
        Trainer Make(string output)
        {
            TrainingArguments arguments = Arguments(output) with { Precision = precision, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 10 };
            (arguments.NumTrainEpochs, arguments.LearningRate, arguments.ResumeFromCheckpoint) = (10, 2e-3, TrainingArguments.LastCheckpoint);
            Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
            trainer.AddTraining(Pairs(10), "SoftmaxLoss(num_labels=2)");
            trainer.AddTraining(Pairs(10, 40), "SoftmaxLoss(num_labels=2, concatenation_sent_multiplication=true)");
            trainer.StepDone += step => losses.Add(step.Loss);
            return trainer;
        }
        using (Trainer whole = Make("whole")) { whole.Train(); }
        Assert.Equal(40, losses.Count);
        Assert.True(losses[^8..].Average() < .8 * losses[..8].Average(), $"{losses[..8].Average()} {losses[^8..].Average()}");
        using (Trainer first = Make("out"))
        using (CancellationTokenSource cancellation = new())
        {
            first.StepDone += step => { if (step.Step == 17) { cancellation.Cancel(); } };
            Assert.Throws<OperationCanceledException>(() => first.Train(cancellation.Token));
        }
        using (Trainer second = Make("out")) { second.Train(); }
        foreach (string file in new[] { "optimizer.safetensors", "model.safetensors" })
        {
            Assert.Equal(File.ReadAllBytes(At($"whole/checkpoint-40/{file}")), File.ReadAllBytes(At($"out/checkpoint-40/{file}")));
        }
        using SafetensorsFile state = new(At("out/checkpoint-40/optimizer.safetensors"));
        using ModelFolder model = ModelFolder.Open(_model);
        Assert.Equal([2, 3 * model.OutputSize], state.Find("loss1.classifier.weight")!.Shape);
        Assert.Equal([2, 4 * model.OutputSize], state.Find("exp_avg_sq.loss2.classifier.weight")!.Shape);
    }

    [Theory]
    [InlineData(ModelKind.CrossEncoder, "CachedMultipleNegativesRankingLoss(num_negatives=2, mini_batch_size=4)")]
    [InlineData(ModelKind.BiEncoder, "MultipleNegativesRankingLoss")]
    public void WhatIsDrawn_IsTheSameWhenTheRunGoesOn(ModelKind kind, string loss)
    {
        using CpuDevice device = new(2);
        Trainer Make(string output)
        {
            TrainingArguments arguments = Arguments(output) with { ResumeFromCheckpoint = TrainingArguments.LastCheckpoint };
            if (kind == ModelKind.BiEncoder) { (arguments.MatryoshkaDims, arguments.MatryoshkaDimsPerStep) = ([32, 16, 8], 2); }
            Trainer trainer = new(_model, kind, device, arguments);
            trainer.AddTraining(Pairs(20).Select(row => row with { Labels = [] }), loss);
            trainer.AddEvaluation(Pairs(8, 50).Select(row => row with { Labels = [] }));
            return trainer;
        }
        double measured;
        using (Trainer whole = Make("whole")) { measured = whole.Train().Metrics["eval_loss"]; }
        Assert.InRange(measured, .1, 10);
        using (Trainer first = Make("out"))
        using (CancellationTokenSource cancellation = new())
        {
            first.StepDone += step => { if (step.Step == 3) { cancellation.Cancel(); } };
            Assert.Throws<OperationCanceledException>(() => first.Train(cancellation.Token));
        }
        using (Trainer second = Make("out")) { Assert.Equal(measured, second.Train().Metrics["eval_loss"]); }
        Assert.Equal(File.ReadAllBytes(At("whole/model.safetensors")), File.ReadAllBytes(At("out/model.safetensors")));
    }

    // What a kill between two renames leaves: the checkpoint that was there before counts, unless the new one is complete.
    [Fact]
    public void ACheckpointThatWasBeingReplaced_IsThereAgain()
    {
        using CpuDevice device = new(2);
        TrainingArguments arguments = Arguments() with { SaveSteps = 2, MaxSteps = 4 };
        using (Trainer first = new(_model, ModelKind.BiEncoder, device, arguments))
        {
            first.AddTraining(Pairs(20), "CosineSimilarityLoss");
            first.Train();
        }
        Directory.Move(At("out/checkpoint-4"), At("out/checkpoint-4.old.partial"));
        Directory.CreateDirectory(At("out/checkpoint-2.old.partial"));
        arguments = arguments with { ResumeFromCheckpoint = TrainingArguments.LastCheckpoint };
        using (Trainer second = new(_model, ModelKind.BiEncoder, device, arguments))
        {
            second.AddTraining(Pairs(20), "CosineSimilarityLoss");
            Assert.Equal(4, second.Train().Steps);
        }
        Assert.Equal(["checkpoint-2", "checkpoint-4"], Directory.GetDirectories(At("out"), "checkpoint*").Select(Path.GetFileName).Order());
        using Trainer third = new(_model, ModelKind.BiEncoder, device, arguments with { ResumeFromCheckpoint = At("out/checkpoint-2") });
        third.AddTraining(Pairs(20), "CosineSimilarityLoss");
        Assert.Equal(4, third.Train().Steps); // checkpoint-4 is replaced
        Assert.Equal(["checkpoint-2", "checkpoint-4"], Directory.GetDirectories(At("out"), "checkpoint*").Select(Path.GetFileName).Order());
    }

    [Fact]
    public void LabelsToMeasureOn_ThatTheLossDoesNotTake_AreRefused()
    {
        using CpuDevice device = new(1);
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, Arguments());
        trainer.AddTraining(Pairs(10), "CosineSimilarityLoss");
        trainer.AddEvaluation(Pairs(5).Select((row, i) => row with { Labels = [i == 3 ? 7 : 1] }));
        Assert.Contains("label 7 of row 4", Assert.ThrowsAny<ArgumentException>(() => trainer.Train()).Message);
        Assert.False(File.Exists(At("out/model.safetensors")));
    }

    // Nothing of what lies there goes before the data are known to fit, and what a failed run leaves can be replaced.
    [Fact]
    public void DataThatDoNotFit_CostNoEarlierResult()
    {
        using CpuDevice device = new(1);
        TrainingArguments arguments = Arguments() with { MaxSteps = 1, Overwrite = true };
        using (Trainer first = new(_model, ModelKind.BiEncoder, device, arguments))
        {
            first.AddTraining(Pairs(5), "CosineSimilarityLoss");
            first.Train();
        }
        foreach ((string loss, double[] label) in new[] { ("SoftmaxLoss(num_labels=2)", new[] { 2.0 }), ("MSELoss", [1, 2]), })
        {
            using Trainer second = new(_model, ModelKind.BiEncoder, device, arguments);
            second.AddTraining(Pairs(5).Select(row => row with { Labels = label }), loss);
            Assert.ThrowsAny<ArgumentException>(() => second.Train());
            Assert.True(File.Exists(At("out/model.safetensors")));
        }
        using (Trainer third = new(_model, ModelKind.BiEncoder, device, arguments with { EvalOnStart = true }))
        {
            third.AddTraining(Pairs(5), "CosineSimilarityLoss");
            third.AddEvaluation(Pairs(5, 20));
            third.Logged += _ => throw new InvalidOperationException("stop");
            Assert.Throws<InvalidOperationException>(() => third.Train());
        }
        Assert.False(File.Exists(At("out/model.safetensors")));
        using Trainer fourth = new(_model, ModelKind.BiEncoder, device, arguments);
        fourth.AddTraining(Pairs(5), "CosineSimilarityLoss");
        fourth.Train();
    }

    [Theory]
    [InlineData(ModelKind.BiEncoder), InlineData(ModelKind.CrossEncoder)]
    public void TheResult_KeepsTheLengthItWasTrainedWith(ModelKind kind)
    {
        using CpuDevice device = new(1);
        using (Trainer trainer = new(_model, kind, device, Arguments() with { MaxSteps = 1, MaxLength = 17 }))
        {
            trainer.AddTraining(Pairs(5), kind == ModelKind.BiEncoder ? "CosineSimilarityLoss" : "BinaryCrossEntropyLoss");
            trainer.Train();
        }
        using ModelFolder result = ModelFolder.Open(At("out"));
        Assert.Equal(17, result.MaxSequenceLength);
    }

    [Fact]
    public void ArgumentsOutOfTheirRange_AreRefusedByName()
    {
        using CpuDevice device = new(1);
        foreach ((TrainingArguments wrong, string message) in new[]
        {
            (Arguments() with { GradientAccumulationSteps = 0 }, "gradient_accumulation_steps 0"), (Arguments() with { MaxSteps = 0 }, "max_steps 0"),
            (Arguments() with { LearningRate = double.NaN }, "learning_rate NaN"), (Arguments() with { WarmupSteps = 1.5 }, "warmup_steps 1.5"),
            (Arguments() with { IgnoreWarnings = ["all"] }, "ignore_warnings all"), (Arguments() with { MatryoshkaDims = [-1] }, "matryoshka_dims -1"),
        })
        {
            Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => new Trainer(_model, ModelKind.BiEncoder, device, wrong)).Message);
        }
        Assert.False(Directory.Exists(At("out")));
        TrainingArguments prompts = Arguments() with { Prompts = new Dictionary<string, string> { ["query"] = "a \"query\": " } };
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, prompts);
        trainer.AddTraining(Pairs(5), "CosineSimilarityLoss");
        Assert.Contains("there is no column 'query'", Assert.Throws<ArgumentException>(() => trainer.Train()).Message); // nothing is searched
    }

    [Fact]
    public void Data_AreAddedBeforeTheRun_ByNamesThatFilesCanHave()
    {
        using CpuDevice device = new(1);
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, Arguments() with { MaxSteps = 1 });
        trainer.AddTraining(Pairs(5), "CosineSimilarityLoss");
        Assert.Contains("row 2 has no text", Assert.ThrowsAny<ArgumentException>(() =>
            trainer.AddTraining([.. Pairs(1), new TrainingRow(Array.Empty<string>(), [1])], "CosineSimilarityLoss")).Message);
        Assert.Contains("leave out /", Assert.Throws<ArgumentException>(() => trainer.AddEvaluation(Pairs(5, 20), "a/../b")).Message);
        int refused = 0;
        trainer.StepDone += _ =>
        {
            Assert.Throws<InvalidOperationException>(() => trainer.AddTraining(Pairs(5), "CosineSimilarityLoss"));
            Assert.Throws<InvalidOperationException>(() => trainer.AddEvaluation(Pairs(5, 20)));
            refused++;
        };
        trainer.Train();
        Assert.Equal(1, refused);
        trainer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => trainer.AddTraining(Pairs(5), "CosineSimilarityLoss"));
    }

    [Fact]
    public void Lists_AreMeasuredByTheLabelsOfAllTheirDocuments_WherePairsAreTrainedOn()
    {
        using CpuDevice device = new(1);
        Dictionary<string, double> Measure(string loss, TrainingRow[] rows, string name)
        {
            using Trainer trainer = new(_model, ModelKind.CrossEncoder, device, Arguments(name) with { MaxSteps = 1, LearningRate = 0 });
            trainer.AddTraining(rows, loss);
            trainer.AddEvaluation(Lists(), "dev");
            return new(trainer.Train().Metrics.Where(metric => metric.Key.StartsWith("eval_dev_", StringComparison.Ordinal)));
        }
        static TrainingRow[] Lists() => [.. Enumerable.Range(0, 6).Select(i =>
            new TrainingRow([$"of wing {i}", "a heat", "the wing", "of"], [0, i % 2, 1 - i % 2]))];

        Dictionary<string, double> measured = Measure("BinaryCrossEntropyLoss", [.. Pairs(5)], "pairs");
        Assert.InRange(measured["eval_dev_map"], .1, 1);
        Assert.Equal(Measure("LambdaLoss", Lists(), "lists"), measured); // nothing is learnt at a rate of 0
    }

    // As transformers has it.
    [Fact]
    public void MinusOneStep_IsAsManyAsTheEpochsHave()
    {
        using CpuDevice device = new(1);
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, Arguments() with { MaxSteps = -1, NumTrainEpochs = 2, PerDeviceTrainBatchSize = 5 });
        trainer.AddTraining(Pairs(5), "CosineSimilarityLoss");
        Assert.Equal(2, trainer.Train().Steps);
    }

    // What is best depends on what is searched.
    [Fact]
    public void OtherDocumentsToSearch_AreNotTheSameRun()
    {
        using CpuDevice device = new(1);
        File.WriteAllText(At("queries.tsv"), "q0\twing\nq1\theat\n");
        File.WriteAllText(At("qrels.txt"), "q0 0 d0 1\nq1 0 d1 1\n");
        TrainingArguments arguments = Arguments() with
        {
            EvalStrategy = IntervalStrategy.Epoch,
            SaveStrategy = IntervalStrategy.Epoch,
            LoadBestModelAtEnd = true,
            MetricForBestModel = "cosine_mrr@10",
        };
        Trainer Make(string corpus, bool resumes)
        {
            File.WriteAllText(At("corpus.tsv"), corpus);
            Trainer trainer = new(_model, ModelKind.BiEncoder, device,
                arguments with { ResumeFromCheckpoint = resumes ? TrainingArguments.LastCheckpoint : null });
            trainer.AddTraining(Pairs(10), "CosineSimilarityLoss");
            trainer.AddTraining(Pairs(10, 20), "CoSENTLoss");
            trainer.AddEvaluation(Pairs(5, 40));
            trainer.AddRetrieval(At("queries.tsv"), At("corpus.tsv"), At("qrels.txt"));
            return trainer;
        }
        List<string> warnings = [];
        using (Trainer first = Make("d0\tof a wing\nd1\tof heat\n", resumes: false))
        {
            first.Warned += warning => warnings.Add(warning.Name);
            TrainingResult result = first.Train();
            Assert.DoesNotContain("eval_loss", result.Metrics.Keys);
        }
        Assert.Contains("no-eval-loss", warnings);
        using (Trainer same = Make("d0\tof a wing\nd1\tof heat\n", resumes: true)) { same.Train(); }
        using Trainer other = Make("d0\tof a wing\nd1\tof air\n", resumes: true);
        Assert.Contains("eval data 2", Assert.Throws<ArgumentException>(() => other.Train()).Message);
    }

    // The last one inside frees: nothing is unmapped under a step or a checkpoint.
    [Fact]
    public void ADisposeBesideARun_LetsItEndOrRefusesIt()
    {
        using CpuDevice device = new(2);
        for (int round = 0; round < 12; round++)
        {
            TrainingArguments arguments = Arguments($"round-{round}");
            (arguments.SaveSteps, arguments.MaxSteps) = (1, 4);
            Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
            trainer.AddTraining(Pairs(20), "CosineSimilarityLoss");
            using ManualResetEventSlim begun = new();
            trainer.StepDone += _ => begun.Set();
            trainer.Saved += _ => begun.Set();
            Task<TrainingResult> run = Task.Run(() => trainer.Train(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
            if (round > 0) { begun.Wait(TestContext.Current.CancellationToken); }
            trainer.Dispose();
            if (Record.Exception(() => run.GetAwaiter().GetResult()) is { } refused) { Assert.IsType<ObjectDisposedException>(refused); }
            else { Assert.True(File.Exists(At($"round-{round}/model.safetensors"))); }
            Assert.Throws<ObjectDisposedException>(() => trainer.Train());
        }
    }

    [Fact]
    public void TwoTrainers_DoNotShareAnOutputFolder()
    {
        using CpuDevice device = new(1);
        using Trainer first = new(_model, ModelKind.BiEncoder, device, Arguments());
        TrainingArguments arguments = Arguments();
        arguments.ResumeFromCheckpoint = TrainingArguments.LastCheckpoint;
        Assert.Contains("another run is writing it", Assert.ThrowsAny<IOException>(() => new Trainer(_model, ModelKind.BiEncoder, device, arguments)).Message);
        Assert.Throws<InvalidOperationException>(() => first.Train());
    }

    [Fact]
    public void WhatIsWrongWithTheData_IsSaidBeforeTheFirstStep()
    {
        using CpuDevice device = new(1);
        TrainingArguments arguments = Arguments();
        arguments.MaxSteps = 1;
        arguments.MaxLength = 4;
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
        List<string> warnings = [];
        trainer.Warned += warning => warnings.Add(warning.Name);
        trainer.AddTraining(Pairs(20).Select(row => row with { Labels = [row.Labels[0] == 1 ? 1 : -1] }), "CosineSimilarityLoss");
        trainer.AddEvaluation(Pairs(4));
        trainer.StepDone += _ => Assert.Equal(["truncated", "opposite-labels", "overlap"], warnings);
        trainer.Train();
        Assert.Equal(3, warnings.Count);
    }

    public static TheoryData<string, string, TrainingRow[]> Evaluated() => new()
    {
        { "CosineSimilarityLoss", "eval_eval_cosine_f1", [.. Pairs(8, 30)] },
        { "CoSENTLoss", "eval_eval_spearman_cosine", [.. Pairs(8, 30).Select((row, i) => row with { Labels = [i / 8.0] })] },
        { "MultipleNegativesRankingLoss", "eval_eval_cosine_ndcg@10", [.. Pairs(8, 30).Select(row => row with { Labels = [] })] },
        { "TripletLoss", "eval_eval_cosine_accuracy", [.. Pairs(8, 30).Select(row => new TrainingRow([.. row.Texts, "layer"], []))] },
    };

    [Theory, MemberData(nameof(Evaluated))]
    public void WhatIsMeasured_FollowsFromTheData(string loss, string metric, TrainingRow[] rows)
    {
        using CpuDevice device = new(2);
        TrainingArguments arguments = Arguments();
        arguments.MaxSteps = 2;
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
        trainer.AddTraining(rows, loss);
        trainer.AddEvaluation(rows);
        TrainingResult result = trainer.Train();
        Assert.True(double.IsFinite(result.Metrics[metric]));
        Assert.True(double.IsFinite(result.Metrics["eval_loss"]));
    }

    // A batch through a cached loss is larger than what is computed at a time.
    [Fact]
    public void ALargeBatch_GoesThroughACachedLoss()
    {
        using CpuDevice device = new(2);
        TrainingArguments arguments = Arguments();
        (arguments.PerDeviceTrainBatchSize, arguments.NumTrainEpochs, arguments.Dropout) = (64, 1, 0);
        List<double> losses = [];
        foreach (string loss in new[] { "CachedMultipleNegativesRankingLoss(mini_batch_size=8)", "MultipleNegativesRankingLoss" })
        {
            arguments = arguments with { OutputDir = At(loss[..6]) };
            using Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
            trainer.AddTraining(Pairs(64).Select(row => row with { Labels = [] }), loss);
            trainer.StepDone += step => losses.Add(step.Loss);
            trainer.Train();
        }
        Assert.Equal(2, losses.Count);
        Assert.Equal(losses[1], losses[0], 1e-5);
    }

    // 20 rows are 4 micro-batches; of 3 a step the second has one.
    [Theory]
    [InlineData(1, 4), InlineData(3, 2)]
    public void Logged_HasTheLossesTheEvaluationsAndTheEnd(int accumulation, int steps)
    {
        using CpuDevice device = new(2);
        TrainingArguments arguments = Arguments();
        (arguments.LoggingSteps, arguments.EvalStrategy, arguments.GradientAccumulationSteps) = (.5, IntervalStrategy.Epoch, accumulation);
        using Trainer trainer = new(_model, ModelKind.BiEncoder, device, arguments);
        List<LogEntry> log = [];
        trainer.Logged += log.Add;
        trainer.AddTraining(Pairs(20), "CosineSimilarityLoss");
        trainer.AddEvaluation(Pairs(8, 50));
        trainer.Train();
        Assert.Equal(["loss", "eval_loss", "loss", "eval_loss", "train_runtime"], log.Select(entry => entry.Values[0].Key));
        Assert.Equal([steps, steps, 2 * steps, 2 * steps, 2 * steps], log.Select(entry => entry.Step));
        Assert.Equal([1.0, 1, 2, 2, 2], log.Select(entry => entry.Epoch));
    }

    public void Dispose()
    {
        Directory.SetCurrentDirectory(_before);
        Directory.Delete(_folder, recursive: true);
    }
}
