using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Different rows should be as orthogonal as random ones (Zhang et al. 2017, arXiv:1708.06320). It is added to another loss.</summary>
/// <remarks>
/// For each column, over its ordered pairs of different rows: mean weight x (mean cosine)^2 + second-moment weight x max(0, mean cosine^2 - 1 / width);
/// the mean over columns, or the sum.
/// </remarks>
internal sealed class GlobalOrthogonalRegularizationLoss : BiEncoderLoss
{
    /// <summary>0 leaves the term out.</summary>
    internal double MeanWeight { get; init; } = 1;

    /// <summary>0 leaves the term out.</summary>
    internal double SecondMomentWeight { get; init; } = 1;

    /// <summary>The sum over columns, not the mean.</summary>
    internal bool IsSum { get; init; }

    internal override BiEncoderInputs Requires => new("texts", 1, BiEncoderInputs.Any);

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        (double mean, double secondMoment) = Terms(batch);
        return mean + secondMoment;
    }

    /// <summary>Both terms, of which the loss is the sum; adds its gradient.</summary>
    internal (double Mean, double SecondMoment) Terms<T>(BiEncoderBatch<T> batch) where T : IBinaryFloatingPointIeee754<T>
    {
        double weight = IsSum ? 1 : 1.0 / batch.Columns.Count, mean = 0, secondMoment = 0;
        foreach (Column<T> column in batch.Columns)
        {
            UnitRows<T> rows = new([column]);
            double pairs = Math.Max(1, (double)rows.Rows * (rows.Rows - 1)), first = 0, second = 0;
            OverPairs(rows, isBackward: false, cosine =>
            {
                first += cosine / pairs;
                second += cosine * cosine / pairs;
                return 0;
            });
            double excess = Math.Max(0, second - 1.0 / column.Width);
            mean += MeanWeight * weight * first * first;
            secondMoment += SecondMomentWeight * weight * excess;
            double ofMean = 2 * MeanWeight * weight * first / pairs, ofSecond = excess > 0 ? 2 * SecondMomentWeight * weight / pairs : 0;
            OverPairs(rows, isBackward: true, cosine => ofMean + ofSecond * cosine);
            rows.Backward();
        }
        return (mean, secondMoment);
    }

    // The cosines are computed twice rather than kept.
    private static void OverPairs<T>(UnitRows<T> rows, bool isBackward, Func<double, double> slope) where T : IBinaryFloatingPointIeee754<T>
    {
        SimilarityBlock<T> block = new(rows, rows);
        for (int first = 0; first < rows.Rows; first += SimilarityBlock<T>.Rows)
        {
            int count = Math.Min(SimilarityBlock<T>.Rows, rows.Rows - first);
            block.Forward(first, count);
            for (int row = 0; row < count; row++)
            {
                Span<T> cosines = block[row];
                for (int i = 0; i < cosines.Length; i++)
                {
                    cosines[i] = i == first + row ? T.Zero : T.CreateTruncating(slope(double.CreateTruncating(cosines[i])));
                }
            }
            if (isBackward) { block.Backward(count); }
        }
    }
}
