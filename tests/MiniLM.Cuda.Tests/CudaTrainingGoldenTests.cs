using MiniLM.Compute;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

/// <summary>The training goldens of the tiny model by the emulated GPU: its gradients, and whole runs in every precision.</summary>
public sealed class CudaTrainingGoldenTests
{
    [Fact]
    public void TinyModel_GivesItsGradients()
    {
        using CudaDevice device = CudaDevice.Emulate(60);
        GradientGolden.CompareTiny(device);
    }

    public static TheoryData<string> TinyRuns() => TrainingRunGolden.Names(TrainingRunGolden.IsTiny); // of the real model: minutes; the CPU runs them

    public static TheoryData<string> MixedTinyRuns() =>
        TrainingRunGolden.Names(name => TrainingRunGolden.IsTiny(name) && TrainingRunGolden.Drift(name, Precision.BFloat16) > 0);

    public static TheoryData<string> RealRuns() => TrainingRunGolden.Names(name => !TrainingRunGolden.IsTiny(name));

    [Theory, MemberData(nameof(TinyRuns))]
    public void RunOfTheTinyModel(string name)
    {
        using CudaDevice device = CudaDevice.Emulate(60);
        TrainingRunGolden.Run(name, device);
    }

    [Theory, MemberData(nameof(MixedTinyRuns))]
    public void RunOfTheTinyModelInMixedPrecision_DriftsNoFurtherThanAutocast(string name)
    {
        foreach (Precision precision in new[] { Precision.Float16, Precision.BFloat16 })
        {
            using CudaDevice device = CudaDevice.Emulate(80);
            TrainingRunGolden.RunMixed(name, device, precision, "emulated");
        }
    }

    // Minutes, so only asked for by name: -explicit only -class '*CudaTrainingGoldenTests'.

    [Fact(Explicit = true)]
    public void RealModel_GivesItsGradients()
    {
        using CudaDevice device = CudaDevice.Emulate(60);
        GradientGolden.CompareReal(device);
    }

    [Theory(Explicit = true), MemberData(nameof(RealRuns))]
    public void RunOfTheRealModelInFloat16_DriftsNoFurtherThanAutocast(string name)
    {
        using CudaDevice device = CudaDevice.Emulate(80);
        TrainingRunGolden.RunMixed(name, device, Precision.Float16, "emulated", most: 2);
    }
}
