using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;
using MiniLM.Model;

namespace MiniLM.Cuda.Tests;

/// <summary>Kernels over rows, each buffer an allocation of its own and the last block cut: none reads or writes a byte outside.
/// In a network the neighbouring buffer would take it.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>, which holds what they compute.</remarks>
public sealed class CheckedBoundsTests
{
    private static readonly string[] Operations = ["EmbeddingLayerNorm", "LayerNorm", "Pooling", "Normalize", "GemmLayerNorm"];

    public static TheoryData<string> Kernels() =>
        [.. KernelInfo.All.Keys.Where(name => !TrainingKernels.Has(name) && Operations.Any(operation => name.StartsWith(operation, StringComparison.Ordinal)))];

    [Theory, MemberData(nameof(Kernels))]
    public void Kernel_StaysInsideItsBuffers(string kernel)
    {
        const int Rows = 5, Width = 63, Padded = 64;
        KernelInfo info = KernelInfo.All[kernel];
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = info.Target, IsChecked = true, BranchBudget = 100_000 });
        using KernelLauncher launcher = new(gpu, MutatedKernel.Ptx);
        StoredValues values = new(gpu, kernel);
        if (kernel.StartsWith("GemmLayerNorm", StringComparison.Ordinal))
        {
            int columns = info.TileColumns;
            GemmArguments gemm = new()
            {
                A = values.Upload(new float[Rows * 64]),
                B = values.Upload(new float[columns * 64]),
                C = values.Allocate(Rows * columns),
                Bias = values.UploadPlain(new float[columns]),
                Gamma = values.UploadPlain(new float[columns]),
                Beta = values.UploadPlain(new float[columns]),
                Residual = values.Upload(new float[Rows * columns]),
                StrideA = (uint)(64 * values.Bytes),
                StrideB = (uint)(64 * values.Bytes),
                StrideC = (uint)(columns * values.Bytes),
                Rows = Rows,
                Epsilon = 1e-12f,
            };
            launcher.Gemm(kernel, gemm, columns, 64);
            return;
        }
        uint stride = (uint)(Padded * values.Bytes);
        if (kernel.StartsWith("Pooling", StringComparison.Ordinal))
        {
            PoolingArguments pooling = new()
            {
                X = Rounded(),
                Y = values.UploadPlain(new float[Width]),
                Offsets = values.UploadPlain([0, Rows]),
                Columns = values.UploadPlain([0, 1, 2, 3, 4]),
                StrideX = stride,
                StrideY = stride,
                Width = Width,
                Mode = (uint)PoolingMode.WeightedMean, // the one that reads the columns
            };
            launcher.Pooling(kernel, pooling, 1);
            return;
        }
        if (kernel.StartsWith("Normalize", StringComparison.Ordinal))
        {
            launcher.Normalize(new NormalizeArguments { X = Rounded(), StrideX = stride, Rows = Rows, Width = Width });
            return;
        }
        bool isEmbedding = kernel.StartsWith("EmbeddingLayerNorm", StringComparison.Ordinal);
        LayerNormArguments norm = new()
        {
            X = isEmbedding ? 0 : Rounded(),
            Y = values.Allocate(Rows * Padded),
            Gamma = values.UploadPlain(new float[Padded]),
            Beta = values.UploadPlain(new float[Padded]),
            StrideX = stride,
            StrideY = stride,
            Rows = Rows,
            Width = Width,
            Padded = Padded,
            Epsilon = 1e-12f,
        };
        if (!isEmbedding)
        {
            launcher.LayerNorm(kernel, norm);
            return;
        }
        EmbeddingArguments embedding = new()
        {
            Words = Rounded(),
            Positions = values.Upload(new float[Padded]),
            Types = values.Upload(new float[Padded]),
            WordIds = values.UploadPlain([0, 1, 2, 3, 4]),
            PositionIds = values.UploadPlain(new int[Rows]),
            TypeIds = values.UploadPlain(new int[Rows]),
            Norm = norm,
        };
        launcher.Embedding(kernel, embedding);

        ulong Rounded() => values.Upload(StoredValues.Random(new Random(7), Rows * Padded));
    }
}
