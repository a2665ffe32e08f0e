namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>cvt between all types, by the ISA's rules.</summary>
public sealed class ConversionInstructionTests
{
    private static readonly string[] IntegerTypes = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"];

    [Fact]
    public void IntegersToIntegers_ExtendCutOrSaturate()
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 1, 200, 1);
        foreach (string from in IntegerTypes)
        {
            foreach (string to in IntegerTypes)
            {
                int fromBits = int.Parse(from[1..]), toBits = int.Parse(to[1..]), source = Math.Max(16, fromBits), result = Math.Max(16, toBits);
                ulong[] plain = LaneProgram.Run($"cvt.{to}.{from} %d, %a;", result, [source], values),
                    saturated = LaneProgram.Run($"cvt.sat.{to}.{from} %d, %a;", result, [source], values);
                for (int i = 0; i < plain.Length; i++)
                {
                    Int128 value = IntegerInstructionTests.Extend(values[0][i], fromBits, from[0] == 's');
                    Int128 least = to[0] == 's' ? -((Int128)1 << toBits - 1) : 0, most = ((Int128)1 << toBits - (to[0] == 's' ? 1 : 0)) - 1;
                    Int128 cut = IntegerInstructionTests.Extend(IntegerInstructionTests.Cut(value, toBits), toBits, to[0] == 's');
                    Assert.True(IntegerInstructionTests.Cut(cut, result) == plain[i], $"cvt.{to}.{from} {value}: {plain[i]:x}");
                    Assert.True(IntegerInstructionTests.Cut(Int128.Clamp(value, least, most), result) == saturated[i],
                        $"cvt.sat.{to}.{from} {value}: {saturated[i]:x}");
                }
            }
        }
    }

    [Fact]
    public void WiderRegisters_HoldNarrowTypes()
    {
        ulong[] values = [0x1122334455667788, 0xffffffff80000000, 0x00000000ffffff80];
        Assert.Equal([0x88UL, 0x00, 0x80], LaneProgram.Run("cvt.u32.u8 %d, %a;", 32, [64], values));
        Assert.Equal([0xffffff88UL, 0, 0xffffff80], LaneProgram.Run("cvt.s32.s8 %d, %a;", 32, [64], values));
        Assert.Equal([0xffffffffffffff88UL, 0, 0xffffffffffffff80], LaneProgram.Run("cvt.s8.s64 %d, %a;", 64, [64], values));
    }

    [Theory]
    [InlineData("f32"), InlineData("f64"), InlineData("f16")]
    public void FloatsToIntegers_RoundAndClampAndTurnNaNToZero(string from)
    {
        int bits = int.Parse(from[1..]);
        ulong[] edges = bits switch
        {
            32 => [.. EdgeValues.Single, 0x4f000000, 0xcf000000, 0x5f000000, 0x40200000, 0xc0200000, 0x40600000],
            64 => EdgeValues.Double,
            _ => [.. EdgeValues.Half, 0x4100, 0xc100, 0x4300],
        };
        ulong[][] values = EdgeValues.Combinations(edges, 1, 300, 2);
        foreach (string to in IntegerTypes)
        {
            foreach (string rounding in (string[])["rni", "rzi", "rmi", "rpi"])
            {
                int toBits = int.Parse(to[1..]), result = Math.Max(16, toBits);
                ulong[] results = LaneProgram.Run($"cvt.{rounding}.{to}.{from} %d, %a;", result, [bits], values);
                for (int i = 0; i < results.Length; i++)
                {
                    double value = Value(values[0][i], bits);
                    double rounded = rounding switch
                    {
                        "rni" => Math.Round(value, MidpointRounding.ToEven),
                        "rzi" => Math.Truncate(value),
                        "rmi" => Math.Floor(value),
                        _ => Math.Ceiling(value),
                    };
                    Int128 least = to[0] == 's' ? -((Int128)1 << toBits - 1) : 0, most = ((Int128)1 << toBits - (to[0] == 's' ? 1 : 0)) - 1;
                    Int128 expected = double.IsNaN(value) ? 0 : rounded >= 1e30 ? most : rounded <= -1e30 ? least : Int128.Clamp((Int128)rounded, least, most);
                    Assert.True(IntegerInstructionTests.Cut(expected, result) == results[i], $"cvt.{rounding}.{to}.{from} {value}: {results[i]:x}");
                }
            }
        }
    }

    [Fact]
    public void IntegersToFloats_RoundOnceAsTold()
    {
        ulong[][] values = EdgeValues.Combinations([.. EdgeValues.Integer, 0x1000001, 0x1000003, 0xfffffff000000001, 0x8000008000000001, 0x0020000000000001,
            65504, 65519, 65520, 2049], 1, 500, 3);
        foreach (string from in IntegerTypes)
        {
            foreach (string rounding in (string[])["rn", "rz", "rm", "rp"])
            {
                int bits = int.Parse(from[1..]), source = Math.Max(16, bits);
                ulong[] single = LaneProgram.Run($"cvt.{rounding}.f32.{from} %d, %a;", 32, [source], values);
                ulong[] half = LaneProgram.Run($"cvt.{rounding}.f16.{from} %d, %a;", 16, [source], values);
                for (int i = 0; i < single.Length; i++)
                {
                    Int128 value = IntegerInstructionTests.Extend(values[0][i], bits, from[0] == 's');
                    Assert.True(Nearest(value, rounding, 24, 127) == BitConverter.UInt32BitsToSingle((uint)single[i]),
                        $"cvt.{rounding}.f32.{from} {value}: {single[i]:x}");
                    Assert.True(Nearest(value, rounding, 11, 15) == (double)BitConverter.UInt16BitsToHalf((ushort)half[i]),
                        $"cvt.{rounding}.f16.{from} {value}: {half[i]:x}");
                }
            }
        }
    }

    /// <summary>An integer rounded to some bits, by integer arithmetic.</summary>
    private static double Nearest(Int128 value, string rounding, int precision, int largestExponent)
    {
        Int128 magnitude = Int128.Abs(value);
        int drop = Math.Max(0, 128 - (int)Int128.LeadingZeroCount(magnitude) - precision);
        Int128 kept = magnitude >> drop, lost = magnitude - (kept << drop), half = drop == 0 ? 0 : (Int128)1 << drop - 1;
        bool isUp = rounding switch
        {
            "rn" => drop > 0 && (lost > half || lost == half && (kept & 1) != 0),
            "rz" => false,
            "rm" => lost != 0 && value < 0,
            _ => lost != 0 && value > 0,
        };
        double result = Math.ScaleB((double)(long)(kept + (isUp ? 1 : 0)), drop);
        double largest = Math.ScaleB(2 - Math.ScaleB(1, 1 - precision), largestExponent);
        if (result > largest)
        {
            result = rounding == "rn" || rounding == "rp" && value > 0 || rounding == "rm" && value < 0 ? double.PositiveInfinity : largest;
        }
        return value < 0 ? -result : result;
    }

    [Fact]
    public void Fp32ToFp16_RoundsLikeCSharpWithOneNaN()
    {
        ulong[][] values = EdgeValues.Combinations([.. EdgeValues.Single, 0x477fe000, 0x477fefff, 0x477ff000, 0x33000000, 0x33000001, 0x387fc000, 0x387fe000,
            0x38800000, 0x33800000], 2, 4000, 4);
        // Random bits are mostly out of range: bring exponents to fp16's.
        for (int i = 1000; i < values[0].Length; i++) { values[0][i] = values[0][i] & 0x807fffff | (ulong)(96 + i % 50) << 23; }
        ulong[] rounded = LaneProgram.Run("cvt.rn.f16.f32 %h1, %a; mov.b32 %d, {%h1, %h1};", 32, [32], values[0]),
            packed = LaneProgram.Run("cvt.rn.f16x2.f32 %d, %a, %b;", 32, [32, 32], values);
        ulong[] bfloat = LaneProgram.Run("cvt.rn.bf16x2.f32 %d, %a, %b;", 32, [32, 32], values),
            cut = LaneProgram.Run("cvt.rz.f16.f32 %h1, %a; mov.b32 %d, {%h1, %h1};", 32, [32], values[0]);
        for (int i = 0; i < rounded.Length; i++)
        {
            float a = BitConverter.UInt32BitsToSingle((uint)values[0][i]), b = BitConverter.UInt32BitsToSingle((uint)values[1][i]);
            Assert.Equal(Half16(a), rounded[i] & 0xffff);
            Assert.Equal(Half16(a) << 16 | Half16(b), packed[i]);
            Assert.Equal(Bfloat(a) << 16 | Bfloat(b), bfloat[i]);
            double zero = (double)BitConverter.UInt16BitsToHalf((ushort)cut[i]);
            if (float.IsFinite(a))
            {
                Assert.True(Math.Abs(zero) <= Math.Abs(a)
                    && Math.Abs(zero) >= Math.Min(65504, Math.Abs(a) - Math.Max(Math.Abs(a) / 1024, 6e-8)), $"rz {a}: {zero}");
            }
        }

        static ulong Half16(float value) => float.IsNaN(value) ? 0x7fffUL : BitConverter.HalfToUInt16Bits((Half)value);

        static ulong Bfloat(float value)
        {
            if (float.IsNaN(value)) { return 0x7fff; }
            // To nearest even by comparing the two neighbours.
            uint bits = BitConverter.SingleToUInt32Bits(value), down = bits >> 16, rest = bits & 0xffff;
            return rest > 0x8000 || rest == 0x8000 && (down & 1) != 0 ? down + 1 : down;
        }
    }

    [Fact]
    public void Fp16ToFp32_IsExactForAllBits()
    {
        ulong[] all = [.. Enumerable.Range(0, 65536).Select(bits => (ulong)bits)];
        ulong[] results = LaneProgram.Run("cvt.f32.f16 %d, %a;", 32, [16], all),
            back = LaneProgram.Run("cvt.f32.f16 %f1, %a; cvt.rn.f16.f32 %d, %f1;".Replace("%f1", "%r2"), 16, [16], all);
        for (int i = 0; i < all.Length; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            Assert.Equal(float.IsNaN(expected) ? 0x7fffffffUL : BitConverter.SingleToUInt32Bits(expected), results[i]);
            Assert.Equal(float.IsNaN(expected) ? 0x7fffUL : (ulong)i, back[i]);
        }
    }

    [Fact]
    public void Bf16ToFp32_IsAShift()
    {
        ulong[] values = [0x3f80, 0xc000, 0x7f80, 0x0001];
        Assert.Equal(values.Select(bits => bits << 16), LaneProgram.Run("cvt.f32.bf16 %d, %a;", 32, [16], values));
    }

    [Fact]
    public void Fp64ToFp32_RoundsAsTold()
    {
        ulong[][] values = EdgeValues.Combinations([.. EdgeValues.Double, 0x3ff0000010000000, 0x3ff0000010000001, 0x47efffffefffffff, 0x47effffff0000000,
            0x36a0000000000000, 0x3690000000000000, 0x380fffffffffffff], 1, 500, 5);
        foreach (string rounding in (string[])["rn", "rz", "rm", "rp"])
        {
            ulong[] results = LaneProgram.Run($"cvt.{rounding}.f32.f64 %d, %a;", 32, [64], values);
            for (int i = 0; i < results.Length; i++)
            {
                double value = BitConverter.UInt64BitsToDouble(values[0][i]);
                float result = BitConverter.UInt32BitsToSingle((uint)results[i]);
                if (double.IsNaN(value)) { Assert.Equal(0x7fffffffUL, results[i]); continue; }
                if (rounding == "rn") { Assert.Equal((float)value, result); continue; }
                bool isBelow = rounding == "rm" || rounding == "rz" && value > 0;
                Assert.True(isBelow ? result <= value : result >= value, $"{rounding} {value}: {result}");
                if (result != value)
                {
                    Assert.True(isBelow ? MathF.BitIncrement(result) > value : MathF.BitDecrement(result) < value, $"{rounding} {value}: {result}");
                }
            }
        }
        Assert.Equal([0x4000000000000000UL], LaneProgram.Run("cvt.f64.f32 %d, %a;", 64, [32], [0x40000000]));
    }

    [Fact]
    public void Fp32ToFp32_RoundsToIntegersFlushesAndSaturates()
    {
        ulong[] values = [0x3fc00000, 0x40200000, 0xbfc00000, 0x00000001, 0x7fc00000, 0xc0000000, 0x3e800000];
        Assert.Equal([0x40000000UL, 0x40000000, 0xc0000000, 0, 0x7fffffff, 0xc0000000, 0], LaneProgram.Run("cvt.rni.f32.f32 %d, %a;", 32, [32], values));
        Assert.Equal([0x3f800000UL, 0x40000000, 0xc0000000, 0, 0x7fffffff, 0xc0000000, 0], LaneProgram.Run("cvt.rmi.f32.f32 %d, %a;", 32, [32], values));
        Assert.Equal([0x3f800000UL, 0x3f800000, 0, 1, 0, 0, 0x3e800000], LaneProgram.Run("cvt.sat.f32.f32 %d, %a;", 32, [32], values));
        Assert.Equal(0UL, LaneProgram.Run("cvt.ftz.f32.f32 %d, %a;", 32, [32], values)[3]);
    }

    [Theory]
    [InlineData("cvt.f16.f32"), InlineData("cvt.f32.f64"), InlineData("cvt.f32.s32"), InlineData("cvt.s32.f32"), InlineData("cvt.rn.s32.f32"),
        InlineData("cvt.rni.f32.s32"), InlineData("cvt.rn.u32.s32")]
    public void RoundingsTheIsaDemands_AreDemanded(string opcode)
    {
        string[] parts = opcode.Split('.');
        int from = int.Parse(parts[^1][1..]), to = int.Parse(parts[^2][1..]);
        Assert.Throws<KernelRefusedException>(() => LaneProgram.Run($"{opcode} %d, %a;", to, [from], new ulong[1]));
    }

    private static double Value(ulong bits, int width) => width switch
    {
        32 => BitConverter.UInt32BitsToSingle((uint)bits),
        64 => BitConverter.UInt64BitsToDouble(bits),
        _ => (double)BitConverter.UInt16BitsToHalf((ushort)bits),
    };
}
