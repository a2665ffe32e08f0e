using MiniLM.Compute.Reference;
using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;
using MiniLM.Model;

namespace MiniLM.Cuda.Tests;

/// <summary>GEMMs by themselves, with all checks on: what no network asks of them yet, a residual behind an activation and few steps of k.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>.</remarks>
public sealed class CheckedGemmTests
{
    private const int Rows = 130; // more than a tile

    public static TheoryData<string> Kernels() =>
        [.. KernelInfo.All.Keys.Where(name => !TrainingKernels.Has(name)
            && (name.StartsWith("GemmMma", StringComparison.Ordinal) || name.StartsWith("GemmSimt", StringComparison.Ordinal)))];

    [Theory, MemberData(nameof(Kernels))]
    public void Gemm_AddsAResidualBehindItsActivationAtEveryDepth(string kernel)
    {
        KernelInfo info = KernelInfo.All[kernel];
        Activation activation = Enum.GetValues<Activation>().Where(activation => kernel.Contains(activation.ToString(), StringComparison.Ordinal))
            .OrderBy(activation => activation.ToString().Length).LastOrDefault();
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = info.Target, IsChecked = true, BranchBudget = 100_000 });
        using KernelLauncher launcher = new(gpu, MutatedKernel.Ptx);
        StoredValues values = new(gpu, kernel);
        int columns = info.TileColumns;
        Random random = new(7);
        foreach (int steps in new[] { 1, 2, 3, 5 })
        {
            int depth = steps * info.TileDepth;
            float[] a = StoredValues.Random(random, Rows * depth), b = StoredValues.Random(random, columns * depth),
                bias = StoredValues.Random(random, columns), residual = StoredValues.Random(random, Rows * columns);
            GemmArguments arguments = new()
            {
                A = values.Upload(a),
                B = values.Upload(b),
                C = values.Allocate(Rows * columns),
                Bias = values.UploadPlain(bias),
                Residual = values.Upload(residual),
                StrideA = (uint)(depth * values.Bytes),
                StrideB = (uint)(depth * values.Bytes),
                StrideC = (uint)(columns * values.Bytes),
                Rows = Rows,
            };
            launcher.Gemm(kernel, arguments, columns, depth);
            double[] c = values.Download(arguments.C, Rows * columns);
            for (int i = 0; i < c.Length; i++)
            {
                double[] sum = [bias[i % columns]];
                for (int k = 0; k < depth; k++) { sum[0] += (double)a[i / columns * depth + k] * b[i % columns * depth + k]; }
                Activations.Forward<double>(activation, sum);
                double expected = sum[0] + residual[i];
                // A rounding of what the activation gives and one of the sum, and the sums in fp32.
                Assert.True(Math.Abs(expected - c[i]) <= values.Rounding * (Math.Abs(sum[0]) + Math.Abs(expected)) + 1e-6 * depth,
                    $"{steps} steps, element {i}: expected {expected:R}, got {c[i]:R}");
            }
        }
    }
}
