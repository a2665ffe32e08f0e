using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Training;
using MiniLM.Training.Losses;
using MiniLM.Training.Sampling;

namespace MiniLM.Tests;

/// <summary>Whole short runs against PyTorch's: every loss, every gradient norm, the final weights.</summary>
internal static class TrainingRunGolden
{
    internal static TheoryData<string> Names(Func<string, bool> isWanted)
    {
        TheoryData<string> names = [];
        if (SharedFolder.Root is { } root && Path.Combine(root, "golden", "training", "runs") is var folder)
        {
            foreach (string file in Directory.EnumerateFiles(folder, "*.rows.jsonl"))
            {
                string name = Path.GetFileName(file)[..^".rows.jsonl".Length];
                if (isWanted(name)) { names.Add(name); }
            }
        }
        else { names.Add(""); } // is skipped with the reason
        return names;
    }

    /// <summary>How far PyTorch's own curve under autocast is off, at most; of float16, where none is listed, as bfloat16. 0: none is.</summary>
    internal static double Drift(string name, Precision precision)
    {
        using JsonDocument document = Open(name);
        string curve = precision == Precision.Float16 ? "loss_fp16_autocast" : "loss_bf16_autocast";
        double[] drifts = [.. document.RootElement.GetProperty("steps").EnumerateArray().Where(step => step.TryGetProperty(curve, out _))
            .Select(step => Math.Abs(step.GetProperty(curve).GetDouble() - step.GetProperty("loss64").GetDouble()))];
        return drifts.Length > 0 ? drifts.Max() : precision == Precision.Float16 ? Drift(name, Precision.BFloat16) : 0;
    }

    /// <summary>In 16 bits: each loss within 4 times autocast's drift and 1e-4.</summary>
    /// <param name="name">Of the run.</param>
    /// <param name="device">Where.</param>
    /// <param name="precision">Of products.</param>
    /// <param name="what">For messages.</param>
    /// <param name="most">Steps of the run that are compared.</param>
    internal static void RunMixed(string name, Device device, Precision precision, string what, int most = int.MaxValue)
    {
        if (name.Length == 0) { SharedFolder.Require("golden", "training"); } // skips with the reason
        double tolerance = 4 * Drift(name, precision) + 1e-4;
        Run(name, device, precision, (step, loss, expected, result) =>
        {
            Assert.True(result.IsTaken);
            GoldenBatch.Close(expected, loss, tolerance, $"{name}, {precision}, {what}, loss of step {step}");
        }, most);
    }

    internal static JsonDocument Open(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", "runs", name + ".json")));

    internal static bool IsTiny(string name)
    {
        using JsonDocument run = Open(name);
        return IsTiny(run.RootElement);
    }

    private static bool IsTiny(JsonElement run) => run.GetProperty("model").GetString()!.StartsWith("tiny", StringComparison.Ordinal);

    /// <summary>In float32, within the goldens' tolerances.</summary>
    internal static void Run(string name, Device device) => Run(name, device, Precision.Float32, (step, loss, expected, result) =>
    {
        Assert.True(result.IsTaken);
        GoldenBatch.Close(expected, loss, 5e-6 + 5e-6 * Math.Abs(expected), $"{name}, loss of step {step}");
    });

    /// <param name="name">Of the run.</param>
    /// <param name="device">Where.</param>
    /// <param name="precision">Gradient norms and weights are compared in float32 alone.</param>
    /// <param name="check">Takes each step's number, loss, the loss in double and what was done.</param>
    /// <param name="most">Steps of the run that are made.</param>
    internal static void Run(string name, Device device, Precision precision, Action<int, double, double, TrainingStep> check, int most = int.MaxValue)
    {
        using JsonDocument document = Open(name);
        JsonElement run = document.RootElement;
        JsonElement[] rows = [.. File.ReadLines(SharedFolder.Require("golden", "training", "runs", name + ".rows.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement)];
        bool isPairs = rows[0].TryGetProperty("input_ids", out _);
        using GoldenModel model = IsTiny(run) ? GoldenModel.Tiny(isPairs) : GoldenModel.MiniLM(isPairs);
        using TokenizedRows tokens = Tokenize(model, rows, isPairs, run.GetProperty("max_length").GetInt32());
        using TrainingNetwork network = device.LoadForTraining(
            model.Network.WithDropout(run.GetProperty("dropout").GetSingle()), precision, new TrainingOptions());
        Dictionary<string, float[]> before = network.Parameters.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => network.Parameters[parameter].ToArray());
        JsonElement[] steps = [.. run.GetProperty("steps").EnumerateArray()];
        int[][] batches = [.. run.GetProperty("batches").EnumerateArray().Select(batch => batch.EnumerateArray().Select(row => row.GetInt32()).ToArray())];
        Assert.Equal(steps.Length, batches.Length);
        TrainingSteps trainer = new(network, [Objective(network, tokens, rows, isPairs, run.GetProperty("loss").GetString()!)], new GivenBatches(batches),
            Arguments(run), precision);
        Assert.Equal(run.GetProperty("total_steps").GetInt32(), trainer.TotalSteps);
        for (int step = 0; step < most && trainer.TryStep(out TrainingStep done); step++)
        {
            Assert.Equal(steps[step].GetProperty("lr").GetDouble(), done.LearningRate, 1e-15);
            check(step, done.Loss, steps[step].GetProperty("loss64").GetDouble(), done);
            if (precision != Precision.Float32) { continue; }
            double norm = steps[step].GetProperty("grad_norm64").GetDouble();
            GoldenBatch.Close(norm, done.GradientNorm, 5e-5 * norm, $"{name}, gradient norm of step {step}");
        }
        Assert.Equal(Math.Min(most, steps.Length), trainer.GlobalStep);
        if (precision != Precision.Float32) { return; }
        using (network.Hold()) { CompareFinal(name, network, run.GetProperty("final"), before); }
    }

    /// <summary>The batches of the golden, for one epoch.</summary>
    private sealed class GivenBatches(int[][] batches) : BatchSampler
    {
        internal override int Count => batches.Length;

        internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute) => batches.Select(rows => new RowBatch(0, rows));
    }

    private static TrainingArguments Arguments(JsonElement run) => new()
    {
        NumTrainEpochs = 1,
        LearningRate = run.GetProperty("lr").GetDouble(),
        LrSchedulerType = LearningRateSchedule.Names[run.GetProperty("schedule").GetString()!],
        WarmupSteps = run.GetProperty("warmup_steps").GetInt32(),
        WeightDecay = run.GetProperty("weight_decay").GetDouble(),
        MaxGradNorm = run.GetProperty("clip").GetDouble(),
    };

    private static TokenizedRows Tokenize(GoldenModel model, JsonElement[] rows, bool isPairs, int maxLength)
    {
        using TokenizedRowsWriter writer = new(model.Tokenizer, maxLength, Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        foreach (JsonElement row in rows)
        {
            (string a, string b) = (row.GetProperty("a").GetString()!, row.GetProperty("b").GetString()!);
            if (isPairs) { writer.AddPair(a, b); }
            else
            {
                writer.Add(a);
                writer.Add(b);
            }
            writer.EndRow();
        }
        TokenizedRows tokens = writer.Complete();
        for (int row = 0; row < rows.Length; row++)
        {
            string[] columns = isPairs ? ["input_ids"] : ["ids_a", "ids_b"];
            for (int column = 0; column < columns.Length; column++)
            {
                PackedBatch sequence = new();
                tokens.AddTo(sequence, row, column, model.Network.Config.Architecture);
                Assert.Equal(rows[row].GetProperty(columns[column]).EnumerateArray().Select(id => id.GetInt32()), sequence.TokenIds[..sequence.Rows]);
            }
        }
        return tokens;
    }

    private static Objective Objective(TrainingNetwork network, TokenizedRows tokens, JsonElement[] rows, bool isPairs, string name)
    {
        double[][]? labels = rows[0].TryGetProperty("label", out _) ? [.. rows.Select(row => new[] { row.GetProperty("label").GetDouble() })] : null;
        if (isPairs)
        {
            CrossEncoderLoss binary = new MiniLM.Training.Losses.Logits.BinaryCrossEntropyLoss();
            return new CrossEncoderObjective(network, binary, new TrainingRows(tokens) { Labels = labels }, 0);
        }
        BiEncoderLoss loss = LossNames.FindBiEncoder(name.Split(',', ':')[0].Trim());
        return new BiEncoderObjective(network, loss, new TrainingRows(tokens) { Labels = loss.Requires.Labels == LabelKind.None ? null : labels }, 0);
    }

    private static void CompareFinal(string name, TrainingNetwork network, JsonElement final, Dictionary<string, float[]> before)
    {
        int compared = 0;
        foreach (Parameter parameter in network.Parameters.Parameters)
        {
            if (parameter.Name.EndsWith("attention.self.key.bias", StringComparison.Ordinal)) { continue; } // its gradient is rounding (README, pitfall 1)
            JsonElement expected = final.EnumerateObject().Single(property => GoldenModel.SameName(property.Name, parameter.Name)).Value;
            int[] places = [.. expected.GetProperty("idx").EnumerateArray().Select(index => index.GetInt32())];
            double[] values = [.. expected.GetProperty("final64").EnumerateArray().Select(value => value.GetDouble())];
            // The golden has some elements of a parameter and the length of its move: an element may be off by what it would be, were all off alike.
            double move = expected.GetProperty("delta_norm64").GetDouble(), allowed = 1e-2 * move;
            Assert.NotEmpty(places);
            for (int i = 0; i < places.Length; i++)
            {
                GoldenBatch.Close(values[i], network.Parameters[parameter][places[i]], allowed, $"{name}, {parameter.Name}[{places[i]}]");
            }
            double moved = 0;
            for (int i = 0; i < parameter.Count; i++) { moved += Math.Pow((double)network.Parameters[parameter][i] - before[parameter.Name][i], 2); }
            GoldenBatch.Close(move, Math.Sqrt(moved), allowed, $"{name}, length of the move of {parameter.Name}");
            compared++;
        }
        Assert.True(compared > 0);
    }
}
