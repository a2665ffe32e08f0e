using System.Globalization;
using MiniLM.Cli.Commands;
using MiniLM.Training;

namespace MiniLM.Cli.Profile;

/// <summary>A profile for people.</summary>
internal static class ProfileTable
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    internal static void Write(TextWriter output, RunProfile profile)
    {
        output.WriteLine($"{profile.Pass.Model}, {profile.Pass.Precision}, {profile.Pass.Shape}: {profile.Pass.Description}");
        string work = profile.Pass.IsTraining ? "training step" : "pass";
        output.WriteLine(string.Create(Culture,
            $"{profile.Seconds * 1e6:f1} us a {work}, {profile.Pass.Shape.Batch / profile.Seconds:n0} sequences/s ({profile.Clock})"));
        if (profile.PassSeconds is { } whole)
        {
            output.WriteLine(string.Create(Culture, $"{whole * 1e6:f1} us without marks between launches, with transfers (above: the sum of the launches)"));
        }
        if (profile.Phases.Count > 0)
        {
            output.WriteLine(string.Join(", ",
                profile.Phases.Select(phase => $"{phase.Name} {Number(phase.Seconds * 1e6)} us ({Percent(100 * phase.Seconds / profile.Seconds)})")));
        }
        if (profile.Memory is { } memory) { output.WriteLine(Memory(memory)); }
        output.WriteLine();
        WriteKernels(output, profile);
        if (profile.Note is { } note) { output.WriteLine(note); }
        if (profile.Gpu is null) { return; }
        output.WriteLine();
        WriteDetails(output, profile);
        output.WriteLine();
        WritePredictions(output, profile);
    }

    private static string Memory(TrainingMemory memory) => string.Create(Culture,
        $"MB: weights {memory.Weights / 1e6:f1}, in panels {memory.Panels / 1e6:f1}, gradients {memory.Gradients / 1e6:f1}, "
        + $"moments {memory.Moments / 1e6:f1}, activations {memory.Activations / 1e6:f1}, workspace {memory.Workspace / 1e6:f1}");

    private static void WriteKernels(TextWriter output, RunProfile profile)
    {
        bool hasPhases = profile.Phases.Count > 0;
        TextTable table = new([.. hasPhases ? ["phase"] : Array.Empty<string>(), profile.Gpu is null ? "operation" : "kernel", ">launches", ">MFLOP", ">MB",
            ">FLOP/B", profile.IsMeasured ? ">us" : ">us (predicted)", ">of time", ">TFLOP/s", ">of roof", "bound"]);
        IEnumerable<(string? Name, double? Waiting)> phases = hasPhases
            ? profile.Phases.Select(phase => ((string?)phase.Name, phase.WaitingSeconds))
            : [(null, profile.WaitingSeconds)];
        foreach ((string? phase, double? waiting) in phases)
        {
            foreach (KernelProfile kernel in profile.Kernels.Where(kernel => kernel.Phase == phase))
            {
                Add(phase, kernel.Name, kernel.Launches.ToString(Culture), Number(kernel.Flop / 1e6), Number(kernel.Bytes / 1e6), Number(kernel.Intensity),
                    Number(kernel.Seconds * 1e6), Percent(100 * kernel.Seconds / profile.Seconds), kernel.TeraFlopPerSecond.ToString("f3", Culture),
                    Percent(kernel.RoofPercent), kernel.Bound);
            }
            if (waiting is { } seconds)
            {
                Add(phase, "(waiting)", "", "", "", "", Number(seconds * 1e6), Percent(100 * seconds / profile.Seconds), "", "", "");
            }
        }
        table.Write(output);
        void Add(string? phase, params string[] cells) => table.Add(phase is null ? cells : [phase, .. cells]);
    }

    private static void WriteDetails(TextWriter output, RunProfile profile)
    {
        TextTable table = new("kernel", ">registers", ">spills", ">shared", ">blocks/SM", ">occupancy", ">coalescing", ">bank conflicts", "warp instructions");
        foreach (KernelProfile kernel in profile.Kernels)
        {
            GpuDetails gpu = kernel.Gpu!;
            IEnumerable<string> mix = gpu.Instructions.Take(6).Select(root => $"{root.Key} {Percent(100.0 * root.Value / gpu.WarpInstructions)}");
            table.Add(kernel.Title, gpu.Registers?.ToString(Culture) ?? "-", gpu.SpillBytes.ToString(Culture), gpu.SharedBytes.ToString(Culture),
                gpu.ResidentBlocks?.ToString(Culture) ?? "-", gpu.OccupancyPercent is { } occupancy ? Percent(occupancy) : "-",
                Percent(gpu.CoalescingPercent), gpu.BankConflictWays is { } ways ? ways.ToString("f2", Culture) + " x" : "-",
                $"{gpu.WarpInstructions}: {string.Join(", ", mix)}");
        }
        table.Write(output);
    }

    private static void WritePredictions(TextWriter output, RunProfile profile)
    {
        TextTable table = new(["predicted", .. profile.Predictions.SelectMany(prediction => new[] { $">{prediction.Gpu}, us", ">of roof", "limited by" })]);
        for (int k = 0; k < profile.Kernels.Count; k++)
        {
            IEnumerable<KernelPrediction> predictions = profile.Predictions.Select(prediction => prediction.Kernels[k]);
            table.Add([profile.Kernels[k].Title,
                .. predictions.SelectMany(kernel => new[] { Number(kernel.Seconds * 1e6), Percent(kernel.Percent), kernel.LimitedBy })]);
        }
        table.Add(["all", .. profile.Predictions.SelectMany(prediction => new[] { Number(prediction.Seconds * 1e6), "", "" })]);
        table.Add(["sequences/s",
            .. profile.Predictions.SelectMany(prediction => new[] { (profile.Pass.Shape.Batch / prediction.Seconds).ToString("n0", Culture), "", "" })]);
        table.Write(output);
    }

    private static string Number(double value) => value.ToString(value >= 100 ? "f0" : value >= 10 ? "f1" : "f2", Culture);

    private static string Percent(double value) => value.ToString("f1", Culture) + " %";
}
