using System.Text.Json;
using MiniLM.Training;

namespace MiniLM.Cli.Profile;

/// <summary>A profile as the members of a JSON object: what --json prints, the page shows and --compare reads.</summary>
internal static class ProfileJson
{
    internal static void Write(Utf8JsonWriter json, RunProfile profile)
    {
        json.WriteNumber("schema", 1);
        json.WriteString("model", profile.Pass.Model);
        json.WriteString("device", profile.Pass.Device);
        json.WriteString("description", profile.Pass.Description);
        json.WriteString("precision", profile.Pass.Precision);
        json.WriteNumber("batch", profile.Pass.Shape.Batch);
        json.WriteNumber("seq", profile.Pass.Shape.Length);
        if (profile.Threads is { } threads) { json.WriteNumber("threads", threads); }
        if (profile.Gpu is { } gpu) { json.WriteString("gpu", gpu); }
        json.WriteString("clock", profile.IsMeasured ? "measured" : "predicted");
        json.WriteNumber("total_us", Micro(profile.Seconds));
        if (profile.PassSeconds is { } whole) { json.WriteNumber("pass_us", Micro(whole)); }
        if (profile.WaitingSeconds is { } waiting) { json.WriteNumber("waiting_us", Micro(waiting)); }
        json.WriteNumber("items_per_s", Round(profile.Pass.Shape.Batch / profile.Seconds));
        if (profile.Memory is { } memory) { WriteTraining(json, profile.Phases, memory); }
        if (profile.Note is { } note) { json.WriteString("note", note); }
        json.WriteStartObject("limits");
        if (profile.Peaks.Tensor is { } tensor) { json.WriteNumber("tensor_tflop_per_s", Round(tensor / 1e12)); }
        if (profile.Peaks.Fp32 > 0) { json.WriteNumber("fp32_tflop_per_s", Round(profile.Peaks.Fp32 / 1e12)); }
        if (profile.Peaks.BFloat16 is { } narrow) { json.WriteNumber("bf16_tflop_per_s", Round(narrow / 1e12)); }
        if (profile.Peaks.Dram is { } dram) { json.WriteNumber("dram_gb_per_s", Round(dram / 1e9)); }
        if (profile.Peaks.L2 > 0) { json.WriteNumber("l2_gb_per_s", Round(profile.Peaks.L2 / 1e9)); }
        json.WriteEndObject();
        json.WriteStartArray("kernels");
        foreach (KernelProfile kernel in profile.Kernels) { Write(json, kernel, profile); }
        json.WriteEndArray();
        json.WriteStartArray("predictions");
        foreach (GpuPrediction prediction in profile.Predictions) { Write(json, prediction, profile); }
        json.WriteEndArray();
    }

    private static void WriteTraining(Utf8JsonWriter json, IReadOnlyList<PhaseProfile> phases, TrainingMemory memory)
    {
        json.WriteStartArray("phases");
        foreach (PhaseProfile phase in phases)
        {
            json.WriteStartObject();
            json.WriteString("phase", phase.Name);
            json.WriteNumber("total_us", Micro(phase.Seconds));
            if (phase.WaitingSeconds is { } waiting) { json.WriteNumber("waiting_us", Micro(waiting)); }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("memory");
        json.WriteNumber("weights_bytes", memory.Weights);
        json.WriteNumber("panels_bytes", memory.Panels);
        json.WriteNumber("gradients_bytes", memory.Gradients);
        json.WriteNumber("moments_bytes", memory.Moments);
        json.WriteNumber("activations_bytes", memory.Activations);
        json.WriteNumber("workspace_bytes", memory.Workspace);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, KernelProfile kernel, RunProfile profile)
    {
        json.WriteStartObject();
        if (kernel.Phase is { } phase) { json.WriteString("phase", phase); }
        json.WriteString("kernel", kernel.Name);
        json.WriteNumber("launches", kernel.Launches);
        json.WriteNumber("flop", kernel.Flop);
        json.WriteNumber("bytes", kernel.Bytes);
        json.WriteNumber("intensity", Round(kernel.Intensity));
        json.WriteNumber(profile.IsMeasured ? "measured_us" : "predicted_us", Micro(kernel.Seconds));
        json.WriteNumber("time_percent", Round(100 * kernel.Seconds / profile.Seconds));
        json.WriteNumber("roof_percent", Round(kernel.RoofPercent));
        json.WriteString("bound", kernel.Bound);
        if (kernel.LimitedBy is { } limitedBy) { json.WriteString("limited_by", limitedBy); }
        json.WriteNumber("tflop_per_s", Round(kernel.TeraFlopPerSecond));
        if (kernel.Gpu is { } gpu) { Write(json, gpu); }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, GpuDetails gpu)
    {
        json.WriteNumber("l2_bytes", gpu.L2Bytes);
        Write(json, "registers", gpu.Registers);
        json.WriteNumber("spill_bytes", gpu.SpillBytes);
        json.WriteNumber("shared_bytes", gpu.SharedBytes);
        Write(json, "blocks_per_sm", gpu.ResidentBlocks);
        Write(json, "occupancy_percent", gpu.OccupancyPercent);
        json.WriteNumber("coalescing_percent", Round(gpu.CoalescingPercent));
        Write(json, "bank_conflict_ways", gpu.BankConflictWays);
        json.WriteNumber("warp_instructions", gpu.WarpInstructions);
        json.WriteStartObject("instructions");
        foreach ((string root, long count) in gpu.Instructions) { json.WriteNumber(root, count); }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, GpuPrediction prediction, RunProfile profile)
    {
        json.WriteStartObject();
        json.WriteString("gpu", prediction.Gpu);
        json.WriteNumber("total_us", Micro(prediction.Seconds));
        json.WriteNumber("items_per_s", Round(profile.Pass.Shape.Batch / prediction.Seconds));
        json.WriteStartArray("kernels");
        foreach (KernelPrediction kernel in prediction.Kernels)
        {
            json.WriteStartObject();
            json.WriteString("kernel", kernel.Name);
            json.WriteNumber("us", Micro(kernel.Seconds));
            json.WriteNumber("speed_of_light_percent", Round(kernel.Percent));
            json.WriteString("bound", kernel.Bound);
            json.WriteString("limited_by", kernel.LimitedBy);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } known) { json.WriteNumber(name, Round(known)); } else { json.WriteNull(name); }
    }

    private static double Micro(double seconds) => Round(seconds * 1e6);

    /// <summary>Four digits: no figure here is better than that.</summary>
    private static double Round(double value) => value == 0 ? 0 : Math.Round(value, Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 15));
}
