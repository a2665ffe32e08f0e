using MiniLM.Training.Losses;

namespace MiniLM.Tests.Training.Losses;

public sealed class RowProductsTests
{
    public static TheoryData<int, int, int> Shapes()
    {
        TheoryData<int, int, int> shapes = [];
        foreach (int width in new[] { 1, 3, 4, 7, 8, 9, 16, 31, 33 })
        {
            foreach ((int rows, int columns) in new[] { (1, 1), (2, 3), (3, 4), (5, 9), (1, 8) }) { shapes.Add(rows, columns, width); }
        }
        return shapes;
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Products_AreThoseOfTheDefinition(int rows, int columns, int width)
    {
        RandomBatch random = new(rows * 1000 + columns * 100 + width);
        double[] a = random.Numbers(rows * width), b = random.Numbers(columns * width), c = new double[rows * columns];
        RowProducts.Scalar<double>(a, b, width, c);
        double[] y = random.Numbers(rows * width), z = random.Numbers(columns * width), expectedY = [.. y], expectedZ = [.. z];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                double sum = 0;
                for (int i = 0; i < width; i++)
                {
                    sum += a[row * width + i] * b[column * width + i];
                    expectedY[row * width + i] += c[row * columns + column] * b[column * width + i];
                    expectedZ[column * width + i] += c[row * columns + column] * a[row * width + i];
                }
                Assert.Equal(sum, c[row * columns + column], 1e-13);
            }
        }
        RowProducts.AddProduct<double>(c, b, width, y);
        RowProducts.AddTransposedProduct<double>(c, a, width, z);
        Assert.Equal(expectedY, y, (left, right) => Math.Abs(left - right) < 1e-12);
        Assert.Equal(expectedZ, z, (left, right) => Math.Abs(left - right) < 1e-12);
    }

    // A guide's similarity of two equal texts is compared with >: it must not depend on where they stand.
    [Fact]
    public void EqualRows_HaveEqualBitsWhereverTheyStand()
    {
        const int Width = 37;
        float[] row = [.. new RandomBatch(1).Numbers(Width).Select(value => (float)value)];
        float[] rows = [.. Enumerable.Repeat(row, 7).SelectMany(values => values)], products = new float[49];
        RowProducts.Scalar<float>(rows, rows, Width, products);
        Assert.Single(products.Distinct());
    }
}
