using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>The weighted sum of another loss over the first d dimensions of embeddings, for several d (Kusupati et al. 2022, arXiv:2205.13147).</summary>
/// <remarks>The other loss sees prefixes divided by their norm, the whole embedding too; a teacher's embeddings are cut and stay as they are.</remarks>
/// <param name="loss">The other loss.</param>
/// <param name="dimensions">Each d; in any order.</param>
/// <param name="weights">In the order of <paramref name="dimensions"/>; null: 1 each.</param>
internal sealed class MatryoshkaLoss(BiEncoderLoss loss, int[] dimensions, double[]? weights = null) : BiEncoderLoss
{
    /// <summary>How many of the dimensions a step takes, drawn by <see cref="Draw"/>; null: all.</summary>
    internal int? DimensionsPerStep { get; init; }

    /// <summary>The other loss.</summary>
    internal BiEncoderLoss Inner => loss;

    /// <summary>Of all terms of a step together; where dimensions are drawn, the mean.</summary>
    internal double Weight => (weights?.Average() ?? 1) * Math.Min(DimensionsPerStep ?? int.MaxValue, dimensions.Length);

    internal override BiEncoderInputs Requires => loss.Requires;

    internal override IReadOnlyList<LossParameter> Parameters(int width) =>
        loss.Parameters(width) is { Count: 0 } none ? none
            : throw new LossDataException($"{Name} over {loss.Name}: its trained matrix fits one number of dimensions. Take a loss without one.");

    // Without replacement, the same for the same seed and step.
    internal override int[]? Draw(ulong seed, uint step) => DimensionsPerStep is { } count && count < dimensions.Length
        ? [.. Sample.Draw(dimensions.Length, count, seed, step, stream: 0).Select(i => dimensions[i])] : null;

    internal override void CheckLabels(Labels? labels, int columns, int width)
    {
        int wrong = Array.FindIndex(dimensions, dimension => dimension < 1 || dimension > width);
        LossDataException.ThrowIf(wrong >= 0, $"{Name}: {dimensions[Math.Max(0, wrong)]} dimensions of embeddings of {width}. Give 1 to {width}.");
        loss.CheckLabels(labels, columns, width);
    }

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        int[] taken = batch.Dimensions ?? (DimensionsPerStep is null || DimensionsPerStep >= dimensions.Length ? dimensions
            : throw new ArgumentException($"{Name}: a step takes {DimensionsPerStep} of {dimensions.Length} dimensions; draw them."));
        double sum = 0;
        foreach (int dimension in taken.OrderDescending())
        {
            int place = Array.IndexOf(dimensions, dimension);
            if (place < 0) { throw new ArgumentException($"{Name}: {dimension} dimensions are not among {string.Join(", ", dimensions)}."); }
            sum += OfPrefix(batch, dimension, weights?[place] ?? 1);
        }
        return sum;
    }

    private double OfPrefix<T>(BiEncoderBatch<T> batch, int dimension, double weight) where T : IBinaryFloatingPointIeee754<T>
    {
        UnitRows<T>[] prefixes = [.. batch.Columns.Select(column => new UnitRows<T>([column], width: dimension))];
        Column<T>[] columns = [.. prefixes.Select(prefix => new Column<T>(prefix.Values, dimension))];
        double value = loss.Compute(batch with { Columns = columns, Labels = Cut(batch.Labels, batch.Width, dimension), Dimensions = null });
        for (int i = 0; i < columns.Length; i++)
        {
            for (int at = 0; at < columns[i].Gradient.Length; at++) { prefixes[i].Gradient[at] = T.CreateTruncating(weight) * columns[i].Gradient[at]; }
            prefixes[i].Backward();
        }
        return weight * value;
    }

    private Labels? Cut(Labels? labels, int width, int dimension) => labels is null || loss.Requires.Labels != LabelKind.Embedding ? labels
        : new Labels([.. labels.Values.Where((_, i) => i % width < dimension)], labels.Width / width * dimension);
}
