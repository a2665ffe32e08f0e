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

    public static TheoryData<string> Runs() => TrainingRunGolden.Names();

    [Theory, MemberData(nameof(Runs))]
    public void RunOfTheTinyModel(string name)
    {
        if (!TrainingRunGolden.IsTiny(name)) { return; } // minutes; the CPU runs it
        using CudaDevice device = CudaDevice.Emulate(60);
        TrainingRunGolden.Run(name, device);
    }

    [Theory, MemberData(nameof(Runs))]
    public void RunOfTheTinyModelInMixedPrecision_DriftsNoFurtherThanAutocast(string name)
    {
        if (!TrainingRunGolden.IsTiny(name) || TrainingRunGolden.Drift(name, Precision.BFloat16) == 0) { return; }
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

    [Theory(Explicit = true), MemberData(nameof(Runs))]
    public void RunOfTheRealModelInFloat16_DriftsNoFurtherThanAutocast(string name)
    {
        if (TrainingRunGolden.IsTiny(name)) { return; }
        using CudaDevice device = CudaDevice.Emulate(80);
        TrainingRunGolden.RunMixed(name, device, Precision.Float16, "emulated", most: 2);
    }
}
