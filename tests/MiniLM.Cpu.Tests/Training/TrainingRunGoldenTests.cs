using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Whole short runs against PyTorch's: every loss, every gradient norm, the final weights.</summary>
public sealed class TrainingRunGoldenTests
{
    public static TheoryData<string> Runs()
    {
        TheoryData<string> names = [];
        if (SharedFolder.Root is { } root && Path.Combine(root, "golden", "training", "runs") is var folder)
        {
            foreach (string file in Directory.EnumerateFiles(folder, "*.rows.jsonl")) { names.Add(Path.GetFileName(file)[..^".rows.jsonl".Length]); }
        }
        else { names.Add(""); } // is skipped with the reason
        return names;
    }

    [Theory, MemberData(nameof(Runs))]
    public void Run_OnTheCpu(string name)
    {
        using CpuDevice device = new(2);
        Run(name, device);
    }

    public static TheoryData<string, Precision, CpuTier> MixedRuns() =>
        [.. from run in Runs() where run.Data.Length == 0 || Drift(run.Data, Precision.BFloat16) > 0
            from precision in new[] { Precision.BFloat16, Precision.Float16 }
            from tier in CpuTiers.Supported.Take(precision == Precision.BFloat16 && run.Data.StartsWith("tiny", StringComparison.Ordinal) ? 2 : 1)
            select (run.Data, precision, tier)];

    /// <summary>How far PyTorch's own curve under autocast is off, at most; of float16, where none is listed, as bfloat16. 0: none is.</summary>
    private static double Drift(string name, Precision precision)
    {
        using JsonDocument document = Open(name);
        string curve = precision == Precision.Float16 ? "loss_fp16_autocast" : "loss_bf16_autocast";
        double[] drifts = [.. document.RootElement.GetProperty("steps").EnumerateArray().Where(step => step.TryGetProperty(curve, out _))
            .Select(step => Math.Abs(step.GetProperty(curve).GetDouble() - step.GetProperty("loss64").GetDouble()))];
        return drifts.Length > 0 ? drifts.Max() : precision == Precision.Float16 ? Drift(name, Precision.BFloat16) : 0;
    }

    [Theory, MemberData(nameof(MixedRuns))]
    public void RunInMixedPrecision_DriftsNoFurtherThanAutocast(string name, Precision precision, CpuTier tier)
    {
        if (name.Length == 0) { SharedFolder.Require("golden", "training"); } // skips with the reason
        using CpuDevice device = new(2, tier);
        double tolerance = 4 * Drift(name, precision) + 1e-4, scale = precision == Precision.Float16 ? 65536 : 1;
        Run(name, device, precision, scale, (step, loss, expected, result) =>
        {
            Assert.True(result.IsTaken);
            Tiers.Close(expected, loss, tolerance, $"{name}, {precision}, {tier}, loss of step {step}");
        });
    }

    [Theory, MemberData(nameof(Runs))]
    public void RunOfTheTinyModel_ByTheReference(string name)
    {
        using JsonDocument run = Open(name);
        if (!IsTiny(run.RootElement)) { return; } // hours of scalar code; the CPU runs it
        using ReferenceDevice device = new();
        Run(name, device);
    }

    private static JsonDocument Open(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", "runs", name + ".json")));

    private static bool IsTiny(JsonElement run) => run.GetProperty("model").GetString()!.StartsWith("tiny", StringComparison.Ordinal);

    private static void Run(string name, Device device) => Run(name, device, Precision.Float32, 1, (step, loss, expected, result) =>
    {
        Assert.True(result.IsTaken);
        Tiers.Close(expected, loss, 5e-6 + 5e-6 * Math.Abs(expected), $"{name}, loss of step {step}");
    });

    private static void Run(string name, Device device, Precision precision, double scale, Action<int, double, double, StepResult> check)
    {
        using JsonDocument document = Open(name);
        JsonElement run = document.RootElement;
        JsonElement[] rows = [.. File.ReadLines(SharedFolder.Require("golden", "training", "runs", name + ".rows.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement)];
        bool isPairs = rows[0].TryGetProperty("input_ids", out _);
        using GoldenModel model = IsTiny(run) ? GoldenModel.Tiny(isPairs) : GoldenModel.MiniLM(isPairs);
        using TrainingNetwork network = device.LoadForTraining(model.Network, precision, new TrainingOptions());
        Dictionary<string, float[]> before = network.Parameters.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => network.Parameters[parameter].ToArray());
        JsonElement[] steps = [.. run.GetProperty("steps").EnumerateArray()], batches = [.. run.GetProperty("batches").EnumerateArray()];
        Assert.Equal(steps.Length, batches.Length);
        for (int step = 0; step < steps.Length; step++)
        {
            JsonElement[] chosen = [.. batches[step].EnumerateArray().Select(row => rows[row.GetInt32()])];
            double loss = isPairs ? CrossStep(network, model, chosen, scale)
                : BiStep(network, model, chosen, run.GetProperty("loss").GetString()!, scale);
            StepResult result = network.Step(new StepOptions(steps[step].GetProperty("lr").GetDouble(), run.GetProperty("weight_decay").GetDouble(),
                run.GetProperty("clip").GetDouble(), scale));
            check(step, loss, steps[step].GetProperty("loss64").GetDouble(), result);
            if (precision != Precision.Float32) { continue; }
            double norm = steps[step].GetProperty("grad_norm64").GetDouble();
            Tiers.Close(norm, result.GradientNorm, 5e-5 * norm, $"{name}, gradient norm of step {step}");
        }
        if (precision == Precision.Float32) { CompareFinal(name, network, run.GetProperty("final"), before); }
    }

    private static double CrossStep(TrainingNetwork network, GoldenModel model, JsonElement[] rows, double scale)
    {
        PackedBatch batch = model.Batch(rows.Select(row => (row.GetProperty("input_ids"), (JsonElement?)row.GetProperty("token_type_ids"))));
        float[] logits = new float[rows.Length], gradient = new float[rows.Length];
        network.ForwardSaving(batch, 0, null, logits);
        CrossEncoderTargets targets = new() { Labels = Labels(rows) };
        double loss = new MiniLM.Training.Losses.Logits.BinaryCrossEntropyLoss().Compute<float>(logits, targets, gradient);
        Scale(gradient, scale);
        network.Backward(0, gradient);
        return loss;
    }

    private static Labels? Labels(JsonElement[] rows) =>
        rows[0].TryGetProperty("label", out _) ? new Labels([.. rows.Select(row => row.GetProperty("label").GetDouble())]) : null;

    private static double BiStep(TrainingNetwork network, GoldenModel model, JsonElement[] rows, string name, double scale)
    {
        int width = model.Network.OutputSize;
        BiEncoderLoss loss = name.Split(',', ':')[0].Trim() switch
        {
            "MultipleNegativesRanking" => new MultipleNegativesRankingLoss(),
            "CosineSimilarityLoss" => new CosineSimilarityLoss(),
            "OnlineContrastiveLoss" => new OnlineContrastiveLoss(),
            _ => throw new ArgumentException($"no loss {name}"),
        };
        // A slot a column: what one saves the other must not overwrite.
        Column<float>[] columns = [.. new[] { "ids_a", "ids_b" }.Select((column, slot) =>
        {
            PackedBatch batch = model.Batch(rows.Select(row => (row.GetProperty(column), (JsonElement?)null)));
            float[] embeddings = new float[rows.Length * width];
            network.ForwardSaving(batch, slot, null, embeddings);
            return new Column<float>(embeddings, width);
        })];
        double value = loss.Compute(new BiEncoderBatch<float>(columns) { Labels = loss.Requires.Labels == LabelKind.None ? null : Labels(rows) });
        for (int slot = 0; slot < columns.Length; slot++) 
        {
            Scale(columns[slot].Gradient, scale);
            network.Backward(slot, columns[slot].Gradient);
        }
        return value;
    }

    private static void Scale(Span<float> gradient, double scale)
    {
        foreach (ref float value in gradient) { value *= (float)scale; }
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
                Tiers.Close(values[i], network.Parameters[parameter][places[i]], allowed, $"{name}, {parameter.Name}[{places[i]}]");
            }
            double moved = 0;
            for (int i = 0; i < parameter.Count; i++) { moved += Math.Pow((double)network.Parameters[parameter][i] - before[parameter.Name][i], 2); }
            Tiers.Close(move, Math.Sqrt(moved), allowed, $"{name}, length of the move of {parameter.Name}");
            compared++;
        }
        Assert.True(compared > 0);
    }
}
