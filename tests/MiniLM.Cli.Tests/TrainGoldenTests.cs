using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Weights;

namespace MiniLM.Cli.Tests;

/// <summary>PyTorch's training runs by the command alone: their rows, their order of data, every loss, rate and norm, the final weights.</summary>
public sealed class TrainGoldenTests : CommandTests
{
    public static TheoryData<string> Runs() => SharedFolder.Root is { } root && Path.Combine(root, "golden", "training", "runs") is var folder
        && Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "*.rows.jsonl").Select(file => Path.GetFileName(file)[..^".rows.jsonl".Length]).Order(StringComparer.Ordinal)]
            : [""];

    public static TheoryData<string> OverfitCases()
    {
        if (SharedFolder.Root is not { } root || Path.Combine(root, "golden", "training", "overfit.json") is var path && !File.Exists(path)) { return [""]; }
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. json.RootElement.GetProperty("cases").EnumerateArray().Select(one => one.GetProperty("name").GetString()!)];
    }

    // The real model with the golden's classifier, as a folder.
    private string WithGoldenHead()
    {
        string path = At("head");
        Directory.CreateDirectory(path);
        using ModelFolder encoder = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        using SafetensorsFile head = new(SharedFolder.Require("golden", "training", "head.safetensors"));
        using InitializedModel model = InitializedModel.Classifier(encoder, 1, 0);
        NewModelFolder.WriteFiles(model, NewModelFolder.TokenizerFiles(encoder), path, new ModelFolderOptions
        {
            Values = tensor => head.Tensors.FirstOrDefault(golden => tensor.Name.EndsWith(golden.Name, StringComparison.Ordinal)),
        });
        return path;
    }

    private string Model(bool isTiny, bool isCross) =>
        isTiny ? SharedFolder.Require("golden", "training", "tiny") : isCross ? WithGoldenHead() : SharedFolder.Require("models", "all-MiniLM-L6-v2");

    private static string Loss(string text, bool isCross) => isCross ? "BinaryCrossEntropyLoss" : text.Split(',', ':', ' ')[0];

    [Theory, MemberData(nameof(Runs))]
    public void ARun_IsPyTorchs(string name)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", "runs", name + ".json")));
        JsonElement run = golden.RootElement;
        string rows = SharedFolder.Require("golden", "training", "runs", name + ".rows.jsonl");
        using JsonDocument first = JsonDocument.Parse(File.ReadLines(rows).First());
        bool isCross = first.RootElement.TryGetProperty("input_ids", out _);
        string loss = Loss(run.GetProperty("loss").GetString()!, isCross);
        bool hasLabels = first.RootElement.TryGetProperty("label", out _) && !loss.StartsWith("MultipleNegatives", StringComparison.Ordinal);
        int[][] batches = [.. run.GetProperty("batches").EnumerateArray().Select(batch => batch.EnumerateArray().Select(row => row.GetInt32()).ToArray())];
        string model = Model(run.GetProperty("model").GetString()!.StartsWith("tiny", StringComparison.Ordinal), isCross), output = At("out");
        string order = Write("order.txt", string.Join('\n', batches.SelectMany(batch => batch)));
        CommandLine.Run("train", "--task", isCross ? "cross-encoder" : "bi-encoder", "--model", model, "--train", rows, "--columns",
            hasLabels ? "a,b,label" : "a,b",
            "--loss", loss, "--output-dir", output, "--max-steps", Text(batches.Length), "--data-order", order, "--dropout",
                Text(run.GetProperty("dropout").GetDouble()),
            "--logging-steps", "1", "--per-device-train-batch-size", Text(batches[0].Length), "--learning-rate", Text(run.GetProperty("lr").GetDouble()),
            "--lr-scheduler-type", run.GetProperty("schedule").GetString()!, "--warmup-steps", Text(run.GetProperty("warmup_steps").GetInt32()),
                "--weight-decay",
            Text(run.GetProperty("weight_decay").GetDouble()), "--max-grad-norm", Text(run.GetProperty("clip").GetDouble()), "--max-length",
            Text(run.GetProperty("max_length").GetInt32())).AssertDone();
        using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output, "trainer_state.json")));
        JsonElement[] log = [.. state.RootElement.GetProperty("log_history").EnumerateArray().Where(entry => entry.TryGetProperty("loss", out _))];
        JsonElement[] steps = [.. run.GetProperty("steps").EnumerateArray()];
        Assert.Equal(steps.Length, log.Length);
        for (int step = 0; step < steps.Length; step++)
        {
            double expected = steps[step].GetProperty("loss64").GetDouble(), norm = steps[step].GetProperty("grad_norm64").GetDouble();
            Assert.Equal(expected, log[step].GetProperty("loss").GetDouble(), 5e-6 + 5e-6 * Math.Abs(expected));
            Assert.Equal(norm, log[step].GetProperty("grad_norm").GetDouble(), 5e-5 * norm + 1e-12);
            Assert.Equal(steps[step].GetProperty("lr").GetDouble(), log[step].GetProperty("learning_rate").GetDouble(), 1e-15);
        }
        CompareFinal(run.GetProperty("final"), output);
        CompareProbe(run, File.ReadAllLines(rows), output, isCross);
    }

    // What the result says of some rows of the data, by the commands of a user.
    private void CompareProbe(JsonElement run, string[] rows, string output, bool isCross)
    {
        int first = int.Parse(Regex.Match(run.GetProperty("probe").GetString()!, @"rows (\d+)\.\.").Groups[1].Value, CultureInfo.InvariantCulture);
        double[] expected = [.. run.GetProperty("probe_result").GetProperty("final_f64").EnumerateArray().Select(value => value.GetDouble())];
        string pairs = Write("probe.jsonl", string.Join('\n', rows[first..(first + expected.Length)]));
        CommandResult result = isCross ? CommandLine.Run("rerank", "--model", output, "--pairs", pairs, "--columns", "a,b", "--score", "raw")
            : CommandLine.Run("similarity", "--model", output, "--input", pairs, "--columns", "a,b");
        result.AssertDone();
        string[] lines = result.Lines;
        Assert.Equal(expected.Length, lines.Length);
        foreach ((string line, double value) in lines.Zip(expected))
        {
            using JsonDocument score = JsonDocument.Parse(line);
            Assert.Equal(value, score.RootElement.GetProperty("score").GetDouble(), 1e-5);
        }
    }

    private static void CompareFinal(JsonElement final, string output)
    {
        using SafetensorsFile weights = new(Path.Combine(output, "model.safetensors"));
        int compared = 0;
        foreach (JsonProperty parameter in final.EnumerateObject())
        {
            if (parameter.Name.EndsWith("attention.self.key.bias", StringComparison.Ordinal)) { continue; } // its gradient is rounding (README, pitfall 1)
            Tensor? tensor = weights.Tensors.SingleOrDefault(one => one.Name == parameter.Name || one.Name == "bert." + parameter.Name || "bert."
                + one.Name == parameter.Name);
            Assert.True(tensor is not null, parameter.Name);
            float[] values = tensor.ToFloats();
            (int Place, double Value)[] expected = [.. parameter.Value.GetProperty("idx").EnumerateArray().Select(place => place.GetInt32())
                .Zip(parameter.Value.GetProperty("final64").EnumerateArray().Select(value => value.GetDouble()))];
            double squares = expected.Sum(sample => Math.Pow(sample.Value - values[sample.Place], 2));
            // The norm of the difference, by the share of the values that is given.
            Assert.True(Math.Sqrt(squares * values.Length / expected.Length) <= 1e-2 * parameter.Value.GetProperty("delta_norm64").GetDouble() + 1e-12,
                parameter.Name);
            compared += expected.Length;
        }
        Assert.True(compared > 0);
    }

    [Theory, MemberData(nameof(OverfitCases))]
    public void Overfit_TakesAsManyStepsAsPyTorch(string name)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", "overfit.json")));
        JsonElement one = golden.RootElement.GetProperty("cases").EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);
        string kind = one.GetProperty("kind").GetString()!;
        bool isCross = kind.StartsWith("cross", StringComparison.Ordinal), hasLabels = one.TryGetProperty("labels", out JsonElement labels);
        string[][] texts = [.. one.GetProperty("texts").EnumerateArray().Select(row => row.EnumerateArray().Select(text => text.GetString()!).ToArray())];
        // Of a cross-encoder pairs, of a bi-encoder columns.
        string[][] rows = isCross ? texts : [.. Enumerable.Range(0, texts[0].Length).Select(row => texts.Select(column => column[row]).ToArray())];
        StringBuilder lines = new();
        for (int row = 0; row < rows.Length; row++)
        {
            lines.Append(CultureInfo.InvariantCulture, $"{{\"a\":\"{JsonEncodedText.Encode(rows[row][0])}\",\"b\":\"{JsonEncodedText.Encode(rows[row][1])}\"");
            lines.Append(hasLabels ? $",\"label\":{labels[row].GetRawText()}}}\n" : "}\n");
        }
        string loss = Loss(kind.Split(", ")[1].Replace("BCE", "BinaryCrossEntropy", StringComparison.Ordinal), isCross),
            threshold = Text(one.GetProperty("threshold").GetDouble());
        CommandResult result = CommandLine.Run("train", "--task", isCross ? "cross-encoder" : "bi-encoder", "--model", Model(isTiny: false, isCross), "--train",
            Write("rows.jsonl", lines.ToString()), "--columns", hasLabels ? "a,b,label" : "a,b", "--loss", loss, "--overfit", "batch", "--overfit-below",
                threshold,
            "--per-device-train-batch-size", Text(rows.Length), "--weight-decay", ".01", "--max-length",
                Text(golden.RootElement.GetProperty("max_length").GetInt32()))
            .AssertDone();
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(one.GetProperty("steps64").GetInt32(), json.RootElement.GetProperty("steps").GetInt32());
        double[] expected = [.. one.GetProperty("loss64").EnumerateArray().Select(value => value.GetDouble())];
        double[] actual = [.. json.RootElement.GetProperty("loss").EnumerateArray().Select(value => value.GetDouble())];
        Assert.Equal(expected.Length, actual.Length);
        for (int step = 0; step < expected.Length; step++) { Assert.Equal(expected[step], actual[step], 1e-5); }
    }

    private static string Text<T>(T value) where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
}
