namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>fp32, fp64 and fp16 arithmetic: IEEE rounding, one NaN, flushing, saturation, min and max.</summary>
public sealed class FloatInstructionTests
{
    private static float F(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(float value) => float.IsNaN(value) ? 0x7fffffff : BitConverter.SingleToUInt32Bits(value);

    private static float Flush(float value) => Math.Abs(value) < BitConverter.UInt32BitsToSingle(0x00800000) ? float.CopySign(0, value) : value;

    private static float Saturate(float value) => value > 0 ? Math.Min(value, 1) : 0;

    public static TheoryData<string> SingleOpcodes() =>
    [
        "add.rn.f32", "add.f32", "add.ftz.f32", "add.rn.ftz.sat.f32", "sub.rn.f32", "sub.ftz.f32", "mul.rn.f32", "mul.f32", "mul.rn.ftz.f32", "mul.sat.f32",
        "fma.rn.f32", "fma.rn.ftz.f32", "fma.rn.sat.f32", "div.rn.f32", "div.rn.ftz.f32",
    ];

    [Theory, MemberData(nameof(SingleOpcodes))]
    public void Single_RoundsOnceToNearest(string opcode)
    {
        string root = opcode[..3];
        int operands = root == "fma" ? 3 : 2;
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Single, operands, 1000, 5);
        ulong[] results = LaneProgram.Run($"{opcode} %d, %a, %b{(operands == 3 ? ", %c" : "")};", 32, [.. Enumerable.Repeat(32, operands)], values);
        bool ftz = opcode.Contains("ftz", StringComparison.Ordinal), sat = opcode.Contains("sat", StringComparison.Ordinal);
        for (int i = 0; i < results.Length; i++)
        {
            float Value(int k) => k >= operands ? 0 : ftz ? Flush(F(values[k][i])) : F(values[k][i]);
            float expected = root switch
            {
                "add" => Value(0) + Value(1),
                "sub" => Value(0) - Value(1),
                "mul" => Value(0) * Value(1),
                "div" => Value(0) / Value(1),
                _ => MathF.FusedMultiplyAdd(Value(0), Value(1), Value(2)),
            };
            if (ftz) { expected = Flush(expected); }
            if (sat) { expected = Saturate(expected); }
            Assert.True(Bits(expected) == results[i], $"{opcode} {values[0][i]:x8} {values[1][i]:x8} gave {results[i]:x8}, not {Bits(expected):x8}");
        }
    }

    [Theory]
    [InlineData("min.f32"), InlineData("max.f32"), InlineData("min.ftz.f32"), InlineData("max.ftz.f32"), InlineData("min.NaN.f32"), InlineData("max.NaN.f32")]
    public void MinMax_GiveTheOtherOperandForOneNaN(string opcode)
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Single, 2, 200, 6);
        ulong[] results = LaneProgram.Run($"{opcode} %d, %a, %b;", 32, [32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            float a = F(values[0][i]), b = F(values[1][i]);
            if (opcode.Contains("ftz", StringComparison.Ordinal)) { (a, b) = (Flush(a), Flush(b)); }
            float expected = opcode.StartsWith("min", StringComparison.Ordinal) ? float.MinNumber(a, b) : float.MaxNumber(a, b);
            if (opcode.Contains("NaN", StringComparison.Ordinal) && (float.IsNaN(a) || float.IsNaN(b))) { expected = float.NaN; }
            Assert.True(Bits(expected) == results[i], $"{opcode} {values[0][i]:x8} {values[1][i]:x8} gave {results[i]:x8}, not {Bits(expected):x8}");
        }
    }

    [Fact]
    public void Signs_AreBits()
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Single, 2, 50, 7);
        Assert.Equal(values[0].Select(a => (ulong)(uint)a ^ 0x80000000), LaneProgram.Run("neg.f32 %d, %a;", 32, [32, 32], values));
        Assert.Equal(values[0].Select(a => a & 0x7fffffff), LaneProgram.Run("abs.f32 %d, %a;", 32, [32, 32], values));
        Assert.Equal(values[0].Select((a, i) => a & 0x80000000 | values[1][i] & 0x7fffffff), LaneProgram.Run("copysign.f32 %d, %a, %b;", 32, [32, 32], values));
        Assert.Equal(values[0].Select(a => Bits(Flush(-F(a)))).Where(bits => bits != 0x7fffffff),
            LaneProgram.Run("neg.ftz.f32 %d, %a;", 32, [32, 32], values).Where(bits => !float.IsNaN(F(bits))));
    }

    [Theory]
    [InlineData("add.rn.f64"), InlineData("sub.f64"), InlineData("mul.rn.f64"), InlineData("div.rn.f64"), InlineData("fma.rn.f64"), InlineData("min.f64"),
        InlineData("max.f64"), InlineData("sqrt.rn.f64"), InlineData("rcp.rn.f64"), InlineData("neg.f64"), InlineData("abs.f64")]
    public void Double_IsThatOfCSharp(string opcode)
    {
        string root = opcode[..opcode.IndexOf('.')];
        int operands = root switch { "fma" => 3, "sqrt" or "rcp" or "neg" or "abs" => 1, _ => 2 };
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Double, operands, 300, 8);
        ulong[] results = LaneProgram.Run($"{opcode} %d, {string.Join(", ", "%a %b %c".Split(' ').Take(operands))};", 64,
            [.. Enumerable.Repeat(64, operands)], values);
        for (int i = 0; i < results.Length; i++)
        {
            double Value(int k) => k < operands ? BitConverter.UInt64BitsToDouble(values[k][i]) : 0;
            (double a, double b) = (Value(0), Value(1));
            double expected = root switch
            {
                "add" => a + b,
                "sub" => a - b,
                "mul" => a * b,
                "div" => a / b,
                "fma" => Math.FusedMultiplyAdd(a, b, Value(2)),
                "min" => double.MinNumber(a, b),
                "max" => double.MaxNumber(a, b),
                "sqrt" => Math.Sqrt(a),
                "rcp" => 1 / a,
                "neg" => -a,
                _ => Math.Abs(a),
            };
            if (double.IsNaN(expected)) { Assert.True(double.IsNaN(BitConverter.UInt64BitsToDouble(results[i]))); }
            else { Assert.Equal(BitConverter.DoubleToUInt64Bits(expected), results[i]); }
        }
    }

    [Theory]
    [InlineData("add.f16"), InlineData("sub.rn.f16"), InlineData("mul.f16"), InlineData("min.f16"), InlineData("max.f16"), InlineData("fma.rn.f16"),
        InlineData("neg.f16"), InlineData("abs.f16")]
    [InlineData("add.f16x2"), InlineData("sub.f16x2"), InlineData("mul.rn.f16x2"), InlineData("min.f16x2"), InlineData("max.f16x2"), InlineData("fma.rn.f16x2"),
        InlineData("neg.f16x2"), InlineData("abs.f16x2")]
    public void Half_RoundsOnce(string opcode)
    {
        string root = opcode[..3];
        bool isPair = opcode.EndsWith("x2", StringComparison.Ordinal);
        int operands = root switch { "fma" => 3, "neg" or "abs" => 1, _ => 2 }, bits = isPair ? 32 : 16;
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Half, operands, 1500, 9);
        ulong[] results = LaneProgram.Run($"{opcode} %d, {string.Join(", ", "%a %b %c".Split(' ').Take(operands))};", bits,
            [.. Enumerable.Repeat(bits, operands)], values);
        for (int i = 0; i < results.Length; i++)
        {
            for (int half = 0; half < (isPair ? 2 : 1); half++)
            {
                double Value(int k) => k < operands ? (double)BitConverter.UInt16BitsToHalf((ushort)(values[k][i] >> 16 * half)) : 0;
                (double a, double b) = (Value(0), Value(1));
                ulong found = results[i] >> 16 * half & 0xffff;
                if (root is "neg" or "abs")
                {
                    Assert.Equal(root == "neg" ? values[0][i] >> 16 * half & 0xffff ^ 0x8000 : values[0][i] >> 16 * half & 0x7fff, found);
                    continue;
                }
                // Doubles are exact here, but for the sum of fma: decimal is exact for that.
                Half expected = root switch
                {
                    "add" => (Half)(a + b),
                    "sub" => (Half)(a - b),
                    "mul" => (Half)(a * b),
                    "min" => (Half)double.MinNumber(a, b),
                    "max" => (Half)double.MaxNumber(a, b),
                    _ => ExactFma(a, b, Value(2)),
                };
                if (Half.IsNaN(expected)) { Assert.Equal(0x7fffUL, found); }
                else
                {
                    Assert.True(BitConverter.HalfToUInt16Bits(expected) == found,
                        $"{opcode} {a} {b} {Value(2)}: {found:x4}, not {BitConverter.HalfToUInt16Bits(expected):x4}");
                }
            }
        }
    }

    /// <summary>Every fp16 product and sum is a multiple of 2^-48 below 2^33: an integer of 82 bits.</summary>
    private static Half ExactFma(double a, double b, double c)
    {
        double rounded = a * b + c;
        if (!double.IsFinite(rounded) || rounded == 0) { return (Half)rounded; }
        Int128 exact = (Int128)Math.ScaleB(a, 24) * (Int128)Math.ScaleB(b, 24) + ((Int128)Math.ScaleB(c, 24) << 24);
        if (exact == 0) { return (Half)0; }
        // Two bits more than fp16 and a sticky one, in a double, which is then rounded once.
        Int128 magnitude = Int128.Abs(exact);
        int drop = Math.Max(0, (int)(128 - Int128.LeadingZeroCount(magnitude)) - 50);
        Int128 kept = magnitude >> drop;
        if (kept << drop != magnitude) { kept |= 1; }
        double value = Math.ScaleB((double)(long)kept, drop - 48);
        return (Half)(exact < 0 ? -value : value);
    }

    [Fact]
    public void Constants_AreBitsOrValues()
    {
        ulong[] zeros = new ulong[32];
        Assert.Equal(0x40490fdbUL, LaneProgram.Run("mov.f32 %d, 0f40490FDB;", 32, [32], zeros)[0]);
        Assert.Equal(0x400921fb54442d18UL, LaneProgram.Run("mov.f64 %d, 0d400921FB54442D18;", 64, [32], zeros)[0]);
        Assert.Equal(Bits(1.5f), LaneProgram.Run("mov.f32 %d, 1.5;", 32, [32], zeros)[0]);
        Assert.Equal(Bits(-2f), LaneProgram.Run("mov.f32 %d, -2.0;", 32, [32], zeros)[0]);
        Assert.Equal(0xffffffffUL, LaneProgram.Run("mov.u32 %d, -1;", 32, [32], zeros)[0]);
        Assert.Equal(255UL, LaneProgram.Run("mov.u32 %d, 0xFF;", 32, [32], zeros)[0]);
        Assert.Equal(8UL, LaneProgram.Run("mov.u32 %d, 010;", 32, [32], zeros)[0]);
        Assert.Equal(5UL, LaneProgram.Run("mov.u32 %d, 0b101U;", 32, [32], zeros)[0]);
    }

    [Fact]
    public void WithoutRounding_FmaIsRefused() =>
        Assert.Contains(".rn", Assert.Throws<KernelRefusedException>(() => LaneProgram.Run("fma.f32 %d, %a, %a, %a;", 32, [32], new ulong[32])).Message,
            StringComparison.Ordinal);
}
