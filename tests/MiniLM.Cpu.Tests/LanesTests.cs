using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class LanesTests
{
    [Fact]
    public void Operations_AreThoseOfFloatInEveryLane()
    {
        Check<Lanes256>(8);
        Check<Lanes128>(4);
        Check<Lanes1>(1);
    }

    private static void Check<TLanes>(int count) where TLanes : struct, ILanes<TLanes>
    {
        Assert.Equal(count, TLanes.Count);
        float[] special = [1, -1, 0, -0f, 3, 1e-40f, 1e30f, -2.5f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1 + 1f / (1 << 12)];
        var random = new Random(count);
        for (int repeat = 0; repeat < 200; repeat++)
        {
            float[] a = Values(), b = Values(), c = Values();
            using GuardedBuffer p = GuardedBuffer.Of(a), q = GuardedBuffer.Of(b), r = GuardedBuffer.Of(c), y = GuardedBuffer.NaN(count);
            TLanes x = TLanes.Load(p.Pointer), z = TLanes.Load(q.Pointer), w = TLanes.Load(r.Pointer);
            Equal((u, v, _) => u + v, x + z);
            Equal((u, v, _) => u - v, x - z);
            Equal((u, v, _) => u * v, x * z);
            Equal((u, v, _) => u / v, x / z);
            Equal(MathF.FusedMultiplyAdd, TLanes.MultiplyAdd(x, z, w));
            Equal((u, v, _) => u > v ? u : v, TLanes.Max(x, z));
            Equal((u, v, _) => u < v ? u : v, TLanes.Min(x, z));
            Equal((u, v, _) => MathF.CopySign(u, v), TLanes.CopySign(x, z));
            Equal((_, _, _) => 0.3f, TLanes.Create(0.3f));
            float sum = a.Sum(), greatest = a.Aggregate(MathF.Max);
            Assert.Equal(greatest, x.Greatest());
            // In another order than this sum's: some roundings apart.
            if (float.IsFinite(sum)) { Tiers.Close(sum, x.Sum(), Math.ScaleB(a.Sum(Math.Abs), -22), "sum"); } else { Assert.False(float.IsFinite(x.Sum())); }

            void Equal(Func<float, float, float, float> one, TLanes actual)
            {
                actual.Store(y.Pointer);
                for (int i = 0; i < count; i++) { Assert.Equal(one(a[i], b[i], c[i]), y.Span[i]); }
            }
        }
        for (int power = -100; power <= 100; power += 10)
        {
            using GuardedBuffer y = GuardedBuffer.NaN(count);
            TLanes.Scale(TLanes.Create(1.7f), TLanes.Create(power + 12582912f)).Store(y.Pointer);
            Assert.False(y.Span.ContainsAnyExcept(MathF.ScaleB(1.7f, power)));
        }

        float Value() => random.Next(4) == 0 ? special[random.Next(special.Length)] : 2 * random.NextSingle() - 1;
        float[] Values() => [.. Enumerable.Range(0, count).Select(_ => Value())];
    }

    // As vmaxps and vminps: every tier gives the same bits where a zero meets one of the other sign.
    [Fact]
    public void MaxAndMin_OfEqualValuesAreTheSecond()
    {
        Check<Lanes256>();
        Check<Lanes128>();
        Check<Lanes1>();

        static void Check<TLanes>() where TLanes : struct, ILanes<TLanes>
        {
            using GuardedBuffer y = GuardedBuffer.NaN(TLanes.Count);
            foreach (float second in new[] { 0f, -0f })
            {
                TLanes a = TLanes.Create(-second), b = TLanes.Create(second);
                foreach (TLanes result in new[] { TLanes.Max(a, b), TLanes.Min(a, b) })
                {
                    result.Store(y.Pointer);
                    foreach (float value in y.Span) { Assert.Equal(float.IsNegative(second), float.IsNegative(value)); }
                }
            }
        }
    }

    // Of each lane its own: a lane left out of a sum, or a maximum, shows.
    [Fact]
    public void Reductions_TakeEveryLaneOnce()
    {
        Check<Lanes256>();
        Check<Lanes128>();
        Check<Lanes1>();

        static void Check<TLanes>() where TLanes : struct, ILanes<TLanes>
        {
            using GuardedBuffer x = new(TLanes.Count);
            for (int lane = 0; lane < TLanes.Count; lane++)
            {
                x.Span.Fill(-2);
                x.Span[lane] = -1;
                Assert.Equal((-1, 1 - 2f * TLanes.Count), (TLanes.Load(x.Pointer).Greatest(), TLanes.Load(x.Pointer).Sum()));
                x.Span[lane] = float.NaN;
                Assert.True(float.IsNaN(TLanes.Load(x.Pointer).Greatest()));
            }
        }
    }
}
