using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>What two embeddings are to each other.</summary>
internal enum Measure
{
    /// <summary>x y / (|x| |y|).</summary>
    Cosine,

    /// <summary>1 - cosine.</summary>
    CosineDistance,

    /// <summary>x y.</summary>
    Dot,

    /// <summary>|x - y|.</summary>
    Euclidean,

    /// <summary>The sum of |x - y| over dimensions.</summary>
    Manhattan,
}

/// <summary>A measure of two rows with its gradient; sums are in double.</summary>
/// <param name="Kind">Of measure.</param>
/// <param name="Constant">Of a cosine what a smaller norm counts as; of a distance what is added to each difference.</param>
internal readonly record struct PairMeasure(Measure Kind, double Constant)
{
    /// <summary>What smaller norms count as in torch.nn.functional.normalize and in cosine_similarity.</summary>
    internal const double NormFloor = 1e-12, CosineFloor = 1e-8;

    // Of torch.nn.functional.pairwise_distance.
    private const double Offset = 1e-6;

    /// <summary>As the definition has it.</summary>
    internal static PairMeasure Exact(Measure kind) => new(kind, kind is Measure.Cosine or Measure.CosineDistance ? NormFloor : 0);

    /// <summary>As torch's cosine_similarity and pairwise_distance have it.</summary>
    internal static PairMeasure Torch(Measure kind) => new(kind, kind is Measure.Cosine or Measure.CosineDistance ? CosineFloor : Offset);

    /// <summary>One number for each pair of rows.</summary>
    internal double[] Forward<T>(Column<T> a, Column<T> b) where T : IBinaryFloatingPointIeee754<T>
    {
        double[] values = new double[a.Rows];
        for (int row = 0; row < values.Length; row++) { values[row] = Of(a[row], b[row]); }
        return values;
    }

    /// <summary>Adds to the gradients of the columns.</summary>
    /// <param name="a">As before.</param>
    /// <param name="b">As before.</param>
    /// <param name="values">Of the pairs.</param>
    /// <param name="gradients">d loss / d value of the pairs.</param>
    internal void Backward<T>(Column<T> a, Column<T> b, ReadOnlySpan<double> values, ReadOnlySpan<double> gradients)
        where T : IBinaryFloatingPointIeee754<T>
    {
        for (int row = 0; row < gradients.Length; row++) { Backward(a[row], b[row], values[row], gradients[row], a.GradientOf(row), b.GradientOf(row)); }
    }

    internal double Of<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        switch (Kind)
        {
            case Measure.Dot: return Dot(x, y);
            case Measure.Cosine: return Dot(x, y) / (Norm(x) * Norm(y));
            case Measure.CosineDistance: return 1 - Dot(x, y) / (Norm(x) * Norm(y));
        }
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double difference = Difference(x[i], y[i]);
            sum += Kind == Measure.Manhattan ? Math.Abs(difference) : difference * difference;
        }
        return Kind == Measure.Manhattan ? sum : Math.Sqrt(sum);
    }

    /// <summary>Adds gradient x d value / d x to dx, and the like to dy. A distance of 0 has none.</summary>
    internal void Backward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, double value, double gradient, Span<T> dx, Span<T> dy)
        where T : IBinaryFloatingPointIeee754<T>
    {
        if (gradient == 0) { return; }
        if (Kind is Measure.Cosine or Measure.CosineDistance)
        {
            (double cosine, double sign) = Kind == Measure.Cosine ? (value, gradient) : (1 - value, -gradient);
            double xNorm = Norm(x), yNorm = Norm(y), both = sign / (xNorm * yNorm);
            AddCosine(x, y, both, xNorm > Constant ? sign * cosine / (xNorm * xNorm) : 0, dx);
            AddCosine(y, x, both, yNorm > Constant ? sign * cosine / (yNorm * yNorm) : 0, dy);
            return;
        }
        for (int i = 0; i < x.Length; i++)
        {
            if (Kind == Measure.Dot)
            {
                dx[i] += T.CreateTruncating(gradient * double.CreateTruncating(y[i]));
                dy[i] += T.CreateTruncating(gradient * double.CreateTruncating(x[i]));
                continue;
            }
            double difference = Difference(x[i], y[i]);
            T slope = T.CreateTruncating(gradient * (Kind == Measure.Manhattan ? Math.Sign(difference) : value > 0 ? difference / value : 0));
            dx[i] += slope;
            dy[i] -= slope;
        }
    }

    // d cosine / d x = y / (|x| |y|) - cosine x / |x|^2.
    private static void AddCosine<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, double ofY, double ofX, Span<T> dx) where T : IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Length; i++) { dx[i] += T.CreateTruncating(ofY * double.CreateTruncating(y[i]) - ofX * double.CreateTruncating(x[i])); }
    }

    private double Difference<T>(T x, T y) where T : IBinaryFloatingPointIeee754<T> =>
        double.CreateTruncating(x) - double.CreateTruncating(y) + Constant;

    private double Norm<T>(ReadOnlySpan<T> x) where T : IBinaryFloatingPointIeee754<T> => Math.Max(Math.Sqrt(Dot(x, x)), Constant);

    private static double Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++) { sum += double.CreateTruncating(x[i]) * double.CreateTruncating(y[i]); }
        return sum;
    }
}
