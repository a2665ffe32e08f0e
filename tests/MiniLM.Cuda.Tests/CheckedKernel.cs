using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>A kernel by itself on an emulated GPU with all checks on.</summary>
internal sealed class CheckedKernel : IDisposable
{
    private const ulong Seed = 9876543210;
    private const uint Step = 7, Layer = 3;

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

    /// <summary>A mask whose threshold is the very number of a column in the first row: that value is kept.</summary>
    /// <param name="site">Where.</param>
    /// <param name="column">Column.</param>
    /// <param name="rows">All are raised alike until that number is odd, so that each of its bits counts.</param>
    internal (DropoutArguments Arguments, DropoutMask Mask) DropoutAt(DropoutSite site, int column, int[] rows)
    {
        uint number;
        while (((number = Number()) & 1) == 0)
        {
            for (int i = 0; i < rows.Length; i++) { rows[i]++; }
        }
        return Dropout(site, number / 65536f, rows);

        uint Number()
        {
            (uint a, uint b, uint c, uint d) =
                Philox.Words((uint)column / 8, (uint)rows[0], (uint)site + 8 * Layer, Step, unchecked((uint)Seed), (uint)(Seed >> 32));
            uint word = (column % 8 / 2) switch { 0 => a, 1 => b, 2 => c, _ => d };
            return column % 2 == 0 ? word & 0xffff : word >> 16;
        }
    }

    public void Dispose()
    {
        Launcher.Dispose();
        _gpu.Dispose();
    }
}
