using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>How far an embedding is from a teacher's.</summary>
internal enum DistillMetric
{
    /// <summary>Mean over dimensions of the squared difference.</summary>
    Mse,

    /// <summary>|x - y|.</summary>
    L2,

    /// <summary>1 - cosine.</summary>
    Cosine,
}

/// <summary>A student's embeddings against a teacher's: the mean over rows and columns of a distance (Kim et al. 2023, arXiv:2301.12005).</summary>
/// <remarks>
/// Labels of a row: the teacher's embedding, for all columns, or one for each column after another. A student of another width than the teacher's is projected:
/// x W^T + bias, both trained.
/// </remarks>
internal class EmbedDistillLoss : BiEncoderLoss
{
    internal DistillMetric Metric { get; init; } = DistillMetric.Cosine;

    /// <summary>The teacher's width; null: the student's, without a projection.</summary>
    internal int? ProjectionWidth { get; init; }

    internal override BiEncoderInputs Requires =>
        new("texts with a teacher's embeddings", 1, BiEncoderInputs.Any, LabelKind.Embedding) { HasManyLabels = true };

    internal override IReadOnlyList<LossParameter> Parameters(int width) =>
        ProjectionWidth is { } outputs ? TrainedLinear.Parameters("projection", outputs, width) : [];

    internal override void CheckLabels(Labels? labels, int columns, int width)
    {
        base.CheckLabels(labels, columns, width);
        width = ProjectionWidth ?? width;
        LossDataException.ThrowIf(labels!.Width != width && labels.Width != columns * width,
            $"{Name} takes a teacher's embedding of {width} numbers as label of a row, or one for each of {columns} columns, not {labels.Width} numbers; "
            + "a teacher of another width needs a projection: give projection_dim, its width.");
    }

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        int columns = batch.Columns.Count, width = ProjectionWidth ?? batch.Width;
        Labels labels = batch.Labels!;
        double sum = 0;
        for (int column = 0; column < columns; column++)
        {
            Column<T> student = batch.Columns[column], projected = ProjectionWidth is null ? student : TrainedLinear.Forward(student, batch.Parameters);
            int start = labels.Width == width ? 0 : column * width;
            for (int row = 0; row < batch.Rows; row++)
            {
                sum += OfRow(projected[row], labels[row].Slice(start, width), 1.0 / (batch.Rows * columns), projected.GradientOf(row));
            }
            if (ProjectionWidth is not null) { TrainedLinear.Backward(student, batch.Parameters, projected); }
        }
        return sum;
    }

    private double OfRow<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> teacher, double weight, Span<T> gradient) where T : IBinaryFloatingPointIeee754<T>
    {
        double[] student = new double[x.Length], slopes = new double[x.Length], unused = new double[x.Length];
        for (int i = 0; i < x.Length; i++) { student[i] = double.CreateTruncating(x[i]); }
        double value;
        if (Metric == DistillMetric.Mse) { value = SquaredError.Mean(student, teacher, slopes); }
        else
        {
            PairMeasure measure = Metric == DistillMetric.L2 ? PairMeasure.Exact(Measure.Euclidean) : PairMeasure.Torch(Measure.CosineDistance);
            value = measure.Of<double>(student, teacher);
            measure.Backward<double>(student, teacher, value, 1, slopes, unused);
        }
        for (int i = 0; i < x.Length; i++) { gradient[i] += T.CreateTruncating(weight * slopes[i]); }
        return weight * value;
    }
}
