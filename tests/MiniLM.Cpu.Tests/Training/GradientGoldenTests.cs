using MiniLM.Tests;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Every parameter's gradient against PyTorch's: by the reference, and by every tier of the CPU.</summary>
public sealed class GradientGoldenTests
{
    [Fact]
    public void TinyModel_ByTheReferenceInDouble() => GradientGolden.CompareTinyByTheReference();

    public static TheoryData<string> AllTiers() => Tiers.All();

    [Theory, MemberData(nameof(AllTiers))]
    public void TinyModel_OnEveryTier(string tier)
    {
        using CpuDevice device = new(2, Tiers.Named(tier));
        GradientGolden.CompareTiny(device);
    }

    [Fact]
    public void RealModel_OnTheCpu()
    {
        using CpuDevice device = new(2);
        GradientGolden.CompareReal(device);
    }
}
