using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Whole short runs against PyTorch's: the tiny model's, and all in 16 bits. The real model's in float32 are made by the command.</summary>
public sealed class TrainingRunGoldenTests
{
    public static TheoryData<string> TinyRuns() => TrainingRunGolden.Names(TrainingRunGolden.IsTiny); // of the real model: hours of scalar code

    public static TheoryData<string, Precision, CpuTier> MixedRuns() =>
        [.. from run in TrainingRunGolden.Names(name => TrainingRunGolden.Drift(name, Precision.BFloat16) > 0)
            from precision in new[] { Precision.BFloat16, Precision.Float16 }
            from tier in precision == Precision.BFloat16 && TrainingRunGolden.IsTiny(run.Data) ? Tiers.Tested.Take(3) : CpuTiers.Supported.Take(1)
            select (run.Data, precision, tier)];

    [Theory, MemberData(nameof(MixedRuns))]
    public void RunInMixedPrecision_DriftsNoFurtherThanAutocast(string name, Precision precision, CpuTier tier)
    {
        using CpuDevice device = new(2, tier);
        TrainingRunGolden.RunMixed(name, device, precision, $"{tier}");
    }

    [Theory, MemberData(nameof(TinyRuns))]
    public void RunOfTheTinyModel_OnTheCpuAndByTheReference(string name)
    {
        using CpuDevice cpu = new(2);
        TrainingRunGolden.Run(name, cpu);
        using ReferenceDevice reference = new();
        TrainingRunGolden.Run(name, reference);
    }
}
