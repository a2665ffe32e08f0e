using MiniLM.Model;
using MiniLM.Tests;
using Specification = MiniLM.Compute.Reference.Activations;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class ActivationTests
{
    public static TheoryData<string> EveryTier() => Tiers.All();

    [Theory, MemberData(nameof(EveryTier))]
    public void Activate_AgreesWithTheSpecificationInDouble(string tier)
    {
        float[] x = [.. Enumerable.Range(-4000, 8001).Select(i => i / 300f), -1e30f, 1e30f, 1e-30f, -1e-30f, -0f, float.MaxValue, float.MinValue];
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            double[] expected = Array.ConvertAll(x, value => (double)value);
            Specification.Forward<double>(activation, expected);
            using GuardedBuffer y = GuardedBuffer.Of(x);
            Tiers.Kernels(tier).Activate(activation, y.Pointer, y.Pointer, y.Count);
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
                    Tiers.Kernels(tier).Activate(activation, buffer.Pointer, buffer.Pointer, count);
                }
                Assert.Equal(count, equal.Span.Count(equal.Span[0]));
                Assert.Equal(count, bad.Span.Count(float.NaN));
                for (int i = 0; i < count; i++) { Tiers.Close(expected[i], normal.Span[i], 1e-6, $"{activation}, {i} of {count}"); }
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void ActivateBackward_AgreesWithTheSpecificationInDouble(string tier)
    {
        float[] x = [.. Enumerable.Range(-4000, 8001).Select(i => i / 300f), -1e30f, 1e30f, -1e4f, 1e4f, 1e-30f, -1e-30f, 1e-45f, -1e-45f, 0, float.MaxValue,
            float.MinValue];
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            using GuardedBuffer before = GuardedBuffer.Of(x), dy = GuardedBuffer.Normal(new Random(1), x.Length);
            double[] given = dy.ToDoubles(), expected = dy.ToDoubles();
            Specification.Backward<double>(activation, before.ToDoubles(), expected);
            Tiers.Kernels(tier).ActivateBackward(activation, before.Pointer, dy.Pointer, dy.Count);
            bool isExact = activation is Activation.Identity or Activation.Relu;
            for (int i = 0; i < x.Length; i++)
            {
                Tiers.Close(expected[i], dy.Span[i], isExact ? 0 : 1e-6 * Math.Abs(given[i]), $"{activation} at {x[i]:R}, dy {given[i]:R}");
            }
            Assert.Equal(x, before.Span.ToArray());
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void ActivateBackward_OfEveryCountGivesAValueTheSameBitsAndKeepsNaN(string tier)
    {
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            for (int count = 1; count <= 40; count++)
            {
                using GuardedBuffer x = GuardedBuffer.Normal(new Random(count), count), equal = new(count), bad = GuardedBuffer.NaN(count),
                    dy = new(count), fromX = new(count), fromDY = GuardedBuffer.NaN(count);
                foreach (GuardedBuffer ones in new[] { dy, fromX }) { ones.Span.Fill(1); }
                double[] expected = dy.ToDoubles();
                Specification.Backward<double>(activation, x.ToDoubles(), expected);
                Backward(x, dy);
                for (int i = 0; i < count; i++) { Tiers.Close(expected[i], dy.Span[i], 1e-6, $"{activation}, {i} of {count}"); }
                Backward(bad, fromX);
                Assert.Equal(activation == Activation.Identity ? 0 : count, fromX.Span.Count(float.NaN));
                Backward(equal, fromDY);
                Assert.Equal(count, fromDY.Span.Count(float.NaN));
                equal.Span.Fill(-.7f);
                dy.Span.Fill(1);
                Backward(equal, dy);
                Assert.Equal(count, dy.Span.Count(dy.Span[0]));
                void Backward(GuardedBuffer from, GuardedBuffer to) => Tiers.Kernels(tier).ActivateBackward(activation, from.Pointer, to.Pointer, count);
            }
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
            Tiers.Kernels(tier).Activate(activation, y.Pointer, y.Pointer, y.Count);
            for (int i = 0; i < x.Length; i++)
            {
                if (double.IsFinite(expected[i])) { Tiers.Close(expected[i], y.Span[i], 1e-6 + 3e-7 * Math.Abs(x[i]), $"{name}({x[i]:R})"); }
                else { Assert.Equal(expected[i], y.Span[i]); }
            }
        }
    }
}
