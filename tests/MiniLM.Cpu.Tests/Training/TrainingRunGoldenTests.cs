using System.Text.Json;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Whole short runs against PyTorch's, by the CPU, and the tiny model's by the reference.</summary>
public sealed class TrainingRunGoldenTests
{
    public static TheoryData<string> Runs() => TrainingRunGolden.Names();

    [Theory, MemberData(nameof(Runs))]
    public void Run_OnTheCpu(string name)
    {
        using CpuDevice device = new(2);
        TrainingRunGolden.Run(name, device);
    }

    public static TheoryData<string, Precision, CpuTier> MixedRuns() =>
        [.. from run in Runs() where run.Data.Length == 0 || TrainingRunGolden.Drift(run.Data, Precision.BFloat16) > 0
            from precision in new[] { Precision.BFloat16, Precision.Float16 }
            from tier in CpuTiers.Supported.Take(precision == Precision.BFloat16 && run.Data.StartsWith("tiny", StringComparison.Ordinal) ? 2 : 1)
            select (run.Data, precision, tier)];

    [Theory, MemberData(nameof(MixedRuns))]
    public void RunInMixedPrecision_DriftsNoFurtherThanAutocast(string name, Precision precision, CpuTier tier)
    {
        using CpuDevice device = new(2, tier);
        TrainingRunGolden.RunMixed(name, device, precision, $"{tier}");
    }

    [Theory, MemberData(nameof(Runs))]
    public void RunOfTheTinyModel_ByTheReference(string name)
    {
        using (JsonDocument run = TrainingRunGolden.Open(name))
        {
            if (!TrainingRunGolden.IsTiny(run.RootElement)) { return; } // hours of scalar code; the CPU runs it
        }
        using ReferenceDevice device = new();
        TrainingRunGolden.Run(name, device);
    }
}
