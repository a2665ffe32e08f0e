using MiniLM.Tests;
using Specification = MiniLM.Compute.Reference.Softmax;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class SoftmaxTests
{
    private const float Log2E = 1.44269504f;

    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_AgreesWithTheSpecificationInDouble(string tier)
    {
        foreach (int length in Enumerable.Range(1, 80).Concat([96, 127, 128, 500]))
        {
            var random = new Random(length);
            int padded = SelfAttention.Padded(length);
            (double, bool, float)[] cases = [(1, false, Log2E), (20, true, Log2E), (5, true, Log2E / MathF.Sqrt(7)), (1e4, false, Log2E)];
            foreach ((double deviation, bool isBiased, float factor) in cases)
            {
                using GuardedBuffer scores = GuardedBuffer.Normal(random, padded, deviation: deviation), bias = GuardedBuffer.Normal(random, length);
                scores.Span[length..].Fill(3e38f); // what a product of padding may leave there
                double[] expected = [.. Enumerable.Range(0, length).Select(i => factor / Log2E * (isBiased ? scores.Span[i] + bias.Span[i] : scores.Span[i]))];
                Specification.Forward<double>(expected);
                float inverse = Tiers.Kernels(tier).Softmax(scores.Pointer, isBiased ? bias.Pointer : null, length, padded, factor);
                for (int i = 0; i < length; i++)
                {
                    Tiers.Close(expected[i], scores.Span[i] * inverse, 2e-7 + 3e-7 * expected[i], $"length {length}, deviation {deviation}, element {i}");
                }
                for (int i = length; i < padded; i++) { Tiers.Close(0, scores.Span[i], 1.2e-38, $"length {length}, padding {i}"); }
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_OfEqualScoresIsExactlyOne(string tier)
    {
        foreach (int length in Enumerable.Range(1, 70))
        {
            foreach (float score in new[] { 0, 1e4f, -3.4e38f, 3.4e38f, 1e-40f })
            {
                using GuardedBuffer scores = GuardedBuffer.NaN(SelfAttention.Padded(length));
                scores.Span[..length].Fill(score);
                Assert.Equal(1f / length, Tiers.Kernels(tier).Softmax(scores.Pointer, null, length, scores.Count, Log2E));
                Assert.False(scores.Span[..length].ContainsAnyExcept(1f), $"{length} times {score}");
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_FindsTheGreatestWhereverItIs(string tier)
    {
        const int Length = 75;
        for (int at = 0; at < Length; at++)
        {
            using GuardedBuffer scores = new(SelfAttention.Padded(Length));
            scores.Span.Fill(-2e38f);
            scores.Span[at] = 1e38f; // alone: without the maximum taken off it is infinite
            float inverse = Tiers.Kernels(tier).Softmax(scores.Pointer, null, Length, scores.Count, Log2E);
            Assert.Equal((1f, 1f), (scores.Span[at], inverse));
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_KeepsNaNAndRefusesInfinity(string tier)
    {
        const int Length = 75;
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            for (int at = 0; at < Length; at++)
            {
                using GuardedBuffer scores = GuardedBuffer.Normal(new Random(at), SelfAttention.Padded(Length));
                scores.Span[at] = bad;
                Assert.True(float.IsNaN(Tiers.Kernels(tier).Softmax(scores.Pointer, null, Length, scores.Count, 1)), $"{bad} at {at}");
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Backward_AgreesWithTheSpecificationInDouble(string tier)
    {
        foreach (int length in Enumerable.Range(1, 80).Concat([96, 127, 128, 500]))
        {
            var random = new Random(length);
            int padded = SelfAttention.Padded(length);
            using GuardedBuffer p = GuardedBuffer.Normal(random, padded), d = GuardedBuffer.Normal(random, padded, mean: 1);
            double[] probabilities = p.ToDoubles()[..length], expected = d.ToDoubles()[..length];
            Specification.Forward<double>(probabilities);
            p.Span.Clear();
            for (int i = 0; i < length; i++) { p.Span[i] = (float)probabilities[i]; }
            double[] rounded = p.ToDoubles()[..length];
            foreach (ref float power in p.Span) { power *= 4; } // exactly, and back
            d.Span[length..].Fill(3e38f); // what a product of padding may leave there
            Specification.Backward<double>(rounded, expected);
            Tiers.Kernels(tier).SoftmaxBackward(p.Pointer, .25f, d.Pointer, padded, .3f);
            for (int i = 0; i < length; i++) { Tiers.Close(.3 * expected[i], d.Span[i], 2e-6 * rounded[i], $"length {length}, element {i}"); }
            Assert.False(d.Span[length..].ContainsAnyExcept(0));
            Assert.Equal(rounded, p.ToDoubles()[..length]);
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Backward_KeepsNaN(string tier)
    {
        const int Length = 75;
        for (int at = 0; at < Length; at++)
        {
            using GuardedBuffer p = new(SelfAttention.Padded(Length)), d = GuardedBuffer.Normal(new Random(at), p.Count);
            p.Span.Fill(1f / p.Count);
            d.Span[at] = float.NaN;
            Tiers.Kernels(tier).SoftmaxBackward(p.Pointer, 1, d.Pointer, p.Count, 1);
            Assert.False(d.Span.ContainsAnyExcept(float.NaN));
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_MeetsTheGoldenEdgeCases(string tier)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        int width = (int)golden.Shape("softmax.x")[1], rows = (int)golden.Shape("softmax.x")[0];
        float[] x = golden.Floats("softmax.x");
        double[] expected = golden.Doubles("softmax.y");
        Assert.NotEqual(0, rows);
        for (int row = 0; row < rows; row++)
        {
            using GuardedBuffer scores = GuardedBuffer.NaN(SelfAttention.Padded(width));
            x.AsSpan(row * width, width).CopyTo(scores.Span);
            float inverse = Tiers.Kernels(tier).Softmax(scores.Pointer, null, width, scores.Count, Log2E);
            for (int i = 0; i < width; i++) { Tiers.Close(expected[row * width + i], scores.Span[i] * inverse, 2e-7, $"row {row}, element {i}"); }
        }
    }
}
