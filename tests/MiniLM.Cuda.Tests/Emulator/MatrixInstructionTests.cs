using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>ldmatrix and mma against plain definitions of their fragments.</summary>
public sealed class MatrixInstructionTests
{
    private const string Address = "mov.u32 %r1, smem; ";

    /// <summary>Element (row, column) of an 8x8 matrix is 8 * row + column + 64 * matrix; rows lie 32 bytes apart in a mixed order.</summary>
    [Theory]
    [InlineData(1, false), InlineData(2, false), InlineData(4, false), InlineData(1, true), InlineData(2, true), InlineData(4, true)]
    public void Ldmatrix_GivesEachLaneTwoNeighboursOfARow(int matrices, bool isTransposed)
    {
        // Row r of matrix j at 32 * (8 j + (r ^ 5)); lane 8 j + r has its address.
        string store = string.Concat(Enumerable.Range(0, 4).Select(k => $"mad.lo.u32 %r2, %t, 8, {2 * k}; add.u32 %r3, %r2, 1; mov.b32 {{%h1, _}}, %r2; "
            + $"mov.b32 {{%h2, _}}, %r3; mov.b32 %r4, {{%h1, %h2}}; st.shared.b32 [%r6+{4 * k}], %r4; "));
        string registers = string.Join(",", Enumerable.Range(10, matrices).Select(k => $"%r{k}"));
        string save = string.Concat(Enumerable.Range(0, matrices).Select(k => $"st.global.u32 [%mine+{128 * k}], %r{10 + k}; "));
        uint[] output = new SmallKernel($"{Address} xor.b32 %r5, %t, 5; mad.lo.u32 %r6, %r5, 32, %r1; {store} bar.warp.sync -1; "
            + $"ldmatrix.sync.aligned.m8n8.x{matrices}{(isTransposed ? ".trans" : "")}.shared.b16 {{{registers}}}, [%r6]; {save}")
        { SharedBytes = 1024, OutputWords = 128 }.Run();
        for (int j = 0; j < matrices; j++)
        {
            for (int lane = 0; lane < 32; lane++)
            {
                int row = lane >> 2, column = 2 * (lane & 3);
                int Element(int r, int c) => 64 * j + 8 * r + c;
                (int low, int high) = isTransposed ? (Element(column, row), Element(column + 1, row)) : (Element(row, column), Element(row, column + 1));
                Assert.Equal((uint)(low | high << 16), output[32 * j + lane]);
            }
        }
    }

    /// <summary>Runs one mma over random fragments, which are given as matrices.</summary>
    private static float[,] Multiply(double[,] a, double[,] b, float[,] c, string type, EmulatedGpuOptions options)
    {
        int depth = a.GetLength(1), aRegisters = depth / 4, bRegisters = depth / 8;
        uint Bits(double value) => type == "f16" ? BitConverter.HalfToUInt16Bits((Half)value) : BitConverter.SingleToUInt32Bits((float)value) >> 16;
        uint[] input = new uint[32 * 10];
        for (int lane = 0; lane < 32; lane++)
        {
            (int g, int q) = (lane >> 2, lane & 3);
            for (int r = 0; r < aRegisters; r++)
            {
                (int row, int column) = (g + 8 * (r & 1), 2 * q + 8 * (r >> 1));
                input[32 * r + lane] = Bits(a[row, column]) | Bits(a[row, column + 1]) << 16;
            }
            for (int r = 0; r < bRegisters; r++) { input[32 * (4 + r) + lane] = Bits(b[2 * q + 8 * r, g]) | Bits(b[2 * q + 8 * r + 1, g]) << 16; }
            for (int i = 0; i < 4; i++) { input[32 * (6 + i) + lane] = BitConverter.SingleToUInt32Bits(c[g + 8 * (i >> 1), 2 * q + (i & 1)]); }
        }
        string load = "mad.wide.u32 %x1, %t, 4, %in; " + string.Concat(Enumerable.Range(0, 6).Select(k => $"ld.global.b32 %r{k}, [%x1+{128 * k}]; "))
            + string.Concat(Enumerable.Range(0, 4).Select(k => $"ld.global.f32 %f{k}, [%x1+{128 * (6 + k)}]; "));
        string A = string.Join(",", Enumerable.Range(0, aRegisters).Select(k => $"%r{k}")),
            B = string.Join(",", Enumerable.Range(4, bRegisters).Select(k => $"%r{k}"));
        uint[] output = new SmallKernel($"{load} mma.sync.aligned.m16n8k{depth}.row.col.f32.{type}.{type}.f32 {{%f0,%f1,%f2,%f3}}, {{{A}}}, {{{B}}}, "
            + $"{{%f0,%f1,%f2,%f3}}; " + string.Concat(Enumerable.Range(0, 4).Select(k => $"st.global.f32 [%mine+{128 * k}], %f{k}; ")))
        { Input = input, OutputWords = 128, Options = options }.Run();
        var d = new float[16, 8];
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < 4; i++) { d[(lane >> 2) + 8 * (i >> 1), 2 * (lane & 3) + (i & 1)] = BitConverter.UInt32BitsToSingle(output[32 * i + lane]); }
        }
        return d;
    }

    private static double[,] Random(Random random, int rows, int columns, string type)
    {
        var values = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < columns; k++)
            {
                double value = random.Next(8) == 0 ? Math.ScaleB(random.NextDouble() - 0.5, random.Next(-20, 12)) : random.NextDouble() * 2 - 1;
                values[i, k] = type == "f16"
                    ? (double)(Half)value
                    : BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits((float)value) & 0xffff0000);
            }
        }
        return values;
    }

    public static TheoryData<string, int, int> Forms()
    {
        var forms = new TheoryData<string, int, int>();
        foreach (string type in (string[])["f16", "bf16"])
        {
            foreach (int depth in (int[])[8, 16]) { foreach (MmaMode mode in Enum.GetValues<MmaMode>()) { forms.Add(type, depth, (int)mode); } }
        }
        return forms;
    }

    [Theory, MemberData(nameof(Forms))]
    public void Mma_IsTheProductOfItsFragments(string type, int depth, int mode)
    {
        var random = new Random(depth + mode);
        for (int repeat = 0; repeat < 4; repeat++)
        {
            double[,] a = Random(random, 16, depth, type), b = Random(random, depth, 8, type);
            var c = new float[16, 8];
            for (int i = 0; i < 128; i++) { c[i / 8, i % 8] = (float)(random.NextDouble() * 4 - 2); }
            float[,] d = Multiply(a, b, c, type, new EmulatedGpuOptions { Mma = (MmaMode)mode, IsChecked = true });
            for (int row = 0; row < 16; row++)
            {
                for (int column = 0; column < 8; column++)
                {
                    double sum = c[row, column], magnitude = Math.Abs(sum);
                    float rising = c[row, column], falling = c[row, column];
                    for (int k = 0; k < depth; k++)
                    {
                        sum += a[row, k] * b[k, column];
                        magnitude += Math.Abs(a[row, k] * b[k, column]);
                        rising = MathF.FusedMultiplyAdd((float)a[row, k], (float)b[k, column], rising);
                        falling = MathF.FusedMultiplyAdd((float)a[row, depth - 1 - k], (float)b[depth - 1 - k, column], falling);
                    }
                    switch ((MmaMode)mode)
                    {
                        case MmaMode.Fused: Assert.Equal(rising, d[row, column]); break;
                        case MmaMode.Reverse: Assert.Equal(falling, d[row, column]); break;
                        case MmaMode.Exact: Assert.Equal(sum, d[row, column], Math.Abs(sum) * 6.1e-8); break;
                        // A truncation per term and group: at most a unit of the last place of the largest each.
                        default: Assert.Equal(sum, d[row, column], magnitude * (depth + 4) * 1.2e-7); break;
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(4, 23), InlineData(8, 24), InlineData(16, 25)]
    public void MmaTruncate_CutsBelowTheLargestExponent(int group, int bits)
    {
        // c = 1 and one product of 2^-n: it survives while n is not above the number of fraction bits that are kept, and fp32 keeps 23 of the sum of two.
        for (int n = 20; n <= 26; n++)
        {
            var a = new double[16, 16];
            var b = new double[16, 8];
            (a[0, 0], b[0, 0]) = (Math.ScaleB(1, -n / 2), Math.ScaleB(1, -(n - n / 2)));
            (a[0, 1], b[1, 0]) = (a[0, 0], b[0, 0]);
            var c = new float[16, 8];
            c[0, 0] = 1;
            float expected = n <= bits ? (float)(Math.Floor(Math.ScaleB(1 + Math.ScaleB(1, 1 - n), 23)) * Math.ScaleB(1, -23)) : 1;
            MmaMode mode = group switch { 4 => MmaMode.Truncate4, 8 => MmaMode.Truncate8, _ => MmaMode.Truncate16 };
            Assert.Equal(expected, Multiply(a, b, c, "f16", new EmulatedGpuOptions { Mma = mode })[0, 0]);
        }
    }

    [Fact]
    public void Mma_OfOneElementDependsOnItsRowAndColumnOnly()
    {
        var random = new Random(1);
        double[,] a = Random(random, 16, 16, "f16"), b = Random(random, 16, 8, "f16");
        var c = new float[16, 8];
        float[,] all = Multiply(a, b, c, "f16", new EmulatedGpuOptions());
        for (int row = 0; row < 16; row++) { for (int k = 0; k < 16; k++) { if (row != 3) { a[row, k] = double.NaN; } } }
        for (int k = 0; k < 16; k++) { for (int column = 0; column < 8; column++) { if (column != 5) { b[k, column] = double.PositiveInfinity; } } }
        float[,] one = Multiply(a, b, c, "f16", new EmulatedGpuOptions());
        Assert.Equal(all[3, 5], one[3, 5]);
        Assert.True(float.IsNaN(one[0, 5]));
    }

    /// <summary>Fragments are converted once for a run of products: registers that change in between, and operands that are used again, must be seen.</summary>
    [Fact]
    public void Mma_SeesRegistersThatChangeBetweenProducts()
    {
        string Product(string d, string a, string b) =>
            $"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {{{d},{d}0,{d}1,{d}2}}, {{{a},{a}}}, {{{b}}}, {{%f1,%f1,%f1,%f1}}; ";
        uint[] output = new SmallKernel($"""
            mov.f32 %f1, 0f00000000; mov.b32 %r1, 0x3c003c00; mov.b32 %r2, 0x40004000; mov.b32 %r3, 0x42004200;
            {Product("%f2", "%r1", "%r2")} {Product("%f3", "%r1", "%r3")} mov.b32 %r1, %r3; {Product("%f4", "%r1", "%r2")}
            mov.u32 %r5, 0; LOOP: {Product("%f5", "%r1", "%r2")} add.u32 %r5, %r5, 1; mov.b32 %r2, %r1; setp.lt.u32 %p1, %r5, 2; @%p1 bra LOOP;
            st.global.f32 [%mine], %f2; st.global.f32 [%mine+128], %f3; st.global.f32 [%mine+256], %f4; st.global.f32 [%mine+384], %f5;
            """) { OutputWords = 128 }.Run();
        Assert.Equal([16f, 24f, 48f, 72f], ((int[])[0, 32, 64, 96]).Select(i => BitConverter.UInt32BitsToSingle(output[i])));
    }

    [Theory]
    [InlineData("m8n8k16", "s8", "s8"), InlineData("m16n8k16", "s8", "u8"), InlineData("m16n8k32", "u8", "s8"), InlineData("m16n8k32", "u8", "u8")]
    public void IntegerMma_IsTheProductOfItsFragments(string shape, string aType, string bType)
    {
        var random = new Random(7);
        int rows = shape[1] == '8' ? 8 : 16, depth = int.Parse(shape[^2..]), aRegisters = rows * depth / 128, bRegisters = depth / 16, sums = rows / 4;
        uint[] input = [.. Enumerable.Range(0, 320).Select(_ => (uint)random.NextInt64())];
        string load = "mad.wide.u32 %x1, %t, 4, %in; " + string.Concat(Enumerable.Range(0, 10).Select(k => $"ld.global.b32 %r{k}, [%x1+{128 * k}]; "));
        string List(int from, int count) => "{" + string.Join(",", Enumerable.Range(from, count).Select(k => $"%r{k}")) + "}";
        uint[] output = new SmallKernel(
            $"{load} mma.sync.aligned.{shape}.row.col.s32.{aType}.{bType}.s32 {List(10, sums)}, {List(0, aRegisters)}, {List(4, bRegisters)}, {List(6, sums)}; "
            + string.Concat(Enumerable.Range(0, sums).Select(k => $"st.global.u32 [%mine+{128 * k}], %r{10 + k}; ")))
        { Input = input, OutputWords = 128 }.Run();
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < 8; column++)
            {
                int c = row / 8 * 2 + (column & 1), lane = row % 8 * 4 + column / 2;
                int sum = (int)input[32 * (6 + c) + lane];
                for (int k = 0; k < depth; k++)
                {
                    // A: row g + 8 (r mod 2), columns 4 q to 4 q + 3, + 16 for r of 2, 3. B: rows 4 q to 4 q + 3 + 16 r, column g.
                    byte x = (byte)(input[32 * (row / 8 + 2 * (k / 16)) + row % 8 * 4 + k % 16 / 4] >> 8 * (k % 4)),
                        y = (byte)(input[32 * (4 + k / 16) + column * 4 + k % 16 / 4] >> 8 * (k % 4));
                    sum += (aType == "s8" ? (sbyte)x : x) * (bType == "s8" ? (sbyte)y : y);
                }
                Assert.Equal((uint)sum, output[32 * c + lane]);
            }
        }
    }
}
