using MiniLM.Compute;
using MiniLM.Tests;
using static MiniLM.Cpu.Tests.Operands;

namespace MiniLM.Cpu.Tests;

/// <summary>Products of operands of 16 bits, in hardware and rounded, against sums in double over the same operands.</summary>
public sealed unsafe class ProductKernelsTests
{
    private const int Columns = Gemm.Columns;

    public static TheoryData<string, Precision, bool> All() => Operands.Of16Bits();

    [Theory, MemberData(nameof(All))]
    public void Convert_RoundsToTheNearestAndTiesToEven(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        uint[] bits =
        [
            0x3f800000, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0xbf808000, 0xbf818000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0, 0x80000000,
            0x47800000, 0x477fefff, 0x477ff000, 0x3f801000, 0x3f803000, 0x00800000, 0x7f7f7fff,
        ];
        foreach (int count in new[] { 32, 64, 96 })
        {
            using GuardedBuffer from = GuardedBuffer.Normal(new Random(count), count), to = GuardedBuffer.NaN(count);
            for (int i = 0; i < bits.Length; i++) { from.Span[i] = BitConverter.UInt32BitsToSingle(bits[i]); }
            float* end = to.Pointer + count - count * products.Size / 4; // against the guard
            products.Convert(from.Pointer, end, count);
            for (int i = 0; i < count; i++) { Assert.Equal(Rounded(from.Span[i], precision), Read(products, end, i)); }
        }
    }

    // Every exponent, around every half of a last place.
    [Fact]
    public void Rounding_IsThatOfTheRuntimesHalfAndOfTheFilesBFloat16()
    {
        List<float> values = [];
        for (uint exponent = 0; exponent < 256; exponent++)
        {
            foreach (uint mantissa in new uint[] { 0, 1, 0xfff, 0x1000, 0x1001, 0x2000, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001, 0x17fff, 0x18000,
                0x18001, 0x400000, 0x7fe000, 0x7fefff, 0x7ff000, 0x7f8000, 0x7fffff })
            {
                foreach (uint sign in new[] { 0u, 0x80000000u }) { values.Add(BitConverter.UInt32BitsToSingle(sign | (exponent << 23) | mantissa)); }
            }
        }
        float[] from = [.. values], half = new float[from.Length], brain = new float[from.Length];
        fixed (float* f = from, h = half, b = brain)
        {
            Rounding.ToFloat16(f, h, from.Length);
            Rounding.ToBFloat16(f, b, from.Length);
        }
        for (int i = 0; i < from.Length; i++)
        {
            if (float.IsNaN(from[i])) { Assert.True(float.IsNaN(half[i]) && float.IsNaN(brain[i])); continue; }
            Assert.Equal(BitConverter.SingleToUInt32Bits(Rounded(from[i], Precision.Float16)), BitConverter.SingleToUInt32Bits(half[i]));
            Assert.Equal(BitConverter.SingleToUInt32Bits(Rounded(from[i], Precision.BFloat16)), BitConverter.SingleToUInt32Bits(brain[i]));
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Convert_KeepsNaN(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        using GuardedBuffer from = new(32), to = new(32);
        uint[] bits = [0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x7f800001, 0xff800001, 0x7fbfffff];
        for (int i = 0; i < 32; i++) { from.Span[i] = BitConverter.UInt32BitsToSingle(bits[i % bits.Length]); }
        products.Convert(from.Pointer, to.Pointer, 32);
        for (int i = 0; i < 32; i++) { Assert.True(float.IsNaN(Read(products, to.Pointer, i)), $"{bits[i % bits.Length]:x}"); }
    }

    [Theory, MemberData(nameof(All))]
    public void Strip_OfEveryHeightEpilogueAndStore_AgreesWithSumsInDouble(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            foreach (Store store in Enum.GetValues<Store>())
            {
                foreach (int rows in Tiers.Heights(products))
                {
                    foreach (int groups in new[] { 1, 2, 3, 4, 7, 33 })
                    {
                        Check(products, precision, epilogue, store, rows, groups, withStart: groups % 2 == 1);
                    }
                }
            }
        }
    }

    private static void Check(ProductKernels products, Precision precision, Epilogue epilogue, Store store, int rows, int groups, bool withStart)
    {
        const int Panels = 2, N = Panels * Columns;
        int group = products.Group, k = groups * group, size = store == Store.Operand ? products.Size : sizeof(float);
        Random random = new(rows * 1000 + k);
        using GuardedBuffer a = new(rows * groups), b = new(groups * N), start = GuardedBuffer.Normal(random, N),
            residual = GuardedBuffer.Normal(random, rows * N), scale = GuardedBuffer.Normal(random, rows), c = GuardedBuffer.NaN(rows * N * size / 4);
        for (int i = 0; i < rows * k; i++) { Write(products, a.Pointer, i, Rounded(random.NextSingle() - .5f, precision)); }
        for (int i = 0; i < N * k; i++) { Write(products, b.Pointer, i, Rounded(random.NextSingle() - .5f, precision)); }
        var call = new GemmCall
        {
            A = a.Pointer,
            AStride = k * products.Size,
            B = b.Pointer,
            K = groups,
            Panels = Panels,
            Start = withStart ? start.Pointer : null,
            C = c.Pointer,
            CStride = N * size,
            CPanel = Columns * size,
            Residual = residual.Pointer,
            ResidualStride = N * sizeof(float),
            RowScale = scale.Pointer,
        };
        products.GemmStrip(epilogue, store, &call, rows);
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < N; column++)
            {
                double sum = withStart ? start.Span[column] : 0, magnitude = Math.Abs(sum);
                for (int i = 0; i < k; i++)
                {
                    // [panel][k / group][32][group]
                    int place = (((column / Columns * groups) + i / group) * Columns + column % Columns) * group + i % group;
                    double product = (double)Read(products, a.Pointer, row * k + i) * Read(products, b.Pointer, place);
                    sum += product;
                    magnitude += Math.Abs(product);
                }
                double expected = GemmTests.Finished(epilogue, sum, residual.Span[row * N + column], scale.Span[row]);
                double tolerance = (k + 2) * Math.ScaleB(1.2 * magnitude + Math.Abs(expected), -23);
                if (GemmTests.IsCurve(epilogue)) { tolerance += products.Group == 2 ? 3e-4 : 2e-6; }
                if (store == Store.Operand) { tolerance += Math.ScaleB(Math.Abs(expected) + tolerance, precision == Precision.Float16 ? -11 : -8) + 3e-8; }
                float actual = store == Store.Operand ? Read(products, c.Pointer, row * N + column) : c.Span[row * N + column];
                Tiers.Close(expected, actual, tolerance, $"{epilogue}, {store}, {rows} rows, k {k}, [{row}, {column}]");
                if (store == Store.Operand) { Assert.Equal(Rounded(actual, precision), actual); }
            }
        }
    }

    [Fact]
    public void PairRows_PutsNeighboursSideBySideAndZerosBesideTheLast()
    {
        Assert.SkipUnless(System.Runtime.Intrinsics.X86.Avx2.IsSupported, "skipped: only AVX-512 needs pairs");
        foreach ((int rows, int width) in new[] { (1, 16), (2, 32), (5, 48), (8, 16) })
        {
            const int Padding = 7;
            ushort[] from = [.. Enumerable.Range(1, rows * (width + Padding)).Select(value => (ushort)value)];
            int pairs = (rows + 1) / 2, stride = 2 * width + Padding;
            ushort[] to = [.. Enumerable.Repeat((ushort)9999, pairs * stride)];
            fixed (ushort* source = from, target = to) { PairRows.Forward(source, width + Padding, rows, width, target, stride); }
            for (int pair = 0; pair < pairs; pair++)
            {
                for (int i = 0; i < stride; i++)
                {
                    int row = 2 * pair + i % 2, column = i / 2;
                    ushort expected = i >= 2 * width ? (ushort)9999 : row < rows ? from[row * (width + Padding) + column] : (ushort)0;
                    Assert.Equal(expected, to[pair * stride + i]);
                }
            }
        }
    }
}
