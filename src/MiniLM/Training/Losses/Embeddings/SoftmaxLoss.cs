using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>A classifier over pairs of embeddings (Reimers and Gurevych 2019, arXiv:1908.10084): mean cross-entropy of W [a; b; |a - b|; a b] + bias.</summary>
internal sealed class SoftmaxLoss : BiEncoderLoss
{
    /// <summary>3 in natural-language inference: entailment, neutral, contradiction.</summary>
    internal int Classes { get; init; } = 3;

    /// <summary>a and b.</summary>
    internal bool HasEmbeddings { get; init; } = true;

    /// <summary>|a - b|.</summary>
    internal bool HasDifference { get; init; } = true;

    /// <summary>a b, by elements.</summary>
    internal bool HasProduct { get; init; }

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2, LabelKind.Class);

    internal override IReadOnlyList<LossParameter> Parameters(int width) =>
        TrainedLinear.Parameters("classifier", Classes, width * ((HasEmbeddings ? 2 : 0) + (HasDifference ? 1 : 0) + (HasProduct ? 1 : 0)));

    internal override void CheckLabels(Labels? labels, int columns, int width)
    {
        base.CheckLabels(labels, columns, width);
        int row = Array.FindIndex(labels!.Values, label => label >= Classes);
        LossDataException.ThrowIf(row >= 0, $"label {labels.Values[Math.Max(0, row)]} of row {row + 1}: {Name} was made for {Classes} classes, 0 to "
            + $"{Classes - 1}. Give num_labels.");
    }

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        int rows = batch.Rows;
        (Column<T> a, Column<T> b) = (batch.Columns[0], batch.Columns[1]);
        Column<T> features = Features(a, b);
        Column<T> logits = TrainedLinear.Forward(features, batch.Parameters);
        double sum = 0;
        for (int row = 0; row < rows; row++)
        {
            int label = (int)batch.Labels!.Values[row];
            double[] scores = new double[Classes];
            for (int i = 0; i < Classes; i++) { scores[i] = double.CreateTruncating(logits[row][i]); }
            sum += LogSumExp.CrossEntropy(scores, label);
            for (int i = 0; i < Classes; i++) { logits.GradientOf(row)[i] = T.CreateTruncating(scores[i] / rows); }
        }
        TrainedLinear.Backward(features, batch.Parameters, logits);
        for (int row = 0; row < rows; row++) { Backward(a[row], b[row], features.GradientOf(row), a.GradientOf(row), b.GradientOf(row)); }
        return sum / rows;
    }

    private Column<T> Features<T>(Column<T> a, Column<T> b) where T : IBinaryFloatingPointIeee754<T>
    {
        List<T> features = [];
        for (int row = 0; row < a.Rows; row++)
        {
            if (HasEmbeddings) { features.AddRange([.. a[row], .. b[row]]); }
            if (HasDifference) { for (int i = 0; i < a.Width; i++) { features.Add(T.Abs(a[row][i] - b[row][i])); } }
            if (HasProduct) { for (int i = 0; i < a.Width; i++) { features.Add(a[row][i] * b[row][i]); } }
        }
        return new Column<T>(features.ToArray(), features.Count / a.Rows);
    }

    private void Backward<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, ReadOnlySpan<T> features, Span<T> da, Span<T> db) where T : IBinaryFloatingPointIeee754<T>
    {
        int width = a.Length, difference = HasEmbeddings ? 2 * width : 0, product = difference + (HasDifference ? width : 0);
        for (int i = 0; i < width; i++)
        {
            if (HasEmbeddings)
            {
                da[i] += features[i];
                db[i] += features[width + i];
            }
            if (HasDifference)
            {
                T slope = features[difference + i] * T.CreateChecked(T.Sign(a[i] - b[i]));
                da[i] += slope;
                db[i] -= slope;
            }
            if (HasProduct)
            {
                da[i] += features[product + i] * b[i];
                db[i] += features[product + i] * a[i];
            }
        }
    }
}
