using MiniLM.Model;
using MiniLM.Tests;
using Specification = MiniLM.Compute.Reference.Activations;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class ActivationTests
{
    public static TheoryData<string> EveryTier() => Tiers.OfRows();

    [Theory, MemberData(nameof(EveryTier))]
    public void Activate_AgreesWithTheSpecificationInDouble(string tier)
    {
        float[] x = [.. Enumerable.Range(-4000, 8001).Select(i => i / 300f), -1e30f, 1e30f, 1e-30f, -1e-30f, -0f, float.MaxValue, float.MinValue];
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            double[] expected = Array.ConvertAll(x, value => (double)value);
            Specification.Forward<double>(activation, expected);
            using GuardedBuffer y = GuardedBuffer.Of(x);
            Tiers.Kernels(tier).Activate(activation, y.Pointer, y.Pointer, null, y.Count);
            bool isExact = activation is Activation.Identity or Activation.Relu;
            for (int i = 0; i < x.Length; i++) { Tiers.Close(expected[i], y.Span[i], isExact ? 0 : 3e-7 + 2e-7 * Math.Abs(x[i]), $"{activation}({x[i]:R})"); }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Activate_OfEveryCountGivesAValueTheSameBitsAndKeepsNaN(string tier)
    {
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            for (int count = 1; count <= 40; count++)
            {
                using GuardedBuffer equal = new(count), bad = GuardedBuffer.NaN(count), normal = GuardedBuffer.Normal(new Random(count), count);
                equal.Span.Fill(-0.7f);
                double[] expected = normal.ToDoubles();
                Specification.Forward<double>(activation, expected);
                foreach (GuardedBuffer buffer in new[] { equal, bad, normal })
                {
                    Tiers.Kernels(tier).Activate(activation, buffer.Pointer, buffer.Pointer, null, count);
                }
                Assert.Equal(count, equal.Span.Count(equal.Span[0]));
                Assert.Equal(count, bad.Span.Count(float.NaN));
                for (int i = 0; i < count; i++) { Tiers.Close(expected[i], normal.Span[i], 1e-6, $"{activation}, {i} of {count}"); }
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void ActivateWithSlopes_AgreesWithTheSpecificationInDouble(string tier)
    {
        float[] x = [.. Enumerable.Range(-4000, 8001).Select(i => i / 300f), -1e30f, 1e30f, -1e4f, 1e4f, 1e-30f, -1e-30f, 1e-45f, -1e-45f, 0, float.MaxValue,
            float.MinValue];
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            using GuardedBuffer saved = GuardedBuffer.Of(x), y = new(x.Length), alone = new(x.Length);
            double[] expected = [.. Enumerable.Repeat(1.0, x.Length)];
            Specification.Backward<double>(activation, saved.ToDoubles(), expected);
            Tiers.Kernels(tier).Activate(activation, saved.Pointer, alone.Pointer, null, x.Length);
            Tiers.Kernels(tier).Activate(activation, saved.Pointer, y.Pointer, saved.Pointer, x.Length);
            bool isExact = activation is Activation.Identity or Activation.Relu;
            for (int i = 0; i < x.Length; i++) { Tiers.Close(expected[i], saved.Span[i], isExact ? 0 : 1e-6, $"the slope of {activation} at {x[i]:R}"); }
            Assert.Equal(alone.Span.ToArray(), y.Span.ToArray());
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void ActivateWithSlopes_OfEveryCountGivesAValueTheSameBitsAndKeepsNaN(string tier)
    {
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            for (int count = 1; count <= 40; count++)
            {
                using GuardedBuffer normal = GuardedBuffer.Normal(new Random(count), count), equal = new(count), bad = GuardedBuffer.NaN(count), y = new(count);
                double[] expected = [.. Enumerable.Repeat(1.0, count)], values = normal.ToDoubles();
                Specification.Backward<double>(activation, values, expected);
                Specification.Forward<double>(activation, values);
                Tiers.Kernels(tier).Activate(activation, normal.Pointer, y.Pointer, normal.Pointer, count);
                for (int i = 0; i < count; i++)
                {
                    Tiers.Close(expected[i], normal.Span[i], 1e-6, $"the slope of {activation}, {i} of {count}");
                    Tiers.Close(values[i], y.Span[i], 1e-6, $"{activation}, {i} of {count}");
                }
                Tiers.Kernels(tier).Activate(activation, bad.Pointer, y.Pointer, bad.Pointer, count);
                Assert.Equal(activation == Activation.Identity ? 0 : count, bad.Span.Count(float.NaN));
                Assert.Equal(count, y.Span.Count(float.NaN));
                equal.Span.Fill(-.7f);
                Tiers.Kernels(tier).Activate(activation, equal.Pointer, y.Pointer, equal.Pointer, count);
                Assert.Equal(count, equal.Span.Count(equal.Span[0]));
                Assert.Equal(count, y.Span.Count(y.Span[0]));
            }
        }
    }

    [Fact]
    public void Backward_OfEveryCountIsTheProductAndKeepsNaN()
    {
        for (int count = 1; count <= 40; count++)
        {
            using GuardedBuffer slope = GuardedBuffer.Normal(new Random(count), count), dy = GuardedBuffer.Normal(new Random(-count), count),
                bad = GuardedBuffer.NaN(count);
            float[] expected = [.. slope.Span.ToArray().Zip(dy.Span.ToArray(), (a, b) => a * b)];
            Activations.Backward(slope.Pointer, dy.Pointer, count);
            Assert.Equal(expected, dy.Span.ToArray());
            Activations.Backward(slope.Pointer, bad.Pointer, count);
            Assert.Equal(count, bad.Span.Count(float.NaN));
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Activate_MeetsTheGoldenEdgeCases(string tier)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        float[] x = golden.Floats("act.x");
        (string, Activation)[] cases = [("act.gelu", Activation.Gelu), ("act.gelu_tanh", Activation.GeluTanh), ("act.tanh", Activation.Tanh)];
        foreach ((string name, Activation activation) in cases)
        {
            double[] expected = golden.Doubles(name);
            using GuardedBuffer y = GuardedBuffer.Of(x);
            Tiers.Kernels(tier).Activate(activation, y.Pointer, y.Pointer, null, y.Count);
            for (int i = 0; i < x.Length; i++)
            {
                if (double.IsFinite(expected[i])) { Tiers.Close(expected[i], y.Span[i], 1e-6 + 3e-7 * Math.Abs(x[i]), $"{name}({x[i]:R})"); }
                else { Assert.Equal(expected[i], y.Span[i]); }
            }
        }
    }
}
