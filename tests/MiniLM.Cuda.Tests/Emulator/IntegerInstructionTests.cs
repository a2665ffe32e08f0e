using System.Numerics;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>Integer instructions of all widths against C#, with every pair of edge values.</summary>
public sealed class IntegerInstructionTests
{
    private static readonly Dictionary<string, Func<Int128, Int128, Int128, Int128>> Operations = new()
    {
        ["add"] = (a, b, c) => a + b,
        ["sub"] = (a, b, c) => a - b,
        ["mul.lo"] = (a, b, c) => a * b,
        ["min"] = (a, b, c) => Int128.Min(a, b),
        ["max"] = (a, b, c) => Int128.Max(a, b),
        ["div"] = (a, b, c) => b == 0 ? -1 : a / b,
        ["rem"] = (a, b, c) => b == 0 ? a : a % b,
        ["mad.lo"] = (a, b, c) => a * b + c,
        ["sad"] = (a, b, c) => Int128.Abs(a - b) + c,
        ["neg"] = (a, b, c) => -a,
        ["abs"] = (a, b, c) => Int128.Abs(a),
    };

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (string operation in Operations.Keys)
        {
            foreach (string type in (string[])["u16", "s16", "u32", "s32", "u64", "s64"])
            {
                if (operation is "neg" or "abs" && type[0] == 'u') { continue; }
                cases.Add(operation, type);
            }
        }
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Arithmetic_IsThatOfUnboundedIntegersCutToTheWidth(string operation, string type)
    {
        int bits = int.Parse(type[1..]), operands = operation is "neg" or "abs" ? 1 : operation is "mad.lo" or "sad" ? 3 : 2;
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, operands, 200, bits);
        string text = $"{operation}.{type} %d, {string.Join(", ", "%a %b %c".Split(' ').Take(operands))};";
        ulong[] results = LaneProgram.Run(text, bits, [.. Enumerable.Repeat(bits, operands)], values);
        for (int i = 0; i < results.Length; i++)
        {
            Int128 Value(int k) => k < operands ? Extend(values[k][i], bits, type[0] == 's') : 0;
            Assert.True(results[i] == Cut(Operations[operation](Value(0), Value(1), Value(2)), bits),
                $"{text} {Value(0)} {Value(1)} {Value(2)} gave {results[i]:x}");
        }
    }

    [Theory]
    [InlineData("u16"), InlineData("s16"), InlineData("u32"), InlineData("s32"), InlineData("u64"), InlineData("s64")]
    public void HighHalf_IsTheUpperPartOfTheProduct(string type)
    {
        int bits = int.Parse(type[1..]);
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 200, bits);
        ulong[] products = LaneProgram.Run($"mul.hi.{type} %d, %a, %b;", bits, [bits, bits], values[0], values[1]);
        ulong[] sums = LaneProgram.Run($"mad.hi.{type} %d, %a, %b, %c;", bits, [bits, bits, bits], values);
        for (int i = 0; i < products.Length; i++)
        {
            // BigInteger: the product of two unsigned 64-bit numbers does not fit Int128.
            BigInteger high = (BigInteger)Extend(values[0][i], bits, type[0] == 's') * (BigInteger)Extend(values[1][i], bits, type[0] == 's') >> bits;
            ulong expected = (ulong)(high & ulong.MaxValue);
            Assert.Equal(Cut(expected, bits), products[i]);
            Assert.Equal(Cut(expected + values[2][i], bits), sums[i]);
        }
    }

    [Theory]
    [InlineData("u16"), InlineData("s16"), InlineData("u32"), InlineData("s32")]
    public void Wide_GivesTheWholeProduct(string type)
    {
        int bits = int.Parse(type[1..]);
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 200, bits);
        ulong[] products = LaneProgram.Run($"mul.wide.{type} %d, %a, %b;", 2 * bits, [bits, bits], values[0], values[1]);
        ulong[] sums = LaneProgram.Run($"mad.wide.{type} %d, %a, %b, %c;", 2 * bits, [bits, bits, 2 * bits], values);
        for (int i = 0; i < products.Length; i++)
        {
            Int128 product = Extend(values[0][i], bits, type[0] == 's') * Extend(values[1][i], bits, type[0] == 's');
            Assert.Equal(Cut(product, 2 * bits), products[i]);
            Assert.Equal(Cut(product + (Int128)values[2][i], 2 * bits), sums[i]);
        }
    }

    [Theory]
    [InlineData("shl.b16"), InlineData("shl.b32"), InlineData("shl.b64"), InlineData("shr.u16"), InlineData("shr.s16"), InlineData("shr.b32"),
        InlineData("shr.u32"), InlineData("shr.s32"), InlineData("shr.u64"), InlineData("shr.s64")]
    public void Shift_ByTheWidthOrMoreShiftsEverythingOut(string opcode)
    {
        int bits = int.Parse(opcode[^2..]);
        bool isSigned = opcode[^3] == 's';
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 2, 200, bits);
        ulong[] results = LaneProgram.Run($"{opcode} %d, %a, %b;", bits, [bits, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            int amount = (int)Math.Min((uint)values[1][i], 64);
            Int128 a = Extend(values[0][i], bits, isSigned);
            Assert.Equal(Cut(opcode.StartsWith("shl", StringComparison.Ordinal) ? a << amount : a >> amount, bits), results[i]);
        }
    }

    [Theory]
    [InlineData("and"), InlineData("or"), InlineData("xor"), InlineData("not"), InlineData("cnot")]
    public void Logic_WorksBitByBit(string operation)
    {
        foreach (int bits in (int[])[16, 32, 64])
        {
            ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 2, 100, bits);
            bool isUnary = operation.EndsWith("not", StringComparison.Ordinal);
            ulong[] results = LaneProgram.Run($"{operation}.b{bits} %d, %a{(isUnary ? "" : ", %b")};", bits, [bits, bits], values);
            for (int i = 0; i < results.Length; i++)
            {
                ulong a = values[0][i], b = values[1][i];
                ulong expected = operation switch { "and" => a & b, "or" => a | b, "xor" => a ^ b, "not" => ~a, _ => Cut((Int128)a, bits) == 0 ? 1UL : 0 };
                Assert.Equal(Cut((Int128)expected, bits), results[i]);
            }
        }
    }

    [Fact]
    public void Counting_FindsBits()
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 1, 200, 1);
        Check("popc.b32", 32, a => (ulong)BitOperations.PopCount((uint)a));
        Check("popc.b64", 64, a => (ulong)BitOperations.PopCount(a));
        Check("clz.b32", 32, a => (ulong)BitOperations.LeadingZeroCount((uint)a));
        Check("clz.b64", 64, a => (ulong)BitOperations.LeadingZeroCount(a));
        Check("bfind.u32", 32, a => (uint)a == 0 ? uint.MaxValue : 31 - (ulong)BitOperations.LeadingZeroCount((uint)a));
        Check("bfind.s64", 64, a => (a = (long)a < 0 ? ~a : a) == 0 ? uint.MaxValue : 63 - (ulong)BitOperations.LeadingZeroCount(a));
        Check("bfind.shiftamt.u32", 32, a => (uint)a == 0 ? uint.MaxValue : (ulong)BitOperations.LeadingZeroCount((uint)a));
        Check("brev.b32", 32, a => Convert.ToUInt32(new string([.. Convert.ToString((uint)a, 2).PadLeft(32, '0').Reverse()]), 2));

        void Check(string opcode, int bits, Func<ulong, ulong> expected)
        {
            ulong[] results = LaneProgram.Run($"{opcode} %d, %a;", 32, [bits], values);
            for (int i = 0; i < results.Length; i++) { Assert.True(expected(values[0][i]) == results[i], $"{opcode} {values[0][i]:x}: {results[i]:x}"); }
        }
    }

    [Theory]
    [InlineData(0), InlineData(0x80), InlineData(0xe8), InlineData(0x96), InlineData(0xca), InlineData(0xff), InlineData(0x1b)]
    public void Lop3_LooksUpEachBitInItsTable(int table)
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 200, table);
        ulong[] results = LaneProgram.Run($"lop3.b32 %d, %a, %b, %c, {table};", 32, [32, 32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            uint expected = 0;
            for (int bit = 0; bit < 32; bit++)
            {
                int k = (int)(values[0][i] >> bit & 1) * 4 + (int)(values[1][i] >> bit & 1) * 2 + (int)(values[2][i] >> bit & 1);
                expected |= (uint)(table >> k & 1) << bit;
            }
            Assert.Equal(expected, results[i]);
        }
    }

    [Fact]
    public void Prmt_ChoosesBytesAndSigns()
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 500, 3);
        ulong[] results = LaneProgram.Run("prmt.b32 %d, %a, %b, %c;", 32, [32, 32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            byte[] bytes = [.. BitConverter.GetBytes((uint)values[0][i]), .. BitConverter.GetBytes((uint)values[1][i])];
            uint expected = 0;
            for (int k = 0; k < 4; k++)
            {
                int selector = (int)(values[2][i] >> 4 * k & 15);
                byte chosen = bytes[selector & 7];
                if (selector >= 8) { chosen = chosen >= 128 ? (byte)255 : (byte)0; }
                expected |= (uint)chosen << 8 * k;
            }
            Assert.Equal(expected, results[i]);
        }
    }

    [Theory]
    [InlineData("u32"), InlineData("s32"), InlineData("u64"), InlineData("s64")]
    public void Bfe_ExtendsTheFieldByItsSign(string type)
    {
        int bits = int.Parse(type[1..]), most = bits - 1;
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 800, 9);
        for (int i = 0; i < values[1].Length; i++) { (values[1][i], values[2][i]) = (values[1][i] % 70, values[2][i] % 70); }
        ulong[] results = LaneProgram.Run($"bfe.{type} %d, %a, %b, %c;", bits, [bits, 32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            // The ISA's own pseudocode.
            ulong a = Cut((Int128)values[0][i], bits), expected = 0;
            int position = (int)values[1][i], length = (int)values[2][i];
            ulong sign = type[0] == 'u' || length == 0 ? 0 : a >> Math.Min(position + length - 1, most) & 1;
            for (int k = 0; k <= most; k++) { expected |= (k < length && position + k <= most ? a >> position + k & 1 : sign) << k; }
            Assert.Equal(expected, results[i]);
        }
    }

    [Fact]
    public void Bfi_PutsAFieldIntoAnother()
    {
        foreach (int bits in (int[])[32, 64])
        {
            var random = new Random(bits);
            ulong[] a = new ulong[640], b = new ulong[640], field = new ulong[640];
            for (int i = 0; i < a.Length; i++)
            {
                (a[i], b[i], field[i]) = ((ulong)random.NextInt64(), (ulong)random.NextInt64(), (ulong)(random.Next(70) | random.Next(70) << 16));
            }
            ulong[] results = LaneProgram.Run($"and.b32 %r2, %c, 65535; shr.u32 %r3, %c, 16; bfi.b{bits} %d, %a, %b, %r2, %r3;", bits,
                [bits, bits, 32], a, b, field);
            for (int i = 0; i < results.Length; i++)
            {
                int position = (int)(field[i] & 0xffff), length = (int)(field[i] >> 16);
                ulong expected = Cut((Int128)b[i], bits);
                for (int k = 0; k < length && position + k < bits; k++)
                {
                    expected = expected & ~(1UL << position + k) | (a[i] >> Math.Min(k, 63) & 1) << position + k;
                }
                Assert.Equal(expected, results[i]);
            }
        }
    }

    [Theory]
    [InlineData("l.clamp"), InlineData("l.wrap"), InlineData("r.clamp"), InlineData("r.wrap")]
    public void Shf_ShiftsTwoWordsAsOne(string mode)
    {
        ulong[][] values = EdgeValues.Combinations(EdgeValues.Integer, 3, 200, 4);
        ulong[] results = LaneProgram.Run($"shf.{mode}.b32 %d, %a, %b, %c;", 32, [32, 32, 32], values);
        for (int i = 0; i < results.Length; i++)
        {
            int amount = mode.EndsWith("wrap", StringComparison.Ordinal) ? (int)(values[2][i] & 31) : (int)Math.Min((uint)values[2][i], 32);
            UInt128 both = (UInt128)(uint)values[1][i] << 32 | (uint)values[0][i];
            Assert.Equal(mode[0] == 'l' ? (uint)(both << amount >> 32) : (uint)(both >> amount), results[i]);
        }
    }

    internal static Int128 Extend(ulong value, int bits, bool isSigned)
    {
        ulong cut = bits == 64 ? value : value & (1UL << bits) - 1;
        return isSigned && (cut >> bits - 1 & 1) != 0 ? (Int128)cut - ((Int128)1 << bits) : cut;
    }

    internal static ulong Cut(Int128 value, int bits) => (ulong)(value & (((Int128)1 << bits) - 1));
}
