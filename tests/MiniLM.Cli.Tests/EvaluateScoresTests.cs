using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using MiniLM.Tests;

namespace MiniLM.Cli.Tests;

/// <summary><c>evaluate pairs</c>, <c>sts</c>, <c>reranking</c> and <c>checkthat</c>.</summary>
public sealed class EvaluateScoresTests : CommandTests
{
    private const string Pairs = "{\"auc\":0.75,\"ap\":0.75,\"f1\":0.6666666666666666,\"f1_threshold\":0.8500000000000001,\"accuracy\":0.8,"
        + "\"accuracy_threshold\":0.8500000000000001,\"precision\":1,\"recall\":0.5,\"mcc\":0.6123724356957945,"
        + "\"confusion\":{\"tn\":3,\"fp\":0,\"fn\":1,\"tp\":1},\"sweeps\":{";

    [Fact]
    public void Pairs_WritesMeasuresInOneObject()
    {
        string[] form = PairsForm([0.4, 0.9, 0.4, 0.8, 0.1], [1, 1, 0, 0, 0]);
        string output = CommandLine.Run([.. form, "--json"]).AssertDone().Output;
        Assert.StartsWith(Pairs, output);
        JsonElement sweeps = JsonDocument.Parse(output).RootElement.GetProperty("sweeps");
        Assert.Equal("{\"f1\":0.6666666666666666,\"threshold\":0.11}", sweeps.GetProperty("arange(0,1,0.01)").GetRawText());
        Assert.Equal(5, sweeps.EnumerateObject().Count());
        string table = CommandLine.Run(form).AssertDone().Output;
        Assert.Contains("f1_threshold        0.8500\n", table);
        Assert.Contains("label 1                    1            1\n", table);
    }

    [Fact]
    public void Pairs_WritesNullForWhatOneClassLeavesUndefined()
    {
        CommandResult negatives = CommandLine.Run([.. PairsForm([0.5, 0.25], [0, 0]), "--json"]).AssertDone();
        Assert.Equal("minilm: undefined: auc, ap (no number); f1_threshold, recall, mcc (0, as the libraries have it)\n", negatives.Error);
        Assert.Equal("minilm: undefined: auc, ap (no number); f1, f1_threshold, precision, recall, mcc (0, as the libraries have it)\n",
            CommandLine.Run([.. PairsForm([-0.5, -0.25], [0, 0]), "--json"]).AssertDone().Error);
        Assert.Equal("minilm: undefined: auc (no number); mcc (0, as the libraries have it)\n",
            CommandLine.Run(PairsForm([0.5, 0.25], [1, 1])).AssertDone().Error);
        Assert.Equal("minilm: undefined: mcc (0, as the libraries have it)\n", CommandLine.Run(PairsForm([0.5, 0.5], [1, 0])).AssertDone().Error);
        Assert.Equal("", CommandLine.Run(PairsForm([0.5, 0.25], [1, 0])).AssertDone().Error);
        JsonElement result = JsonDocument.Parse(negatives.Output).RootElement;
        Assert.Equal([0, 0, 0], ((string[])["f1_threshold", "recall", "mcc"]).Select(name => result.GetProperty(name).GetDouble()));
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (result.GetProperty("auc").ValueKind, result.GetProperty("ap").ValueKind));
        Assert.Equal((0, 1), (result.GetProperty("f1").GetDouble(), result.GetProperty("accuracy").GetDouble()));
        Assert.Equal(double.BitIncrement(0.5), result.GetProperty("accuracy_threshold").GetDouble());
    }

    [Fact]
    public void Pairs_TakesThresholdsOfWidenedFloat32InFloat32()
    {
        double Threshold(double[] scores) => JsonDocument.Parse(CommandLine.Run([.. PairsForm(scores, [1, 0]), "--json"]).AssertDone().Output)
            .RootElement.GetProperty("f1_threshold").GetDouble();
        Assert.Equal((0.7f + 0.4f) / 2, Threshold([0.7f, 0.4f]));
        Assert.Equal((0.7 + 0.4) / 2, Threshold([0.7, 0.4]));
        Assert.Equal((0.7 + 0.4f) / 2, Threshold([0.7, 0.4f]));
    }

    [Fact]
    public void Pairs_GivesTheGoldensNumbers()
    {
        string path = SharedFolder.Require("golden", "metrics", "classification", "binary.json");
        int cases = 0;
        foreach (JsonNode? golden in JsonNode.Parse(File.ReadAllText(path))!["cases"]!.AsArray())
        {
            string[] form = PairsForm([.. golden!["scores"]!.AsArray().Select(Number)], [.. golden["labels"]!.AsArray().Select(Number)]);
            JsonNode result = JsonNode.Parse(CommandLine.Run([.. form, "--json"]).AssertDone().Output)!;
            foreach (string name in new[] { "accuracy", "accuracy_threshold", "f1", "f1_threshold", "precision", "recall" })
            {
                Assert.Equal(Number(golden["sentence_transformers_6"]![name]), Number(result[name]), 1e-12);
            }
            Assert.Equal(Number(golden["mcc_at_f1_threshold"]), Number(result["mcc"]), 1e-12);
            AssertOptional(golden["roc_auc"], result["auc"]);
            AssertOptional(golden["average_precision"], result["ap"]);
            foreach ((string grid, JsonNode? sweep) in golden["sweeps"]!.AsObject())
            {
                if (result["sweeps"]![grid] is not { } own) { continue; } // a grid of another name
                Assert.Equal(Number(sweep!["best_f1"]), Number(own["f1"]), 1e-12);
                Assert.Equal(Number(sweep["best_f1_threshold"]), Number(own["threshold"]));
            }
            cases++;
        }
        Assert.True(cases > 0, "no cases");
    }

    [Fact]
    public void Pairs_TakesScoresAsTheyAreWritten()
    {
        string pairs = Write("pairs.jsonl", "{\"a\":\"one two\",\"b\":\"three\"}\n{\"a\":\"a\",\"b\":\"a\"}\n");
        CommandLine.Run("similarity", "--model", BiEncoder, "--input", pairs, "--columns", "a,b", "--output", At("scores.jsonl")).AssertDone();
        string labels = Write("labels.tsv", "index\tlabel\n1\t1\n0\t0\n");
        JsonElement result = JsonDocument.Parse(
            CommandLine.Run("evaluate", "pairs", "--scores", At("scores.jsonl"), "--labels", labels, "--json").AssertDone().Output).RootElement;
        Assert.Equal(1, result.GetProperty("f1").GetDouble());
        string truths = Write("truths.jsonl", "{\"index\":1,\"label\":true}\n{\"index\":0,\"label\":\"False\"}\n");
        Assert.Equal(result.ToString(), JsonDocument.Parse(
            CommandLine.Run("evaluate", "pairs", "--scores", At("scores.jsonl"), "--labels", truths, "--json").AssertDone().Output).RootElement.ToString());
        // Either from standard input.
        CommandLine.RunWith(default, File.ReadAllText(At("scores.jsonl")), "evaluate", "pairs", "--scores", "-", "--labels", labels).AssertDone();
        CommandLine.Run("evaluate", "pairs", "--scores", "-", "--labels", "-").AssertRefused(2, "standard input (-) can be one of the files only");
    }

    [Theory]
    [InlineData("{\"index\":0,\"score\":1}\n", "index\tlabel\n0\t2\n", "labels.tsv:2: the label '2' is not 0 or 1")]
    [InlineData("{\"index\":0,\"score\":\"x\"}\n", "index\tlabel\n0\t1\n", "scores.jsonl:1: the score 'x' is not a finite number")]
    [InlineData("{\"index\":0,\"score\":1e999}\n", "index\tlabel\n0\t1\n", "scores.jsonl:1: the score '1e999' is not a finite number")]
    [InlineData("{\"index\":-1,\"score\":1}\n", "index\tlabel\n0\t1\n", "scores.jsonl:1: the index '-1' is not a whole number from 0 up")]
    [InlineData("{\"index\":0,\"score\":1}\n{\"index\":0,\"score\":2}\n", "index\tlabel\n0\t1\n", "scores.jsonl:2: index 0 is there twice")]
    [InlineData("{\"index\":0,\"score\":1}\n{\"index\":2,\"score\":2}\n", "index\tlabel\n0\t1\n", "has index 2 (line 2), but no index 1")]
    [InlineData("{\"index\":0,\"score\":1}\n", "index\tlabel\n0\t1\n1\t1\n", "labels.tsv: has 2 rows, ")]
    [InlineData("\n", "index\tlabel\n0\t1\n", "scores.jsonl: has no rows")]
    [InlineData("{\"index\":0,\"score\":1}\n", "row\tlabel\n0\t1\n", "has no column 'index'")]
    public void Pairs_RefusesByLine(string scores, string labels, string message)
    {
        (string scoresFile, string labelsFile) = (Write("scores.jsonl", scores), Write("labels.tsv", labels));
        CommandLine.Run("evaluate", "pairs", "--scores", scoresFile, "--labels", labelsFile, "--json").AssertRefused(1, message);
    }

    [Fact]
    public void Sts_Correlates()
    {
        (string scores, string labels) = (WriteScores([1, 2, 3, 4]), WriteLabels([1, 3, 2.5, 40]));
        JsonElement result = JsonDocument.Parse(
            CommandLine.Run("evaluate", "sts", "--scores", scores, "--labels", labels, "--json").AssertDone().Output).RootElement;
        Assert.Equal(0.79427, result.GetProperty("pearson").GetDouble(), 1e-5);
        Assert.Equal(0.8, result.GetProperty("spearman").GetDouble(), 1e-15);
        Assert.Equal(2 / 3.0, result.GetProperty("kendall").GetDouble(), 1e-15);
        Assert.Equal("{\"pearson\":null,\"spearman\":null,\"kendall\":null}\n",
            CommandLine.Run("evaluate", "sts", "--scores", scores, "--labels", WriteLabels([1, 1, 1, 1]), "--json").AssertDone().Output);
    }

    [Fact]
    public void Sts_GivesTheGoldensNumbers()
    {
        string path = SharedFolder.Require("golden", "metrics", "statistics", "correlation.json");
        int cases = 0;
        foreach (JsonNode? golden in JsonNode.Parse(File.ReadAllText(path))!["cases"]!.AsArray())
        {
            string scores = WriteScores([.. golden!["x"]!.AsArray().Select(Number)]), labels = WriteLabels([.. golden["y"]!.AsArray().Select(Number)]);
            JsonNode result = JsonNode.Parse(CommandLine.Run("evaluate", "sts", "--scores", scores, "--labels", labels, "--json").AssertDone().Output)!;
            foreach ((string name, string key) in new[] { ("pearson", "pearson"), ("spearman", "spearman"), ("kendall", "kendall_tau_b") })
            {
                if (golden[key]!.GetValueKind() == JsonValueKind.String) { Assert.Null(result[name]); }
                else { Assert.Equal(Number(golden[key]), Number(result[name]), 1e-9); }
            }
            cases++;
        }
        Assert.True(cases > 0, "no cases");
    }

    [Fact]
    public void Reranking_TakesScoresListByList()
    {
        string lists = Write("lists.jsonl", string.Concat(
            "{\"query\":\"q\",\"pos\":[\"a\"],\"neg\":[\"b\",\"c\"]}\n", "{\"query\":\"dropped\",\"pos\":[],\"neg\":[\"b\"]}\n",
            "{\"query\":[\"x\",\"y\"],\"pos\":[\"a\"],\"neg\":[\"b\"]}\n"));
        string scores = WriteScores([0.5, 0.9, 0.1, 7, /* x */ 0.1, 0.5, /* y */ 0.6, 0.2]);
        CommandResult result = CommandLine.Run("evaluate", "reranking", "--scores", scores, "--lists", lists, "--json").AssertDone();
        Assert.Equal("{\"map\":0.75,\"mrr@1\":0.5,\"mrr@5\":0.75,\"mrr@10\":0.75,\"ndcg@10\":0.8154648767857288}\n", result.Output);
        Assert.Equal("minilm: dropped: 1 of 3 lists (without positives or without negatives)\n", result.Error);
        CommandLine.Run("evaluate", "reranking", "--scores", WriteScores([1, 2, 3, 4, 5, 6, 7]), "--lists", lists)
            .AssertRefused(1, "lists.jsonl:3: needs the scores 4 to 7, ");
        CommandLine.Run("evaluate", "reranking", "--scores", WriteScores([1, 2, 3, 4, 5, 6, 7, 8, 9]), "--lists", lists)
            .AssertRefused(1, "has 9 scores, the lists of ");
    }

    [Theory]
    [InlineData("{\"query\":\"q\",\"pos\":[\"a\"]}", "lists.jsonl:1: has no 'neg'")]
    [InlineData("{\"query\":\"q\",\"pos\":\"a\",\"neg\":[]}", "lists.jsonl:1: 'pos' is not a list of texts")]
    [InlineData("{\"query\":\"q\",\"pos\":[1],\"neg\":[]}", "lists.jsonl:1: 'pos' is not a list of texts")]
    [InlineData("[1]", "lists.jsonl:1: not a JSON object")]
    [InlineData("{} {}", "lists.jsonl:1: not one JSON value a line")]
    [InlineData("{", "lists.jsonl:1: not one JSON value a line")]
    public void Reranking_RefusesByLine(string line, string message) =>
        CommandLine.Run("evaluate", "reranking", "--scores", WriteScores([1]), "--lists", Write("lists.jsonl", line)).AssertRefused(1, message);

    [Fact]
    public void CheckThat_WritesMrrAndRecall()
    {
        string gold = Write("dev.tsv", "post_id\ttweet_text\tcord_uid\n1\tx\tp1\n2\ty\tp2\n");
        string predictions = Write("preds.tsv", "post_id\tpreds\n1\t['p1']\n2\t\"[\"\"a\"\", \"\"p2\"\"]\"\n");
        Assert.Equal("{\"mrr@1\":0.5,\"mrr@5\":0.75,\"mrr@10\":0.75,\"recall@1\":0.5,\"recall@5\":1,\"recall@10\":1}\n",
            CommandLine.Run("evaluate", "checkthat", "--predictions", predictions, "--gold", gold, "--json").AssertDone().Output);
        Assert.Equal("measure     value\nmrr@1      0.5000\n",
            CommandLine.Run("evaluate", "checkthat", "--predictions", predictions, "--gold", gold).AssertDone().Output[..36]);
    }

    [Theory]
    [InlineData("pairs")]
    [InlineData("sts")]
    [InlineData("reranking")]
    [InlineData("checkthat")]
    public void Evaluate_HelpsByCommand(string command)
    {
        Assert.StartsWith($"Example:\n  minilm evaluate {command} --", CommandLine.Run("evaluate", command, "--help").AssertDone().Output);
        CommandLine.Run("evaluate", command).AssertRefused(2, "is required");
    }

    private string[] PairsForm(double[] scores, double[] labels) => ["evaluate", "pairs", "--scores", WriteScores(scores), "--labels", WriteLabels(labels)];

    private string WriteScores(double[] scores) => Write("scores.jsonl", string.Concat(
        scores.Select((score, i) => string.Create(CultureInfo.InvariantCulture, $"{{\"index\":{i},\"score\":{score:R}}}\n"))));

    private string WriteLabels(double[] labels) => Write("labels.tsv", string.Concat(
        labels.Select((label, i) => string.Create(CultureInfo.InvariantCulture, $"{i}\t{label:R}\n")).Prepend("index\tlabel\n")));

    private static double Number(JsonNode? value) => value!.GetValue<double>();

    private static void AssertOptional(JsonNode? expected, JsonNode? actual)
    {
        if (expected is null) { Assert.Null(actual); }
        else { Assert.Equal(Number(expected), Number(actual), 1e-12); }
    }
}
