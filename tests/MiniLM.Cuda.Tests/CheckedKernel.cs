using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>A kernel by itself on an emulated GPU with all checks on.</summary>
internal sealed class CheckedKernel : IDisposable
{
    private readonly EmulatedGpu _gpu;

    internal CheckedKernel(string name)
    {
        Info = KernelInfo.All[name];
        _gpu = new EmulatedGpu(new EmulatedGpuOptions { Capability = Info.Target, IsChecked = true, BranchBudget = 100_000 });
        Launcher = new KernelLauncher(_gpu, MutatedKernel.Ptx);
        Values = new StoredValues(_gpu, name);
    }

    internal KernelInfo Info { get; }

    internal KernelLauncher Launcher { get; }

    internal StoredValues Values { get; }

    /// <summary>Names of kernels that begin with one of some words.</summary>
    internal static TheoryData<string> Of(bool isTraining, params string[] operations) =>
        [.. KernelInfo.All.Keys.Where(name => TrainingKernels.Has(name) == isTraining
            && operations.Any(operation => name.StartsWith(operation, StringComparison.Ordinal)))];

    /// <summary>A mask for rows of some numbers as kernels take it, and as the CPU draws it.</summary>
    internal (DropoutArguments Arguments, DropoutMask Mask) Dropout(DropoutSite site, float probability, int[] rows)
    {
        const ulong Seed = 9876543210;
        const uint Step = 7, Layer = 3;
        DropoutMask mask = new(Seed, Step, site, (int)Layer, probability);
        return (new DropoutArguments
        {
            Rows = Values.UploadPlain(rows),
            SeedLow = unchecked((uint)Seed),
            SeedHigh = (uint)(Seed >> 32),
            Step = Step,
            Place = (uint)site + 8 * Layer,
            Threshold = mask.Threshold,
            Scale = mask.Scale,
        }, mask);
    }

    public void Dispose()
    {
        Launcher.Dispose();
        _gpu.Dispose();
    }
}
