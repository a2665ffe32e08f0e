using MiniLM.Compute.Reference;
using MiniLM.Cuda.Emulator;
using MiniLM.Kernels;

namespace MiniLM.Cuda.Tests;

/// <summary>Attention by itself, with all checks on: scores that tell keys apart, where a network's averages hide a wrong one,
/// and no byte read outside of the tensors.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>.</remarks>
public sealed class CheckedAttentionTests
{
    public static TheoryData<string> Kernels() =>
        [.. KernelInfo.All.Keys.Where(name => name.StartsWith("Attention", StringComparison.Ordinal) && !TrainingKernels.Has(name))];

    [Theory, MemberData(nameof(Kernels))]
    public void Attention_TellsKeysApartAndStaysInsideItsTensors(string kernel)
    {
        const int Heads = 2, Resident = 64;
        KernelInfo info = KernelInfo.All[kernel];
        bool onTensorCores = kernel.StartsWith("AttentionMma", StringComparison.Ordinal);
        // 140: in two pieces
        int size = onTensorCores ? info.SharedBytesPerUnit / 4 : info.TileColumns switch { 32 => 30, 64 => 62, _ => 140 }, hidden = Heads * size;
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = info.Target, IsChecked = true, BranchBudget = 100_000 });
        using KernelLauncher launcher = new(gpu, MutatedKernel.Ptx);
        StoredValues values = new(gpu, kernel);
        int[] lengths = [1, 70, 17, 2, 31], offsets = [0, 1, 71, 88, 90, 121]; // 70: more than are resident
        int rows = offsets[^1];
        int[] tiles = [.. Enumerable.Range(0, lengths.Length)
            .SelectMany(sequence => Enumerable.Range(0, (lengths[sequence] + 15) / 16).SelectMany(tile => new[] { sequence, tile * 16 }))];
        Random random = new(7);
        float[] query = StoredValues.Random(random, rows * hidden, 4), key = StoredValues.Random(random, rows * hidden),
            value = StoredValues.Random(random, rows * hidden);
        AttentionArguments arguments = new()
        {
            Query = values.Upload(query),
            Key = values.Upload(key),
            Value = values.Upload(value),
            Context = values.Allocate(rows * hidden),
            Offsets = values.UploadPlain(offsets),
            Tiles = values.UploadPlain(tiles),
            StrideQuery = (uint)(hidden * values.Bytes),
            StrideContext = (uint)(hidden * values.Bytes),
            HeadSize = (uint)size,
            Scale = (float)(1 / Math.Log(2) / Math.Sqrt(size)),
            ResidentKeys = Resident,
        };
        launcher.Attention(kernel, arguments, onTensorCores ? lengths.Length : tiles.Length / 2,
            onTensorCores ? Heads : Heads * ((size + info.TileColumns - 1) / info.TileColumns));
        double[] actual = values.Download(arguments.Context, rows * hidden);
        for (int sequence = 0; sequence < lengths.Length; sequence++)
        {
            (int length, Range range) = (lengths[sequence], (offsets[sequence] * hidden)..(offsets[sequence + 1] * hidden));
            double[] Part(float[] tensor) => Array.ConvertAll(tensor[range], x => (double)x);
            double[] scores = new double[Heads * length * length], probabilities = new double[scores.Length], expected = new double[length * hidden];
            SelfAttention.Forward<double>(Part(query), Part(key), Part(value), Heads, [], new int[length], scores, probabilities, expected);
            for (int i = 0; i < expected.Length; i++)
            {
                // A rounding of the probabilities before they meet values of at most 1, one of the result, and fp32's.
                double got = actual[range][i];
                Assert.True(Math.Abs(expected[i] - got) <= 2 * values.Rounding + 2e-6,
                    $"sequence {sequence}, element {i}: expected {expected[i]:R}, got {got:R}");
            }
        }
    }
}
