using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

/// <summary>Kernels of single rows, every tier, sizes around each width, against the specification in double and the golden edge cases.</summary>
public sealed unsafe class RowKernelTests
{
    private static readonly int[] Sizes = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 384, 1024];

    public static TheoryData<string> EveryTier() => Tiers.All();

    public static TheoryData<string, int> EveryTierAndSize() => Tiers.With(Sizes);

    [Theory, MemberData(nameof(EveryTierAndSize))]
    public void LayerNorm_AgreesWithTheSpecificationInDouble(string tier, int width)
    {
        var random = new Random(width);
        using GuardedBuffer x = GuardedBuffer.Normal(random, width, mean: 3, deviation: 2), gamma = GuardedBuffer.Normal(random, width), beta = GuardedBuffer.Normal(random, width);
        using GuardedBuffer y = GuardedBuffer.NaN(width);
        double[] expected = new double[width];
        Tiers.Kernels(tier).LayerNorm(x.Pointer, gamma.Pointer, beta.Pointer, 1e-12f, y.Pointer, width);
        Compute.Reference.LayerNorm.Forward<double>(x.ToDoubles(), gamma.ToDoubles(), beta.ToDoubles(), 1e-12f, expected);
        // x - mean loses |mean| / deviation of the digits.
        double[] values = x.ToDoubles();
        double mean = values.Average(), deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        for (int i = 0; i < width; i++)
        {
            double bound = width == 1 ? 1e-6 : Math.ScaleB(1 + Math.Abs(mean) / deviation, -19);
            Tiers.Close(expected[i], y.Span[i], bound * Math.Max(1, Math.Abs(expected[i])), $"element {i}");
        }
        Tiers.Kernels(tier).LayerNorm(x.Pointer, gamma.Pointer, beta.Pointer, 1e-12f, x.Pointer, width);
        Assert.Equal(y.Span.ToArray(), x.Span.ToArray()); // in place
    }

    [Theory, MemberData(nameof(EveryTierAndSize))]
    public void Softmax_AgreesWithTheSpecificationInDouble(string tier, int length)
    {
        var random = new Random(length);
        int padded = SelfAttention.Padded(length);
        using GuardedBuffer scores = GuardedBuffer.Normal(random, padded, deviation: 20);
        double[] expected = scores.ToDoubles()[..length];
        Compute.Reference.Softmax.Forward<double>(expected);
        float inverse = Tiers.Kernels(tier).Softmax(scores.Pointer, null, length, padded, 1.44269504f);
        for (int i = 0; i < length; i++) { Tiers.Close(expected[i], scores.Span[i] * inverse, 1e-6, $"element {i}"); }
        for (int i = length; i < padded; i++) { Tiers.Close(0, scores.Span[i], 1.2e-38, $"padding {i}"); }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Softmax_KeepsNaN(string tier)
    {
        using GuardedBuffer scores = new(32);
        scores.Span[5] = float.NaN;
        Assert.True(float.IsNaN(Tiers.Kernels(tier).Softmax(scores.Pointer, null, 20, 32, 1)));
    }

    [Theory, MemberData(nameof(EveryTierAndSize))]
    public void Dot_AgreesWithSumsInDouble(string tier, int count)
    {
        var random = new Random(count);
        using GuardedBuffer a = GuardedBuffer.Normal(random, count), b = GuardedBuffer.Normal(random, count);
        double expected = 0, magnitude = 0;
        for (int i = 0; i < count; i++)
        {
            expected += (double)a.Span[i] * b.Span[i];
            magnitude += Math.Abs((double)a.Span[i] * b.Span[i]);
        }
        Tiers.Close(expected, Tiers.Kernels(tier).Dot(a.Pointer, b.Pointer, count), (count + 1) * Math.ScaleB(magnitude, -24), "dot");
    }

    [Theory, MemberData(nameof(EveryTierAndSize))]
    public void Pooling_AgreesWithTheSpecificationInDouble(string tier, int width)
    {
        var random = new Random(width);
        const int Length = 5;
        int[] columns = [2, 3, 5, 6, 9];
        using GuardedBuffer rows = GuardedBuffer.Normal(random, Length * width), y = GuardedBuffer.NaN(width);
        foreach (PoolingMode mode in Enum.GetValues<PoolingMode>())
        {
            double[] expected = new double[width];
            Compute.Reference.Pooling.Forward<double>(mode, rows.ToDoubles(), columns, expected);
            fixed (int* places = columns) { Tiers.Kernels(tier).Pool(mode, rows.Pointer, width, places, Length, y.Pointer, width); }
            for (int i = 0; i < width; i++) { Tiers.Close(expected[i], y.Span[i], 1e-6 * Math.Max(1, Math.Abs(expected[i])), $"{mode} {i}"); }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Activations_MeetTheGoldenEdgeCases(string tier)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        float[] x = golden.Floats("act.x");
        foreach ((string name, Activation activation) in new[] { ("act.gelu", Activation.Gelu), ("act.gelu_tanh", Activation.GeluTanh), ("act.tanh", Activation.Tanh) })
        {
            double[] expected = golden.Doubles(name);
            float[] y = [.. x];
            fixed (float* values = y) { Tiers.Kernels(tier).Activate(activation, values, y.Length); }
            for (int i = 0; i < x.Length; i++)
            {
                if (!double.IsFinite(expected[i])) { continue; }
                Tiers.Close(expected[i], y[i], 1e-6 + 3e-7 * Math.Abs(x[i]), $"{name}({x[i]:R})");
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void LayerNorm_MeetsTheGoldenEdgeCases(string tier)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        foreach (string name in golden.Names.Where(name => name.StartsWith("layernorm", StringComparison.Ordinal) && name.EndsWith(".x", StringComparison.Ordinal)).Select(name => name[..^2]))
        {
            int width = (int)golden.Shape(name + ".x")[1], rows = (int)golden.Shape(name + ".x")[0];
            float[] x = golden.Floats(name + ".x"), gamma = golden.Floats(name + ".gamma"), beta = golden.Floats(name + ".beta"), y = new float[x.Length];
            double[] exact = golden.Doubles(name + ".y"), oracle = new double[x.Length];
            double epsilon = golden.Doubles(name + ".eps")[0];
            Compute.Reference.LayerNorm.Forward<double>(GoldenBatch.Doubles(x), GoldenBatch.Doubles(gamma), GoldenBatch.Doubles(beta), epsilon, oracle);
            fixed (float* from = x, g = gamma, b = beta, to = y)
            {
                for (int row = 0; row < rows; row++) { Tiers.Kernels(tier).LayerNorm(from + row * width, g, b, (float)epsilon, to + row * width, width); }
            }
            for (int i = 0; i < y.Length; i++)
            {
                ReadOnlySpan<float> row = x.AsSpan(i / width * width, width);
                double mean = row.ToArray().Average(value => (double)value), variance = row.ToArray().Average(value => (value - mean) * (value - mean));
                double condition = 1 + Math.Abs(mean) / Math.Sqrt(variance + epsilon);
                // README: 1e-5; rows far from 0 lose |mean| / deviation of the digits in float ("mean 1e4" rows: 6e-4 and .19 in PyTorch).
                double tolerance = Math.Max(1e-5, Math.ScaleB(condition, -20)) * Math.Max(1, Math.Abs(oracle[i]));
                if (variance == 0) { tolerance = 0; } // equal values must give exactly beta
                if (variance == 0) { Assert.Equal(beta[i % width], y[i]); }
                else { Tiers.Close(oracle[i], y[i], tolerance, $"{name} row {i / width}, column {i % width}"); }
                Assert.True(Math.Abs(oracle[i] - exact[i]) <= 0.2, "the golden and the specification are far apart");
            }
        }
    }

    [Fact]
    public void Transpose_OfEveryShape()
    {
        foreach (int rows in new[] { 1, 7, 8, 9, 31, 32 })
        {
            foreach (int columns in new[] { 1, 7, 8, 9, 32, 33 })
            {
                using GuardedBuffer from = GuardedBuffer.Normal(new Random(rows), rows * columns), to = GuardedBuffer.NaN(rows * columns);
                Transpose.Forward(from.Pointer, columns, rows, columns, to.Pointer, rows);
                for (int row = 0; row < rows; row++)
                {
                    for (int column = 0; column < columns; column++) { Assert.Equal(from.Span[row * columns + column], to.Span[column * rows + row]); }
                }
            }
        }
    }
}
