using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class CalibrateCommandTests : CommandTests
{
    private const string Pairs = "{\"a\":\"one two\",\"b\":\"three\"}\n{\"a\":\"\",\"b\":\"\"}\n"
        + "{\"a\":\"of the\",\"b\":\"a\"}\n{\"a\":\"two\",\"b\":\"the\"}\n";

    [Theory]
    [InlineData("platt")]
    [InlineData("isotonic")]
    [InlineData("temperature")]
    [InlineData("sigmoid")]
    [InlineData("minmax")]
    [InlineData("zscore")]
    public void Calibrate_KeepsWhatRerankThenApplies(string method)
    {
        (string model, string scores, string labels) = Prepare(CrossEncoder);
        JsonElement report = Json(CommandLine.Run("calibrate", "--model", model, "--scores", scores, "--labels", labels, "--method", method, "--json")
            .AssertDone().Output);
        JsonElement kept = Json(File.ReadAllText(Path.Combine(model, "calibration.json")));
        foreach (string name in new[] { "method", "rows", "ece_before", "ece_after" })
        {
            Assert.Equal(report.GetProperty(name).GetRawText(), kept.GetProperty(name).GetRawText());
        }
        Assert.Equal((method, 4, 1), (kept.GetProperty("method").GetString(), kept.GetProperty("rows").GetInt32(), kept.GetProperty("version").GetInt32()));
        Assert.Equal(method == "zscore", kept.GetProperty("ece_after").ValueKind == JsonValueKind.Null);
        Assert.Equal(10, report.GetProperty("reliability").GetProperty("before").GetArrayLength());
        Assert.Equal(method == "zscore" ? 0 : 10, report.GetProperty("reliability").GetProperty("after").GetArrayLength());
        if (method == "sigmoid") { Assert.Equal(report.GetProperty("ece_before").GetDouble(), report.GetProperty("ece_after").GetDouble()); }

        double[] raw = Scores(model, "raw"), calibrated = Scores(model, "calibrated");
        double[] byRank = [.. raw.Zip(calibrated).OrderBy(pair => pair.First).Select(pair => pair.Second)];
        Assert.Equal(byRank.Order(), byRank);
        if (method == "minmax") { Assert.Equal((0, 1), (byRank[0], byRank[^1])); }
        if (method == "sigmoid") { Assert.Equal(Scores(model, "sigmoid"), calibrated, (a, b) => Math.Abs(a - b) < 1e-6); }
        if (method == "zscore") { Assert.Equal(0, calibrated.Sum(), 1e-4); }
    }

    [Fact]
    public void Calibrate_PrintsTables()
    {
        (string model, string scores, string labels) = Prepare(CrossEncoder);
        string[] lines = CommandLine.Run("calibrate", "--model", model, "--scores", scores, "--labels", labels).AssertDone().Lines;
        Assert.Equal("platt on 4 rows", lines[0]);
        Assert.Matches(@"^expected calibration error: 0\.\d{4} before, 0\.\d{4} after$", lines[1]);
        Assert.StartsWith("before      rows  mean probability  share of positives", lines[2]);
        Assert.StartsWith("after ", lines[13]);
        Assert.Equal(24, lines.Length);
    }

    [Fact]
    public void Calibrate_OfABiEncoderTakesTheCosineForItsProbability()
    {
        (string model, string _, string labels) = Prepare(BiEncoder);
        string scores = Write("cosines.tsv", "index\tscore\n0\t-0.5\n1\t1\n2\t0.25\n3\t0.5\n");
        JsonElement report = Json(CommandLine.Run("calibrate", "--model", model, "--scores", scores, "--labels", labels, "--json").AssertDone().Output);
        Assert.Equal((0.25 + 0.5) / 4, report.GetProperty("ece_before").GetDouble(), 1e-15); // labels 0 1 0 1: errors 0, 0, 0.25, 0.5
        Assert.All(Scores(model, "calibrated"), score => Assert.InRange(score, 0, 1));
    }

    [Fact]
    public void Calibrate_SaysThatPositivesHaveTheLowerScores()
    {
        (string model, _, _) = Prepare(CrossEncoder);
        Write("falling.jsonl", string.Concat(Enumerable.Range(0, 20).Select(row => $"{{\"index\":{row},\"score\":{row / 10.0}}}\n")));
        Write("falling.tsv", "index\tlabel\n" + string.Concat(Enumerable.Range(0, 20).Select(row => $"{row}\t{(row < 10 ? 1 : 0)}\n")));
        CommandResult result = CommandLine.Run(
            "calibrate", "--model", model, "--scores", At("falling.jsonl"), "--labels", At("falling.tsv"), "--overwrite").AssertDone();
        Assert.Contains("the positives have the lower scores", result.Error);
        Assert.DoesNotContain("end of its range", result.Error);
        Assert.Contains("the temperature 22026.5 is at the end of its range", CommandLine.Run("calibrate", "--model", model, "--scores", At("falling.jsonl"),
            "--labels", At("falling.tsv"), "--method", "temperature", "--overwrite").AssertDone().Error);
    }

    [Fact]
    public void Calibrate_SaysThatScoresLookLikeSigmoids()
    {
        (string model, string scores, string labels) = Prepare(CrossEncoder);
        string[] form = ["calibrate", "--model", model, "--labels", labels, "--overwrite", "--scores"];
        string sigmoids = Write("sigmoids.jsonl", string.Concat(Enumerable.Range(0, 4).Select(row => $"{{\"index\":{row},\"score\":{row / 3.0}}}\n")));
        Assert.Contains("the scores are all within 0 to 1, as sigmoids are", CommandLine.Run([.. form, sigmoids]).AssertDone().Error);
        string raw = Write("raw.jsonl", File.ReadAllText(sigmoids).Replace("\"score\":1}", "\"score\":1.5}"));
        Assert.DoesNotContain("sigmoids", CommandLine.Run([.. form, raw]).AssertDone().Error);
        // Cosines may well lie there.
        Assert.DoesNotContain("sigmoids",
            CommandLine.Run("calibrate", "--model", CopyModel(BiEncoder, "bi"), "--labels", labels, "--scores", sigmoids).AssertDone().Error);
    }

    [Fact]
    public void Rerank_OrdersByTheCalibratedScore()
    {
        (string model, _, _) = Prepare(CrossEncoder);
        File.WriteAllText(Path.Combine(model, "calibration.json"),
            "{\"format\":\"minilm-calibration\",\"version\":1,\"method\":\"platt\",\"parameters\":{\"a\":3,\"b\":0}}"); // turns the order round
        Write("q.tsv", "q1\tone two\n");
        Write("corpus.tsv", "d1\tthree\nd2\tof\nd3\tthe a\n");
        Write("in.run", "q1 Q0 d1 1 3 x\nq1 Q0 d2 2 2 x\nq1 Q0 d3 3 1 x\n");
        string[] form = ["rerank", "--model", model, "--queries", At("q.tsv"), "--corpus", At("corpus.tsv"), "--run", At("in.run"), "--score"];
        string[] raw = CommandLine.Run([.. form, "raw"]).AssertDone().Lines, calibrated = CommandLine.Run([.. form, "calibrated"]).AssertDone().Lines;
        Assert.Equal(raw.Select(line => line.Split(' ')[2]).Reverse(), calibrated.Select(line => line.Split(' ')[2]));
        // On one step of an isotonic calibration the raw score decides, and trec_eval, which sorts by score alone, finds that order.
        File.WriteAllText(Path.Combine(model, "calibration.json"),
            "{\"format\":\"minilm-calibration\",\"version\":1,\"method\":\"isotonic\",\"parameters\":{\"x\":[0],\"y\":[0.25]}}");
        CommandResult steps = CommandLine.Run([.. form, "calibrated"]).AssertDone();
        Assert.Equal(raw.Select(line => line.Split(' ')[2]), steps.Lines.Select(line => line.Split(' ')[2]));
        Assert.Equal([0.25f, float.BitDecrement(0.25f), float.BitDecrement(float.BitDecrement(0.25f))],
            steps.Lines.Select(line => float.Parse(line.Split(' ')[4], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.DoesNotContain("equal scores", steps.Error);
    }

    [Fact]
    public void Rerank_SaysHowACalibrationIsMade() => CommandLine.Run(
        "rerank", "--model", CrossEncoder, "--pairs", Write("pairs.jsonl", Pairs), "--columns", "a,b", "--score", "calibrated")
        .AssertRefused(1, "has no calibration.json. Make one: minilm calibrate --model ");

    [Fact]
    public void Convert_CarriesTheCalibrationAlong()
    {
        (string model, string scores, string labels) = Prepare(CrossEncoder);
        CommandLine.Run("calibrate", "--model", model, "--scores", scores, "--labels", labels).AssertDone();
        CommandLine.Run("convert", "--model", model, "--dtype", "float16", "--output", At("half")).AssertDone();
        Assert.Equal(File.ReadAllText(Path.Combine(model, "calibration.json")), File.ReadAllText(Path.Combine(At("half"), "calibration.json")));
    }

    [Fact]
    public void Calibrate_ReplacesOnlyWhenAsked()
    {
        (string model, string scores, string labels) = Prepare(CrossEncoder);
        string[] form = ["calibrate", "--model", model, "--scores", scores, "--labels", labels];
        CommandLine.Run(form).AssertDone();
        CommandLine.Run(form).AssertRefused(1, "calibration.json: exists. Use --overwrite to replace it.");
        CommandLine.Run([.. form, "--method", "minmax", "--overwrite"]).AssertDone();
        Assert.Contains("minmax", File.ReadAllText(Path.Combine(model, "calibration.json")));
    }

    [Fact]
    public void Calibrate_RefusesLabelsOfOneKindAndAFolderThatCannotBeWritten()
    {
        (string model, string scores, string labels) = Prepare(CrossEncoder);
        string ones = Write("ones.tsv", "index\tlabel\n0\t1\n1\t1\n2\t1\n3\t1\n");
        CommandLine.Run("calibrate", "--model", model, "--scores", scores, "--labels", ones)
            .AssertRefused(1, "the labels are all 1: a calibration needs rows of both kinds");
        Directory.CreateDirectory(Path.Combine(model, "calibration.json.partial")); // which no file can be made at
        CommandLine.Run("calibrate", "--model", model, "--scores", scores, "--labels", labels)
            .AssertRefused(1, $"{model}: cannot be written, and a calibration is kept in the model's folder. Copy the model");
    }

    private (string Model, string Scores, string Labels) Prepare(string source)
    {
        string model = CopyModel(source, "model"), pairs = Write("pairs.jsonl", Pairs);
        CommandLine.Run("rerank", "--model", model, "--pairs", pairs, "--columns", "a,b", "--score", "raw", "--output", At("scores.jsonl")).AssertDone();
        return (model, At("scores.jsonl"), Write("labels.tsv", "index\tlabel\n0\t0\n1\t1\n2\t0\n3\t1\n"));
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private double[] Scores(string model, string score) =>
        [.. CommandLine.Run("rerank", "--model", model, "--pairs", At("pairs.jsonl"), "--columns", "a,b", "--score", score).AssertDone().Lines
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("score").GetDouble())];
}
