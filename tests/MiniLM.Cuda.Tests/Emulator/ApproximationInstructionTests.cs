using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>ex2, lg2, rcp, rsqrt, sqrt, sin, cos, tanh, div: correctly rounded, and with jitter within the bounds of the ISA.</summary>
public sealed class ApproximationInstructionTests
{
    private static readonly Dictionary<string, (Func<double, double> Exact, Func<double, double, double> Bound)> Functions = new()
    {
        ["ex2.approx.f32"] = (x => Math.Pow(2, x), (x, y) => 2 * Ulp(y)),
        ["ex2.approx.ftz.f32"] = (x => Math.Pow(2, x), (x, y) => 2 * Ulp(y)),
        ["lg2.approx.f32"] = (Math.Log2, (x, y) => x is > 0.5 and < 2 ? Math.ScaleB(1, -22) : Math.ScaleB(Math.Abs(y), -22)),
        ["lg2.approx.ftz.f32"] = (Math.Log2, (x, y) => x is > 0.5 and < 2 ? Math.ScaleB(1, -22) : Math.ScaleB(Math.Abs(y), -22)),
        ["rcp.approx.f32"] = (x => 1 / x, (x, y) => Ulp(y)),
        ["rcp.approx.ftz.f32"] = (x => 1 / x, (x, y) => Ulp(y)),
        ["rcp.rn.f32"] = (x => 1 / x, (x, y) => 0),
        ["sqrt.approx.f32"] = (Math.Sqrt, (x, y) => Math.ScaleB(y, -23)),
        ["sqrt.rn.f32"] = (Math.Sqrt, (x, y) => 0),
        ["sqrt.rn.ftz.f32"] = (Math.Sqrt, (x, y) => 0),
        ["rsqrt.approx.f32"] = (x => 1 / Math.Sqrt(x), (x, y) => y * Math.Pow(2, -22.9)),
        ["rsqrt.approx.ftz.f32"] = (x => 1 / Math.Sqrt(x), (x, y) => y * Math.Pow(2, -22.9)),
        ["sin.approx.f32"] = (Math.Sin, (x, y) => Math.Pow(2, -20.5)),
        ["cos.approx.ftz.f32"] = (Math.Cos, (x, y) => Math.Pow(2, -20.5)),
        ["tanh.approx.f32"] = (Math.Tanh, (x, y) => Math.ScaleB(Math.Abs(y), -11)),
    };

    public static TheoryData<string> Names() => [.. Functions.Keys];

    private static double Ulp(double value) => Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 23);

    private static ulong[] Arguments()
    {
        var random = new Random(3);
        ulong[] values = new ulong[20000];
        for (int i = 0; i < values.Length; i++)
        {
            // All exponents, and the ones that matter: around 1, and down to -150 for ex2.
            float value = (i % 3) switch
            {
                0 => BitConverter.Int32BitsToSingle(random.Next() | random.Next(2) << 31),
                1 => (float)((random.NextDouble() - 0.5) * 4),
                _ => (float)((random.NextDouble() - 0.5) * 320),
            };
            values[i] = BitConverter.SingleToUInt32Bits(value);
        }
        EdgeValues.Single.CopyTo(values, 0);
        return values;
    }

    private static double Flushed(ulong bits, bool ftz)
    {
        float value = BitConverter.UInt32BitsToSingle((uint)bits);
        return ftz && Math.Abs(value) < 1.17549435e-38f ? float.CopySign(0, value) : value;
    }

    [Theory, MemberData(nameof(Names))]
    public void WithoutJitter_TheResultIsCorrectlyRounded(string opcode)
    {
        ulong[] values = Arguments(), results = LaneProgram.Run($"{opcode} %d, %a;", 32, [32], values);
        bool ftz = opcode.Contains("ftz", StringComparison.Ordinal);
        for (int i = 0; i < values.Length; i++)
        {
            double x = Flushed(values[i], ftz), y = Functions[opcode].Exact(x);
            float result = BitConverter.UInt32BitsToSingle((uint)results[i]);
            if (double.IsNaN(y)) { Assert.Equal(0x7fffffffUL, results[i]); continue; }
            float expected = (float)Flushed(BitConverter.SingleToUInt32Bits((float)y), ftz);
            // The oracle is a double, good to about 2^-52: where the true value is nearer than that to the middle of two floats, either may be right.
            double middle = Math.Abs(Math.Abs(y - (float)y) - Ulp(y) / 2) / Ulp(y);
            Assert.True(expected == result || middle < 1e-6 && Math.Abs(result - y) <= Ulp(y), $"{opcode} {x:r}: {result:r}, not {expected:r}");
            if (expected == 0) { Assert.Equal(float.IsNegative(expected), float.IsNegative(result)); }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void WithJitter_TheErrorStaysInsideTheBoundAndReachesForIt(string opcode)
    {
        ulong[] values = Arguments();
        bool ftz = opcode.Contains("ftz", StringComparison.Ordinal);
        ulong[] first = Run(1), again = Run(1), other = Run(2);
        Assert.Equal(first, again);
        double most = 0;
        int changed = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double x = Flushed(values[i], ftz), y = Functions[opcode].Exact(x), bound = Functions[opcode].Bound(x, y);
            float result = BitConverter.UInt32BitsToSingle((uint)first[i]);
            if (double.IsNaN(y)) { Assert.True(float.IsNaN(result)); continue; }
            if (!float.IsFinite((float)y) || ftz && Math.Abs(y) < 1.2e-38) { continue; }
            double error = Math.Abs(result - y);
            Assert.True(error <= Math.Max(bound, Ulp(y) / 2) * 1.000001 || opcode.StartsWith("sin", StringComparison.Ordinal) && Math.Abs(x) > 6.28,
                $"{opcode} {x:r}: {result:r} is {error / Ulp(y)} ulp from {y:r}");
            if (bound > 0) { most = Math.Max(most, error / bound); }
            changed += result == (float)y ? 0 : 1;
        }
        if (opcode.Contains("approx", StringComparison.Ordinal))
        {
            Assert.True(most > 0.9, $"{opcode}: errors reach {most} of the bound");
            Assert.True(changed > 100);
            Assert.NotEqual(first, other);
        }

        ulong[] Run(uint seed) => LaneProgram.Run(new EmulatedGpuOptions { Capability = 90, JitterSeed = seed }, $"{opcode} %d, %a;", 32, [32], values);
    }

    [Fact]
    public void DivApprox_GivesZeroForHugeDivisors()
    {
        ulong[] a = [0x3f800000, 0xbf800000, 0x7f800000, 0x40c00000], b = [0x7f000000, 0x7f000000, 0x7f000000, 0x40000000];
        Assert.Equal([0UL, 0x80000000, 0x7fffffff, 0x40400000], LaneProgram.Run("div.approx.f32 %d, %a, %b;", 32, [32, 32], a, b));
        Assert.NotEqual(0UL, LaneProgram.Run("div.full.f32 %d, %a, %b;", 32, [32, 32], a, b)[0]);
    }

    [Theory]
    [InlineData("div.approx.f32"), InlineData("div.full.f32")]
    public void DivWithJitter_IsWithinTwoUlp(string opcode)
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Single, 2, 3000, 8);
        ulong[] results = LaneProgram.Run(new EmulatedGpuOptions { Capability = 90, JitterSeed = 5 }, $"{opcode} %d, %a, %b;", 32, [32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            float a = BitConverter.UInt32BitsToSingle((uint)values[0][i]), b = BitConverter.UInt32BitsToSingle((uint)values[1][i]);
            double y = (double)a / b;
            if (!double.IsFinite(y) || y == 0 || Math.Abs(b) > 8.5e37f || !float.IsFinite((float)y)) { continue; }
            Assert.True(Math.Abs(BitConverter.UInt32BitsToSingle((uint)results[i]) - y) <= 2 * Ulp(y) * 1.000001, $"{a:r} / {b:r}");
        }
    }

    [Fact]
    public void HalfForms_RoundOnce()
    {
        ulong[] all = [.. Enumerable.Range(0, 65536).Select(bits => (ulong)bits)];
        ulong[] powers = LaneProgram.Run("ex2.approx.f16 %d, %a;", 16, [16], all),
            tanh = LaneProgram.Run("mov.b32 %r2, {%a, %a}; tanh.approx.f16x2 %d, %r2;", 32, [16], all);
        for (int i = 0; i < all.Length; i++)
        {
            double x = (double)BitConverter.UInt16BitsToHalf((ushort)i);
            if (double.IsNaN(x)) { Assert.Equal(0x7fffUL, powers[i]); continue; }
            Assert.Equal(BitConverter.HalfToUInt16Bits((Half)Math.Pow(2, x)), powers[i]);
            Assert.Equal(BitConverter.HalfToUInt16Bits((Half)Math.Tanh(x)) * 0x10001UL, tanh[i]);
        }
    }
}
