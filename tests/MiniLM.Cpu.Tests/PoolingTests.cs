using MiniLM.Model;
using MiniLM.Tests;
using Specification = MiniLM.Compute.Reference.Pooling;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class PoolingTests
{
    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_AgreesWithTheSpecificationInDouble(string tier)
    {
        int[] places = [2, 3, 5, 6, 9]; // with holes, and not from 0
        foreach (int width in Tiers.Sizes)
        {
            for (int length = 1; length <= places.Length; length++)
            {
                var random = new Random(width);
                int stride = width + length; // what lies between rows is NaN
                using GuardedBuffer rows = GuardedBuffer.NaN((length - 1) * stride + width), y = GuardedBuffer.NaN(width);
                double[] values = [.. Enumerable.Range(0, length * width).Select(_ => (double)(random.NextSingle() - 0.6f))];
                for (int i = 0; i < values.Length; i++) { rows.Span[i / width * stride + i % width] = (float)values[i]; }
                foreach (PoolingMode mode in Enum.GetValues<PoolingMode>())
                {
                    double[] expected = new double[width];
                    Specification.Forward<double>(mode, values, places.AsSpan(0, length), expected);
                    fixed (int* columns = places) { Tiers.Kernels(tier).Pool(mode, rows.Pointer, stride, columns, length, y.Pointer, width); }
                    bool isCopy = mode is PoolingMode.Cls or PoolingMode.LastToken or PoolingMode.Max;
                    for (int i = 0; i < width; i++)
                    {
                        Tiers.Close(expected[i], y.Span[i], isCopy ? 0 : 4e-7, $"{mode}, width {width}, length {length}, element {i}");
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_KeepsNaNOfAnyRow(string tier)
    {
        const int Width = 41, Length = 3;
        int[] places = [0, 1, 2];
        foreach (PoolingMode mode in new[] { PoolingMode.Max, PoolingMode.Mean, PoolingMode.MeanSqrtLen, PoolingMode.WeightedMean })
        {
            for (int row = 0; row < Length; row++)
            {
                using GuardedBuffer rows = GuardedBuffer.Normal(new Random(row), Length * Width), y = new(Width);
                rows.Span.Slice(row * Width, Width).Fill(float.NaN);
                fixed (int* columns = places) { Tiers.Kernels(tier).Pool(mode, rows.Pointer, Width, columns, Length, y.Pointer, Width); }
                Assert.False(y.Span.ContainsAnyExcept(float.NaN), $"{mode}: a NaN of row {row} was lost");
            }
        }
    }
}
