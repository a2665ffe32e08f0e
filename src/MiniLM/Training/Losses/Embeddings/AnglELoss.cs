using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>As CoSENTLoss, over angles in complex space (Li and Li 2023, arXiv:2309.12871).</summary>
/// <remarks>
/// Unit rows x = (x1, x2) and y = (y1, y2) in halves (an odd width gets one 0) are the complex numbers x1 + i x2; s = |x y + x2 y1 - x1 y2|. More columns than
/// two make pairs (first, second), (first, third), ...: all but the first pair have the label 1 - label, and 1 is the label where none is given.
/// </remarks>
internal sealed class AnglELoss : BiEncoderLoss
{
    internal double Scale { get; init; } = 20;

    // Labels can be absent from triplets only: pairs without labels would all be alike.
    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Tuples, 2, BiEncoderInputs.Any, LabelKind.Number) { LabelsAreOptional = true };

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        LossDataException.ThrowIf(batch.Labels is null && batch.Columns.Count == 2, $"{Name} needs labels for pairs; only triplets do without.");
        int rows = batch.Rows, others = batch.Columns.Count - 1;
        UnitRows<T> first = new([batch.Columns[0]]), second = new([.. batch.Columns.Skip(1)]);
        double[] angles = new double[rows * others], labels = new double[angles.Length], gradient = new double[angles.Length];
        for (int i = 0; i < angles.Length; i++)
        {
            double label = batch.Labels?.Values[i % rows] ?? 1;
            (angles[i], labels[i]) = (Angle<T>(first[i % rows], second[i]), i < rows ? label : 1 - label);
        }
        double[] sizes = [.. angles.Select(Math.Abs)];
        double loss = RankedPairs.Compute(sizes, labels, Scale, gradient);
        for (int i = 0; i < angles.Length; i++)
        {
            T slope = T.CreateTruncating(gradient[i] * Math.Sign(angles[i]));
            AddSlopes(first[i % rows], second[i], slope, first.GradientOf(i % rows), second.GradientOf(i));
        }
        first.Backward();
        second.Backward();
        return loss;
    }

    private static double Angle<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        int half = (x.Length + 1) / 2;
        double sum = 0;
        for (int i = 0; i < half; i++)
        {
            (double x1, double y1) = (double.CreateTruncating(x[i]), double.CreateTruncating(y[i]));
            (double x2, double y2) = half + i < x.Length ? (double.CreateTruncating(x[half + i]), double.CreateTruncating(y[half + i])) : (0, 0);
            sum += x1 * y1 + x2 * y2 + x2 * y1 - x1 * y2;
        }
        return sum;
    }

    private static void AddSlopes<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, T slope, Span<T> dx, Span<T> dy)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int half = (x.Length + 1) / 2;
        for (int i = 0; i < half; i++)
        {
            int next = half + i;
            bool isPadded = next >= x.Length;
            (T x2, T y2) = isPadded ? (T.Zero, T.Zero) : (x[next], y[next]);
            dx[i] += slope * (y[i] - y2);
            dy[i] += slope * (x[i] + x2);
            if (isPadded) { continue; }
            dx[next] += slope * (y[i] + y2);
            dy[next] += slope * (x2 - x[i]);
        }
    }
}
