using System.Globalization;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

/// <summary>What is measured during a training and at its end: the best checkpoint, patience, thresholds, test sets.</summary>
public sealed class TrainEvaluationTests : TrainingTests
{
    [Fact]
    public void TheBestCheckpoint_StaysAndIsTheResult()
    {
        string train = Pairs(rows: 16), eval = Pairs("dev.tsv", 10, 50);
        Train(train, "--eval", eval, "--num-train-epochs", "8", "--eval-strategy", "epoch", "--save-strategy", "epoch", "--save-total-limit", "1",
            "--load-best-model-at-end", "--metric-for-best-model", "average_precision", "--test", Pairs("test.tsv", 10, 70)).AssertDone();
        using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "trainer_state.json")));
        int best = state.RootElement.GetProperty("best_global_step").GetInt32();
        JsonElement[] evaluations = [.. History(Output).Where(entry => entry.TryGetProperty("eval_loss", out _))];
        Assert.Equal(8, evaluations.Length);
        double greatest = evaluations.Max(entry => entry.GetProperty("eval_dev_average_precision").GetDouble());
        JsonElement first = evaluations.First(entry => entry.GetProperty("eval_dev_average_precision").GetDouble() == greatest);
        Assert.Equal(first.GetProperty("step").GetInt32(), best);
        Assert.Equal(greatest, state.RootElement.GetProperty("best_metric").GetDouble());
        Assert.Equal(Path.Combine(Output, $"checkpoint-{best}"), state.RootElement.GetProperty("best_model_checkpoint").GetString());
        Assert.Equal(new[] { best, 32 }.Distinct(), Directory.EnumerateDirectories(Output, "checkpoint-*").Select(path => int.Parse(path.Split('-')[^1]))
            .Order());
        Assert.Equal(Weights(Path.Combine(Output, $"checkpoint-{best}")), Weights(Output));
        string[] table = File.ReadAllLines(Path.Combine(Output, "eval", "CrossEncoderClassificationEvaluator_dev_results.csv"));
        Assert.Equal("epoch,steps,Accuracy,Accuracy_Threshold,F1,F1_Threshold,Precision,Recall,Average_Precision", table[0]);
        Assert.Equal(9, table.Length);
        Assert.Equal(greatest, table.Skip(1).Max(line => double.Parse(line.Split(',')[^1], System.Globalization.CultureInfo.InvariantCulture)));
        using JsonDocument results = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "all_results.json")));
        Assert.Equal(greatest, results.RootElement.GetProperty("eval_dev_average_precision").GetDouble());
        Assert.True(results.RootElement.GetProperty("test_f1").GetDouble() >= results.RootElement.GetProperty("test_f1_at_eval_threshold").GetDouble());
    }

    [Fact]
    public void AThresholdOfTheEvaluation_IsCarriedToTheTest()
    {
        string train = Pairs(rows: 12), eval = Pairs("dev.tsv", 14, 50), test = Pairs("test.tsv", 14, 80);
        Train(train, "--eval", eval, "--test", test, "--max-steps", "4").AssertDone();
        using JsonDocument results = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "all_results.json")));
        double threshold = results.RootElement.GetProperty("eval_dev_f1_threshold").GetDouble();
        string[] scores = CommandLine.Run("rerank", "--model", Output, "--pairs", test, "--columns", "a,b").AssertDone().Lines;
        double[] labels = [.. File.ReadLines(test).Skip(1).Select(line => double.Parse(line.Split('\t')[2]))];
        int hits = 0, predicted = 0;
        for (int row = 0; row < labels.Length; row++)
        {
            using JsonDocument score = JsonDocument.Parse(scores[row]);
            if (score.RootElement.GetProperty("score").GetSingle() < threshold) { continue; }
            predicted++;
            hits += (int)labels[row];
        }
        double f1 = predicted + labels.Sum() == 0 ? 0 : 2 * hits / (predicted + labels.Sum());
        Assert.Equal(f1, results.RootElement.GetProperty("test_f1_at_eval_threshold").GetDouble(), 1e-12);
    }

    [Fact]
    public void EarlyStopping_EndsTheRunAfterSomeEvaluationsThatAreNotBetter()
    {
        string train = Pairs(rows: 12), eval = Pairs("dev.tsv", 12, 50, row => $"{(row + 1) % 2}"); // the opposite of what is learnt
        Train(train, "--eval", eval, "--num-train-epochs", "40", "--eval-strategy", "epoch", "--save-strategy", "no", "--early-stopping-patience", "2")
            .AssertDone();
        JsonElement[] evaluations = [.. History(Output).Where(entry => entry.TryGetProperty("eval_loss", out _))];
        double[] losses = [.. evaluations.Select(entry => entry.GetProperty("eval_loss").GetDouble())];
        Assert.InRange(losses.Length, 3, 39);
        Assert.True(losses[..^2].Min() <= losses[^2..].Min());
    }

    // What is learnt is measured: the loss falls from each evaluation to the next, kept or not.
    [Fact]
    public void Patience_LooksAtEvaluationsBetweenCheckpointsToo()
    {
        string train = Pairs(rows: 12);
        CommandResult result = Train(train, "--eval", train, "--ignore-warnings", "overlap", "--max-steps", "8", "--eval-strategy", "steps", "--eval-steps",
            "1", "--save-steps", "4", "--load-best-model-at-end", "--early-stopping-patience", "1", "--dropout", "0", "--learning-rate", "1e-4",
            "--lr-scheduler-type", "constant", "--per-device-train-batch-size", "12").AssertDone();
        double[] losses = [.. History(Output).Where(entry => entry.TryGetProperty("eval_loss", out _))
            .Select(entry => entry.GetProperty("eval_loss").GetDouble())];
        Assert.Equal(losses.OrderDescending(), losses);
        Assert.Equal(8, losses.Length);
        Assert.Contains("8 steps", result.Error);
        Assert.Contains("the model of step 8", result.Error);
    }

    [Fact]
    public void ARunThatStopsBeforeACheckpointIsKept_SaysSo()
    {
        string train = Pairs(rows: 12);
        CommandResult result = Train(train, "--eval", Pairs("dev.tsv", 12, 50), "--max-steps", "40", "--eval-strategy", "steps", "--eval-steps", "1",
            "--save-steps", "40", "--load-best-model-at-end", "--metric-for-best-model", "f1", "--early-stopping-patience", "1", "--learning-rate", "0")
                .AssertDone();
        Assert.Equal(2, History(Output).Count(entry => entry.TryGetProperty("eval_loss", out _)));
        Assert.Contains("the run ended before a checkpoint was kept where eval_dev_f1 was measured", result.Error);
    }

    [Fact]
    public void ATestSet_IsMeasuredAtTheThresholds_WhateverTheEvaluationIsCalled()
    {
        Train(Pairs(), "--eval", Pairs("f1_threshold.tsv", 14, 50), "--test", Pairs("f1_at.tsv", 14, 80), "--max-steps", "2").AssertDone();
        using JsonDocument results = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "all_results.json")));
        string[] names = ["test_f1_at_f1_at_eval_threshold", "test_f1_at_accuracy_at_eval_threshold"];
        Assert.Equal(names, results.RootElement.EnumerateObject().Select(value => value.Name).Where(name => name.EndsWith("_at_eval_threshold")));
    }

    [Fact]
    public void TheCardAndThePage_HaveWhatTheTestsGave()
    {
        string page = Path.Combine(Output, "report.html");
        Train(Pairs(), "--eval", Pairs("dev.tsv", 14, 50), "--test", Pairs("fresh.tsv", 14, 80), "--max-steps", "2", "--eval-strategy", "steps", "--eval-steps",
            "2", "--metric-for-best-model", "precision", "--html", page).AssertDone();
        Assert.True(File.Exists(page));
        using JsonDocument results = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "all_results.json")));
        double precision = results.RootElement.GetProperty("test_fresh_average_precision").GetDouble();
        string card = File.ReadAllText(Path.Combine(Output, "README.md"));
        string ofTest = card[card.IndexOf("* Dataset: <code>fresh</code>", StringComparison.Ordinal)..];
        Assert.Contains(precision.ToString("0.0000", CultureInfo.InvariantCulture), ofTest);
        Train(Pairs(), "--html", Path.Combine(At("nowhere"), "report.html")).AssertRefused(1, "there is no folder");
    }

    [Theory]
    [InlineData("CosineSimilarityLoss", true)]
    [InlineData("ContrastiveLoss", false)]
    public void OneLossOverSeveralDataSets_IsMeasured(string second, bool isMeasured)
    {
        CommandResult result = CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", Pairs() + ":CosineSimilarityLoss", "--train",
            Pairs("more.tsv", 12, 30) + ":" + second, "--columns", "a,b,label", "--eval", Pairs("dev.tsv", 12, 50), "--output-dir", Output, "--max-steps", "2")
                .AssertDone();
        Assert.Equal(isMeasured, History(Output).Any(entry => entry.TryGetProperty("eval_loss", out _)));
        Assert.Equal(!isMeasured, result.Error.Contains("there are several losses", StringComparison.Ordinal));
    }

    [Fact]
    public void PairsAreMeasured_BesideListsThatAreTrainedFirst()
    {
        string lists = Write("lists.jsonl", """{"query":"one","docs":["two","three"],"labels":[1,0]}""");
        CommandLine.Run("train", "--task", "cross-encoder", "--model", OneLabel(), "--train", lists + ":LambdaLoss", "--columns", "query,docs,labels",
            "--train", Pairs() + ":BinaryCrossEntropyLoss", "--columns", "a,b,label", "--eval", Pairs("dev.tsv", 12, 50), "--eval-columns", "a,b,label",
            "--output-dir", Output, "--max-steps", "1").AssertDone();
        Assert.Contains(History(Output), entry => entry.TryGetProperty("eval_dev_average_precision", out _));
    }

    [Fact]
    public void ListsAreMeasured_WherePairsAreTrainedOn()
    {
        string lists = Write("lists.jsonl", """{"query":"one","docs":["two","three"],"labels":[1,0]}""");
        Train(Pairs(), "--eval", lists, "--eval-columns", "query,docs,labels", "--max-steps", "1").AssertDone();
        Assert.Contains(History(Output), entry => entry.TryGetProperty("eval_lists_ndcg@10", out _));
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", Pairs(), "--columns", "a,b,label", "--loss", "CoSENT", "--eval",
            lists, "--eval-columns", "query,docs,labels", "--output-dir", At("second")).AssertRefused(1, "'docs' is a list, not a text");
    }

    [Fact]
    public void WhatIsSaidOfTheResult_IsMeasuredOnIt()
    {
        string train = Pairs(), eval = Pairs("dev.tsv", 10, 40);
        Train(train, "--eval", eval, "--max-steps", "3", "--eval-strategy", "steps", "--eval-steps", "2").AssertDone();
        Assert.Equal([2, 3], History(Output).Where(entry => entry.TryGetProperty("eval_loss", out _)).Select(entry => entry.GetProperty("step").GetInt32()));
    }

    [Fact]
    public void Measuring_RefusesWhatWouldFailAtTheEnd()
    {
        string train = Pairs(), eval = Pairs("dev.tsv", 10, 40);
        Directory.CreateDirectory(At("other"));
        string same = Path.Combine(At("other"), "dev.tsv");
        File.Copy(eval, same);
        Train(train, "--eval", eval, "--eval", same).AssertRefused(2, "two sets to measure on are both called");
        CommandLine.Run("convert", "--model", BiEncoder, "--num-labels", "3", "--seed", "1", "--output", At("classes")).AssertDone();
        CommandLine.Run("train", "--task", "cross-encoder", "--model", At("classes"), "--train", train, "--test", Pairs("test.tsv", 4, 0, row => $"{row}"),
            "--columns",
            "a,b,label", "--loss", "CrossEntropy", "--max-steps", "1", "--output-dir", Output).AssertRefused(1, "test.tsv: ");
        Train(train, "--prompts", "{\"nosuch\": \"x\"}").AssertRefused(2, "prompts: there is no column");
        Train(train, "--freeze", "weight,bias").AssertRefused(2, "every parameter has that in its name");
        Train(train, "--freeze", "encoder.lay").AssertRefused(2, "freeze encoder.lay: no parameter has that in its name, between dots");
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void AnEarlyStop_HoldsWhenTheRunIsResumed()
    {
        string train = Pairs(rows: 12), eval = Pairs("dev.tsv", 12, 50, row => $"{(row + 1) % 2}");
        string[] arguments = ["--eval", eval, "--num-train-epochs", "40", "--eval-strategy", "epoch", "--save-strategy", "epoch", "--early-stopping-patience",
            "2"];
        Train(train, arguments).AssertDone();
        byte[] weights = Weights(Output);
        File.Delete(Path.Combine(Output, "config.json"));
        Train(train, [.. arguments, "--resume-from-checkpoint"]).AssertDone();
        Assert.Equal(weights, Weights(Output));
    }

    [Fact]
    public void Retrieval_IsMeasuredBeforeAndAfter()
    {
        string corpus = Write("corpus.tsv", string.Concat(Words.Select((word, i) => $"d{i}\t{word} of the {word}\n")));
        string queries = Write("queries.tsv", string.Concat(Words.Take(3).Select((word, i) => $"q{i}\t{word}\n")));
        string qrels = Write("qrels.txt", "q0 0 d0 1\nq1 0 d1 1\nq2 0 d2 1\nq9 0 d1 1\n");
        string pairs = Write("pairs.tsv", "a\tb\n" + string.Concat(Words.Select(word => $"{word}\t{word} of the {word}\n")));
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", pairs, "--columns", "a,b", "--loss", "MultipleNegativesRanking",
            "--output-dir", Output,
            "--eval-queries", queries, "--eval-corpus", corpus, "--eval-qrels", qrels, "--eval-on-start", "--eval-strategy", "epoch", "--num-train-epochs", "2",
            "--batch-sampler", "no_duplicates", "--ignore-warnings", "large-batch").AssertDone();
        JsonElement[] evaluations = [.. History(Output).Where(entry => entry.TryGetProperty("eval_cosine_ndcg@10", out _))];
        Assert.Equal([0, 1, 2], evaluations.Select(entry => entry.GetProperty("step").GetInt32()));
        string[] table = File.ReadAllLines(Path.Combine(Output, "eval", "Information-Retrieval_evaluation_results.csv"));
        Assert.StartsWith("epoch,steps,cosine-Accuracy@1,cosine-Accuracy@3,cosine-Accuracy@5,cosine-Accuracy@10,cosine-Precision@1,cosine-Recall@1,", table[0],
            StringComparison.Ordinal);
        Assert.EndsWith(",cosine-Recall@10,cosine-MRR@10,cosine-NDCG@10,cosine-MAP@100", table[0], StringComparison.Ordinal);
        Assert.Equal(evaluations[2].GetProperty("eval_cosine_ndcg@10").GetDouble(), double.Parse(table[3].Split(',')[^2],
            System.Globalization.CultureInfo.InvariantCulture));
        CommandLine.Run("train", "--task", "bi-encoder", "--model", BiEncoder, "--train", pairs, "--columns", "a,b", "--loss", "MultipleNegativesRanking",
            "--output-dir",
            At("second"), "--eval-queries", queries).AssertRefused(2, "--eval-queries, --eval-corpus and --eval-qrels go together");
    }
}
