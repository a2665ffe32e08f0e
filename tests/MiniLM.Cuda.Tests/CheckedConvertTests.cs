using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;
using MiniLM.Weights;

namespace MiniLM.Cuda.Tests;

/// <summary>Conversions by themselves, with all checks on: every bit, rounded to nearest even, and zeros behind a row.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>.</remarks>
public sealed class CheckedConvertTests
{
    public static TheoryData<string> Kernels() => [.. KernelInfo.All.Keys.Where(name => name.StartsWith("Convert", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Kernels))]
    public void Convert_RoundsEveryElementAndPadsWithZeros(string kernel)
    {
        const int Rows = 3, Width = 291, Stride = 293, Padded = 300, PaddedStride = 304; // more than a block's columns
        KernelInfo info = KernelInfo.All[kernel];
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = info.Target, IsChecked = true, BranchBudget = 100_000 });
        using KernelLauncher launcher = new(gpu, MutatedKernel.Ptx);
        string source = kernel[..kernel.IndexOf("To", StringComparison.Ordinal)];
        StoredValues from = new(gpu, source), to = new(gpu, kernel);
        Random random = new(3);
        float[] values = [.. Enumerable.Range(0, (Rows - 1) * Stride + Width)
            .Select(_ => Round(source, (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-20, 15))))];
        ConvertArguments arguments = new()
        {
            X = from.Upload(values),
            Y = to.Upload(new float[(Rows - 1) * PaddedStride + Padded]),
            StrideX = (uint)(Stride * from.Bytes),
            StrideY = (uint)(PaddedStride * to.Bytes),
            Width = Width,
            Padded = Padded,
        };
        launcher.Convert(kernel, arguments, Rows);
        double[] actual = to.Download(arguments.Y, (Rows - 1) * PaddedStride + Padded);
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Padded; column++)
            {
                float expected = column < Width ? Round(kernel, values[row * Stride + column]) : 0;
                Assert.Equal(expected, actual[row * PaddedStride + column]);
            }
        }
    }

    private static float Round(string storage, float value) =>
        storage.EndsWith("F32", StringComparison.Ordinal) ? value
        : storage.EndsWith("BF16", StringComparison.Ordinal) ? BitConverter.Int32BitsToSingle(FloatConversion.ToBFloat16(value) << 16) : (float)(Half)value;
}
