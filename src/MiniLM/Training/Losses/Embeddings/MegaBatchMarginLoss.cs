using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Each row against the hardest negative of a big batch (Wieting and Gimpel 2018).</summary>
/// <remarks>
/// Mean over rows of max(0, positive margin - cos(a_i, b_i)) + max(0, max over j other than i of cos(a_i, b_j) - negative margin); of equal ones the first.
/// </remarks>
internal sealed class MegaBatchMarginLoss : BiEncoderLoss
{
    internal MegaBatchMarginLoss() => MiniBatchSize = 50;

    internal double PositiveMargin { get; init; } = .8;

    internal double NegativeMargin { get; init; } = .3;

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Pairs, 2, 2);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        UnitRows<T> a = new([batch.Columns[0]]), b = new([batch.Columns[1]]);
        SimilarityBlock<T> block = new(a, b);
        double sum = 0;
        for (int first = 0; first < batch.Rows; first += SimilarityBlock<T>.Rows)
        {
            int count = Math.Min(SimilarityBlock<T>.Rows, batch.Rows - first);
            block.Forward(first, count);
            for (int row = 0; row < count; row++) { sum += OfRow(block[row], first + row); }
            block.Backward(count);
        }
        a.Backward();
        b.Backward();
        return sum / batch.Rows;
    }

    // Makes gradients of cosines.
    private double OfRow<T>(Span<T> cosines, int own) where T : IBinaryFloatingPointIeee754<T>
    {
        int hardest = -1;
        for (int i = 0; i < cosines.Length; i++)
        {
            if (i != own && (hardest < 0 || cosines[i] > cosines[hardest])) { hardest = i; }
        }
        T slope = T.One / T.CreateChecked(cosines.Length);
        double positive = PositiveMargin - double.CreateTruncating(cosines[own]);
        double negative = hardest < 0 ? 0 : double.CreateTruncating(cosines[hardest]) - NegativeMargin;
        cosines.Clear();
        if (positive > 0) { cosines[own] = -slope; }
        if (negative > 0) { cosines[hardest] = slope; }
        return Math.Max(0, positive) + Math.Max(0, negative);
    }
}
