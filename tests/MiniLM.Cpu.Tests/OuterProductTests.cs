using MiniLM.Compute;
using MiniLM.Tests;
using static MiniLM.Cpu.Tests.Operands;

namespace MiniLM.Cpu.Tests;

/// <summary>Gradients of weights against sums in double over the same operands.</summary>
public sealed unsafe class OuterProductTests
{
    private const int Gap = 3; // between rows of c, and behind the channels of a

    public static TheoryData<string, Precision, bool> All() => Operands.All();

    // Rows, channels and columns in more than one chunk; strips of unequal heights; a last panel of one column, of all.
    [Theory, MemberData(nameof(All))]
    public void Add_OfEverySizeAgreesWithSumsInDouble(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        (int, int, int)[] sizes =
        [
            (1, 1, 32), (2, 3, 40), (3, 2, 1), (4, 6, 31), (5, 7, 33), (7, 14, 64), (33, 15, 33), (1100, 29, 70), (9, 20, 420), (100, 386, 97),
        ];
        foreach ((int rows, int channels, int columns) in sizes) { Check(products, precision, rows, channels, columns); }
    }

    private static void Check(ProductKernels products, Precision precision, int rows, int channels, int columns)
    {
        Random random = new(5);
        int words = Floats(products, rows), width = PackedLinear.PanelsOf(columns) * Gemm.Columns, aStride = channels + Gap, cStride = columns + Gap;
        using GuardedBuffer a = GuardedBuffer.NaN((words - 1) * aStride + channels), b = new(words * width),
            c = GuardedBuffer.Normal(random, (channels - 1) * cStride + columns);
        for (int i = 0; i < c.Count; i++) { if (i % cStride >= columns) { c.Span[i] = float.NaN; } }
        float[] before = c.Span.ToArray();
        double[] left = Fill(a, aStride, channels), right = Fill(b, width, columns);
        products.AddOuter(a.Pointer, aStride, channels, b.Pointer, width, columns, words, c.Pointer, cStride);
        for (int i = 0; i < c.Count; i++)
        {
            (int channel, int column) = (i / cStride, i % cStride);
            if (column >= columns)
            {
                Assert.True(float.IsNaN(c.Span[i]), "what lies between rows was written");
                continue;
            }
            double sum = before[i], magnitude = Math.Abs(sum);
            for (int row = 0; row < rows; row++)
            {
                double product = left[row * channels + channel] * right[row * columns + column];
                sum += product;
                magnitude += Math.Abs(product);
            }
            Tiers.Close(sum, c.Span[i], Math.ScaleB((8 + Math.Sqrt(rows)) * magnitude, -24) + 1e-30, $"{rows} rows, [{channel}, {column}]");
        }

        // Row r, column i in word [r / group][i], part r % group; what has no neighbour stands beside 0.
        double[] Fill(GuardedBuffer buffer, int stride, int used)
        {
            double[] values = new double[rows * used];
            for (int row = 0; row < words * products.Group; row++)
            {
                for (int i = 0; i < used; i++)
                {
                    float value = row < rows ? Draw(random, precision) : 0;
                    Write(products, buffer.Pointer, (row / products.Group * stride + i) * products.Group + row % products.Group, value);
                    if (row < rows) { values[row * used + i] = value; }
                }
            }
            return values;
        }
    }

    // Threads cut the channels as they like.
    [Theory, MemberData(nameof(All))]
    public void Add_GivesAChannelTheSameBitsAmongAnyOthers(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        const int Channels = 29, Columns = 96, Words = 37;
        Random random = new(6);
        using GuardedBuffer a = new(Words * Channels), b = new(Words * Columns), together = new(Channels * Columns), cut = new(Channels * Columns);
        for (int i = 0; i < a.Count * products.Group; i++) { Write(products, a.Pointer, i, Draw(random, precision)); }
        for (int i = 0; i < b.Count * products.Group; i++) { Write(products, b.Pointer, i, Draw(random, precision)); }
        products.AddOuter(a.Pointer, Channels, Channels, b.Pointer, Columns, Columns, Words, together.Pointer, Columns);
        for (int first = 0, count = 1; first < Channels; first += count, count++)
        {
            count = Math.Min(count, Channels - first);
            products.AddOuter(a.Pointer + first, Channels, count, b.Pointer, Columns, Columns, Words, cut.Pointer + first * Columns, Columns);
        }
        Assert.Equal(together.Span.ToArray(), cut.Span.ToArray());
    }

    [Theory, MemberData(nameof(All))]
    public void Add_KeepsNaNInItsChannelAndColumn(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        const int Channels = 15, Columns = 32, Words = 6;
        for (int at = 0; at < Words * products.Group; at++)
        {
            using GuardedBuffer a = new(Words * Channels), b = new(Words * Columns), c = new(Channels * Columns);
            (int word, int part) = (at / products.Group, at % products.Group);
            Write(products, a.Pointer, (word * Channels + at) * products.Group + part, float.NaN);
            Write(products, b.Pointer, (word * Columns + 2 * at) * products.Group + part, float.NaN);
            products.AddOuter(a.Pointer, Channels, Channels, b.Pointer, Columns, Columns, Words, c.Pointer, Columns);
            for (int i = 0; i < c.Count; i++) { Assert.Equal(i / Columns == at || i % Columns == 2 * at ? float.NaN : 0, c.Span[i]); }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Add_OfNoRowsChangesNothing(string tier, Precision precision, bool rounded)
    {
        using GuardedBuffer one = GuardedBuffer.NaN(32), c = GuardedBuffer.Normal(new Random(1), 32);
        float[] before = c.Span.ToArray();
        Products(tier, precision, rounded).AddOuter(one.Pointer, 1, 1, one.Pointer, 32, 32, 0, c.Pointer, 32);
        Assert.Equal(before, c.Span.ToArray());
    }
}
