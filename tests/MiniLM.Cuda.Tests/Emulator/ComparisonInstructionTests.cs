namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>setp, set, selp, slct, testp: every comparison of every type.</summary>
public sealed class ComparisonInstructionTests
{
    [Theory]
    [InlineData("u16"), InlineData("s16"), InlineData("b16"), InlineData("u32"), InlineData("s32"), InlineData("b32"), InlineData("u64"),
        InlineData("s64"), InlineData("b64")]
    public void Setp_OfIntegers(string type)
    {
        int bits = int.Parse(type[1..]);
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 2, 200, bits);
        string[] names = type[0] switch
        {
            'b' => ["eq", "ne"],
            'u' => ["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"],
            _ => ["eq", "ne", "lt", "le", "gt", "ge"],
        };
        foreach (string name in names)
        {
            ulong[] results = LaneProgram.Run($"setp.{name}.{type} %p, %a, %b; selp.b32 %d, 1, 0, %p;", 32, [bits, bits], values);
            for (int i = 0; i < results.Length; i++)
            {
                Int128 a = IntegerInstructionTests.Extend(values[0][i], bits, type[0] == 's'),
                    b = IntegerInstructionTests.Extend(values[1][i], bits, type[0] == 's');
                bool expected = name switch
                {
                    "eq" => a == b,
                    "ne" => a != b,
                    "lt" or "lo" => a < b,
                    "le" or "ls" => a <= b,
                    "gt" or "hi" => a > b,
                    _ => a >= b,
                };
                Assert.True(results[i] == (expected ? 1UL : 0), $"setp.{name}.{type} {a} {b}");
            }
        }
    }

    [Theory]
    [InlineData("f32"), InlineData("f64"), InlineData("f16")]
    public void Setp_OfFloatsKnowsNaN(string type)
    {
        int bits = int.Parse(type[1..]);
        ulong[] edges = bits switch { 32 => EdgeValues.Single, 64 => EdgeValues.Double, _ => EdgeValues.Half };
        ulong[][] values = EdgeValues.Combinations(edges, 2, 200, bits);
        foreach (string name in (string[])["eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"])
        {
            ulong[] results = LaneProgram.Run($"setp.{name}.{type} %p, %a, %b; selp.b32 %d, 1, 0, %p;", 32, [bits, bits], values);
            for (int i = 0; i < results.Length; i++)
            {
                double Value(ulong v) => bits switch
                {
                    32 => BitConverter.UInt32BitsToSingle((uint)v),
                    64 => BitConverter.UInt64BitsToDouble(v),
                    _ => (double)BitConverter.UInt16BitsToHalf((ushort)v),
                };
                double a = Value(values[0][i]), b = Value(values[1][i]);
                bool isNaN = double.IsNaN(a) || double.IsNaN(b), isUnordered = name.Length == 3 && name != "num" && name != "nan";
                bool ordered = name[..2] switch
                {
                    "eq" => a == b,
                    "ne" => a < b || a > b,
                    "lt" => a < b,
                    "le" => a <= b,
                    "gt" => a > b,
                    "ge" => a >= b,
                    _ => false,
                };
                bool expected = name switch { "num" => !isNaN, "nan" => isNaN, _ => isUnordered ? isNaN || ordered : ordered };
                Assert.True(results[i] == (expected ? 1UL : 0), $"setp.{name}.{type} {a} {b}");
            }
        }
    }

    [Fact]
    public void Setp_CombinesWithAnotherPredicateAndGivesTheInverse()
    {
        ulong[][] values = EdgeValues.Combinations([0, 1, 2, 3], 3, 0, 1);
        ulong[] results = LaneProgram.Run(
            "setp.ne.u32 %p, %c, 0; .reg .pred %s, %t; setp.lt.and.u32 %s|%t, %a, %b, !%p; selp.b32 %r2, 1, 0, %s; selp.b32 %r3, 2, 0, %t; "
                + "setp.lt.xor.u32 %s, %a, %b, %p; selp.b32 %d, 4, 0, %s; or.b32 %d, %d, %r2; or.b32 %d, %d, %r3;",
            32, [32, 32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            bool less = values[0][i] < values[1][i], p = values[2][i] != 0;
            Assert.Equal((less && !p ? 1UL : 0) | (!less && !p ? 2UL : 0) | (less ^ p ? 4UL : 0), results[i]);
        }
    }

    [Fact]
    public void Predicates_HaveLogic()
    {
        ulong[] a = [.. Enumerable.Range(0, 32).Select(i => (ulong)i)];
        ulong[] results = LaneProgram.Run("""
            .reg .pred %s, %t;
            and.b32 %r2, %a, 1; setp.ne.u32 %p, %r2, 0; and.b32 %r2, %a, 2; setp.ne.u32 %q, %r2, 0;
            and.pred %s, %p, %q; selp.b32 %d, 1, 0, %s; or.pred %s, %p, %q; selp.b32 %r3, 2, 0, %s; or.b32 %d, %d, %r3;
            xor.pred %s, %p, %q; selp.b32 %r3, 4, 0, %s; or.b32 %d, %d, %r3; not.pred %s, %p; selp.b32 %r3, 8, 0, %s; or.b32 %d, %d, %r3;
            mov.pred %t, %q; selp.b32 %r3, 16, 0, %t; or.b32 %d, %d, %r3;
            """, 32, [32], a);
        for (int i = 0; i < 32; i++)
        {
            bool p = (i & 1) != 0, q = (i & 2) != 0;
            Assert.Equal((p && q ? 1UL : 0) | (p || q ? 2UL : 0) | (p ^ q ? 4UL : 0) | (p ? 0 : 8UL) | (q ? 16UL : 0), results[i]);
        }
    }

    [Fact]
    public void Set_GivesAllOnesOrOnePointZero()
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Single, 2, 50, 2);
        ulong[] masks = LaneProgram.Run("set.lt.u32.f32 %d, %a, %b;", 32, [32, 32], values),
            ones = LaneProgram.Run("set.geu.f32.f32 %d, %a, %b;", 32, [32, 32], values);
        for (int i = 0; i < masks.Length; i++)
        {
            bool less = BitConverter.UInt32BitsToSingle((uint)values[0][i]) < BitConverter.UInt32BitsToSingle((uint)values[1][i]);
            Assert.Equal(less ? uint.MaxValue : 0, masks[i]);
            Assert.Equal(less ? 0UL : 0x3f800000, ones[i]);
        }
    }

    [Fact]
    public void SelpAndSlct_Choose()
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 200, 3);
        ulong[] wide = LaneProgram.Run("setp.lt.s32 %p, %c, 5; selp.b64 %d, %a, %b, %p;", 64, [64, 64, 32], values);
        ulong[] signed = LaneProgram.Run("slct.u32.s32 %d, %a, %b, %c;", 32, [32, 32, 32], values);
        ulong[] single = LaneProgram.Run("slct.u64.f32 %d, %a, %b, %c;", 64, [64, 64, 32], values);
        for (int i = 0; i < wide.Length; i++)
        {
            Assert.Equal((int)values[2][i] < 5 ? values[0][i] : values[1][i], wide[i]);
            Assert.Equal((uint)((int)values[2][i] >= 0 ? values[0][i] : values[1][i]), signed[i]);
            Assert.Equal(BitConverter.UInt32BitsToSingle((uint)values[2][i]) >= 0 ? values[0][i] : values[1][i], single[i]);
        }
    }

    [Theory]
    [InlineData("finite"), InlineData("infinite"), InlineData("number"), InlineData("notanumber"), InlineData("normal"), InlineData("subnormal")]
    public void Testp_ClassifiesNumbers(string name)
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Single, 1, 200, 4);
        ulong[] results = LaneProgram.Run($"testp.{name}.f32 %p, %a; selp.b32 %d, 1, 0, %p;", 32, [32], values);
        for (int i = 0; i < results.Length; i++)
        {
            float a = BitConverter.UInt32BitsToSingle((uint)values[0][i]);
            bool expected = name switch
            {
                "finite" => float.IsFinite(a),
                "infinite" => float.IsInfinity(a),
                "number" => !float.IsNaN(a),
                "notanumber" => float.IsNaN(a),
                "normal" => float.IsNormal(a),
                _ => float.IsSubnormal(a),
            };
            Assert.Equal(expected ? 1UL : 0, results[i]);
        }
    }

    [Theory]
    [InlineData("setp.lo.s32"), InlineData("setp.lt.b32"), InlineData("setp.ltu.u32"), InlineData("setp.hs.f32")]
    public void Setp_RefusesComparisonsThatTheTypeDoesNotHave(string opcode) =>
        Assert.Throws<KernelRefusedException>(() => LaneProgram.Run($"{opcode} %p, %a, %a; selp.b32 %d, 1, 0, %p;", 32, [32], new ulong[32]));
}
