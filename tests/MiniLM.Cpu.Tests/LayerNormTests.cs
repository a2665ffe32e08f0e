using MiniLM.Tests;
using Specification = MiniLM.Compute.Reference.LayerNorm;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class LayerNormTests
{
    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_AgreesWithTheSpecificationInDouble(string tier)
    {
        foreach (int width in Tiers.Sizes)
        {
            var random = new Random(width);
            using GuardedBuffer gamma = GuardedBuffer.Normal(random, width), beta = GuardedBuffer.Normal(random, width), y = GuardedBuffer.NaN(width);
            // An epsilon of a real model; one that counts as much as the variance; a mean far from 0.
            foreach ((double at, float epsilon) in new[] { (3, 1e-12f), (0, 3), (-100, 1e-5f) })
            {
                using GuardedBuffer x = GuardedBuffer.Normal(random, width, mean: at, deviation: 2);
                double[] values = x.ToDoubles(), expected = new double[width];
                Specification.Forward<double>(values, gamma.ToDoubles(), beta.ToDoubles(), epsilon, expected);
                Tiers.Kernels(tier).LayerNorm(x.Pointer, gamma.Pointer, beta.Pointer, epsilon, y.Pointer, width);
                double condition = Condition(values, epsilon);
                for (int i = 0; i < width; i++)
                {
                    // gamma times the normal form's error, then one rounding.
                    double tolerance = width == 1 ? 0 : Math.ScaleB(condition * Math.Abs(gamma.Span[i]) + Math.Abs(expected[i]), -22);
                    Tiers.Close(expected[i], y.Span[i], tolerance, $"width {width}, mean {at}, element {i}");
                }
                Assert.Equal(values, x.ToDoubles());
                Tiers.Kernels(tier).LayerNorm(x.Pointer, gamma.Pointer, beta.Pointer, epsilon, x.Pointer, width);
                Assert.Equal(y.Span.ToArray(), x.Span.ToArray()); // in place
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_OfEqualValuesIsExactlyBeta(string tier)
    {
        foreach (int width in Tiers.Sizes)
        {
            using GuardedBuffer x = new(width), gamma = GuardedBuffer.Normal(new Random(1), width), beta = GuardedBuffer.Normal(new Random(2), width),
                y = GuardedBuffer.NaN(width);
            x.Span.Fill(-12345.678f);
            Tiers.Kernels(tier).LayerNorm(x.Pointer, gamma.Pointer, beta.Pointer, 1e-12f, y.Pointer, width);
            Assert.Equal(beta.Span.ToArray(), y.Span.ToArray());
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_OfOneBadValueIsNaNEverywhere(string tier)
    {
        const int Width = 75;
        using GuardedBuffer one = new(Width), y = new(Width);
        one.Span.Fill(1);
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            for (int at = 0; at < Width; at++)
            {
                using GuardedBuffer x = GuardedBuffer.Normal(new Random(at), Width);
                x.Span[at] = bad;
                y.Span.Clear();
                Tiers.Kernels(tier).LayerNorm(x.Pointer, one.Pointer, one.Pointer, 1e-12f, y.Pointer, Width);
                Assert.False(y.Span.ContainsAnyExcept(float.NaN), $"{bad} at {at}");
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Backward_AgreesWithTheSpecificationInDouble(string tier)
    {
        foreach (int width in Tiers.Sizes)
        {
            var random = new Random(width);
            using GuardedBuffer gamma = GuardedBuffer.Normal(random, width), dGamma = GuardedBuffer.Normal(random, width),
                dBeta = GuardedBuffer.Normal(random, width);
            foreach ((double at, float epsilon) in new[] { (3, 1e-5f), (0, 3), (-100, 1e-5f) })
            {
                using GuardedBuffer x = GuardedBuffer.Normal(random, width, mean: at, deviation: 2), d = GuardedBuffer.Normal(random, width, mean: .5);
                double[] values = x.ToDoubles(), dx = d.ToDoubles(), gammas = dGamma.ToDoubles(), betas = dBeta.ToDoubles(), given = d.ToDoubles();
                Specification.Backward<double>(values, gamma.ToDoubles(), epsilon, given, dx, gammas, betas);
                Tiers.Kernels(tier).LayerNormBackward(x.Pointer, gamma.Pointer, epsilon, d.Pointer, dGamma.Pointer, dBeta.Pointer, width);
                // Of a row of one value x is its mean, without error. Else errors weigh as in the normal form, and what is taken off errs too.
                double mean = values.Average(), deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)) + epsilon);
                double relative = width == 1 ? 0 : Math.ScaleB(Condition(values, epsilon), -20), greatest = 0;
                for (int i = 0; i < width; i++) { greatest = Math.Max(greatest, Math.Abs(given[i] * gamma.Span[i])); }
                string what = $"width {width}, mean {at}";
                for (int i = 0; i < width; i++)
                {
                    double normalised = Math.Abs(values[i] - mean) / deviation;
                    Tiers.Close(dx[i], d.Span[i], relative * (1 + normalised) * greatest / deviation, $"{what}, dx {i}");
                    Tiers.Close(gammas[i], dGamma.Span[i], relative * Math.Abs(given[i]) + Math.ScaleB(Math.Abs(gammas[i]), -22), $"{what}, dGamma {i}");
                    Tiers.Close(betas[i], dBeta.Span[i], Math.ScaleB(Math.Abs(betas[i]) + Math.Abs(given[i]), -23), $"{what}, dBeta {i}");
                }
                Assert.Equal(values, x.ToDoubles());
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Backward_OfOneBadValueIsNaNEverywhere(string tier)
    {
        const int Width = 75;
        using GuardedBuffer one = new(Width);
        one.Span.Fill(1);
        for (int at = 0; at < Width; at++)
        {
            foreach (bool isGradient in new[] { false, true })
            {
                using GuardedBuffer x = GuardedBuffer.Normal(new Random(at), Width), d = GuardedBuffer.Normal(new Random(at + 1), Width), dGamma = new(Width),
                    dBeta = new(Width);
                (isGradient ? d : x).Span[at] = float.NaN;
                Tiers.Kernels(tier).LayerNormBackward(x.Pointer, one.Pointer, 1e-12f, d.Pointer, dGamma.Pointer, dBeta.Pointer, Width);
                Assert.False(d.Span.ContainsAnyExcept(float.NaN), $"{isGradient}, {at}");
                Assert.Equal(isGradient ? 1 : Width, dGamma.Span.Count(float.NaN));
                Assert.Equal(isGradient ? float.NaN : 0, dBeta.Span[at] - dBeta.Span[at]);
                Assert.Equal(isGradient ? 1 : 0, dBeta.Span.Count(float.NaN));
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_MeetsTheGoldenEdgeCases(string tier)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        string[] names = [.. golden.Names.Where(name => name.StartsWith("layernorm", StringComparison.Ordinal)
            && name.EndsWith(".x", StringComparison.Ordinal)).Select(name => name[..^2])];
        Assert.NotEmpty(names);
        foreach (string name in names)
        {
            int width = (int)golden.Shape(name + ".x")[1], rows = (int)golden.Shape(name + ".x")[0];
            float[] gamma = golden.Floats(name + ".gamma"), beta = golden.Floats(name + ".beta"), all = golden.Floats(name + ".x");
            double[] expected = golden.Doubles(name + ".y");
            double epsilon = golden.Doubles(name + ".eps")[0];
            for (int row = 0; row < rows; row++)
            {
                using GuardedBuffer x = GuardedBuffer.Of(all.AsSpan(row * width, width)), y = GuardedBuffer.NaN(width);
                fixed (float* g = gamma, b = beta) { Tiers.Kernels(tier).LayerNorm(x.Pointer, g, b, (float)epsilon, y.Pointer, width); }
                // The README asks for 1e-5, and says of the two rows with mean 1e4 that float costs 6e-4 and .19 there: x - mean has lost |mean| / deviation of
                // its digits, and the mean, a float, is itself off by 2^-25 |mean|.
                double condition = Condition(x.ToDoubles(), epsilon);
                bool isEqual = !x.Span.ContainsAnyExcept(x.Span[0]);
                for (int i = 0; i < width; i++)
                {
                    double size = Math.Max(1, Math.Abs(expected[row * width + i]));
                    double tolerance = isEqual ? 0 : size * Math.Max(1e-5, Math.ScaleB(condition * Math.Abs(gamma[i]), -24));
                    Tiers.Close(isEqual ? beta[i] : expected[row * width + i], y.Span[i], tolerance, $"{name} row {row}, column {i}");
                }
            }
        }
    }

    /// <summary>How much an error of x and of the mean, relative to the mean, weighs in the normal form.</summary>
    private static double Condition(double[] x, double epsilon)
    {
        double mean = x.Average(), variance = x.Average(value => (value - mean) * (value - mean));
        return 1 + Math.Abs(mean) / Math.Sqrt(variance + epsilon);
    }
}
