using MiniLM.Training.Losses;

namespace MiniLM.Tests.Training.Losses;

/// <summary>Batches of random embeddings whose rows belong together a little, as those of texts do.</summary>
internal sealed class RandomBatch(int seed)
{
    private readonly Random _random = new(seed);

    internal double Next() => 2 * _random.NextDouble() - 1;

    internal double[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => Next())];

    internal BiEncoderBatch<double> Columns(int columns, int rows, int width)
    {
        double[] common = Numbers(rows * width);
        return new BiEncoderBatch<double>(
            [.. Enumerable.Range(0, columns).Select(_ => new Column<double>(Array.ConvertAll(common, value => value + 0.8 * Next()), width))]);
    }

    internal Labels Labels(LabelKind kind, int rows, int width) => new([.. Enumerable.Range(0, rows * width).Select(_ => kind switch
    {
        LabelKind.Binary => _random.Next(2),
        LabelKind.Class => _random.Next(3),
        LabelKind.Probability => _random.NextDouble(),
        _ => Next(),
    })], width);

    /// <summary>Compares a gradient with central differences at some places.</summary>
    /// <param name="loss">Of the values.</param>
    /// <param name="values">Restored.</param>
    /// <param name="gradient">Of each.</param>
    /// <param name="count">Places that are drawn; all when there are no more.</param>
    internal void CompareWithDifferences(Func<double> loss, double[] values, ReadOnlySpan<double> gradient, int count = 40)
    {
        const double Step = 1e-6;
        double largest = 1e-3;
        foreach (double value in gradient) { largest = Math.Max(largest, Math.Abs(value)); }
        for (int i = 0; i < Math.Min(count, values.Length); i++)
        {
            int at = values.Length <= count ? i : _random.Next(values.Length);
            double before = values[at];
            values[at] = before + Step;
            double above = loss();
            values[at] = before - Step;
            double below = loss();
            values[at] = before;
            double difference = (above - below) / (2 * Step);
            Assert.True(Math.Abs(difference - gradient[at]) <= 2e-6 * largest + 1e-8, $"at {at}: gradient {gradient[at]}, difference {difference}");
        }
    }
}
