using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>Cross-entropy of each row's own entry against all candidates, which stand in one or more blocks of similarities.</summary>
/// <remarks>
/// With s = scale x similarity and the own entry s_ii at (i, i) of the first block: the mean over rows i of log sum_j exp(s_ij) - s_ii. The sum is over all
/// blocks (joint), or there is one such term for each block, which all hold the own entry at (i, i), and their mean counts.
/// </remarks>
internal static class InBatchSoftmax
{
    /// <summary>Changes a row's logits against a block: minus infinity takes a candidate out, a factor is a constant.</summary>
    internal delegate void Change(int block, int row, Span<double> logits);

    /// <summary>Gives the loss, and adds to the gradients of what the blocks stand on.</summary>
    /// <param name="blocks">Of similarities.</param>
    /// <param name="rows">Of the batch.</param>
    /// <param name="scale">Of similarities.</param>
    /// <param name="isJoint">Whether one sum is over all blocks.</param>
    /// <param name="change">Of logits; none for null.</param>
    internal static double Compute<T>(SimilarityBlock<T>[] blocks, int rows, double scale, bool isJoint, Change? change = null)
        where T : IBinaryFloatingPointIeee754<T>
    {
        double[] logits = new double[blocks.Sum(block => block.Columns)];
        int terms = rows * (isJoint ? 1 : blocks.Length);
        double sum = 0;
        for (int first = 0; first < rows; first += SimilarityBlock<T>.Rows)
        {
            int count = Math.Min(SimilarityBlock<T>.Rows, rows - first);
            foreach (SimilarityBlock<T> block in blocks) { block.Forward(first, count); }
            for (int row = 0; row < count; row++)
            {
                int at = 0;
                for (int block = 0; block < blocks.Length; block++)
                {
                    Span<double> part = logits.AsSpan(at, blocks[block].Columns);
                    Scale<T>(blocks[block][row], scale, part);
                    change?.Invoke(block, first + row, part);
                    if (!isJoint) { sum += LogSumExp.CrossEntropy(part, first + row); }
                    at += part.Length;
                }
                if (isJoint) { sum += LogSumExp.CrossEntropy(logits, first + row); }
                at = 0;
                foreach (SimilarityBlock<T> block in blocks)
                {
                    foreach (ref T similarity in block[row]) { similarity = T.CreateTruncating(logits[at++] * scale / terms); }
                }
            }
            foreach (SimilarityBlock<T> block in blocks) { block.Backward(count); }
        }
        return sum / terms;
    }

    private static void Scale<T>(ReadOnlySpan<T> similarities, double scale, Span<double> logits) where T : IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < similarities.Length; i++) { logits[i] = scale * double.CreateTruncating(similarities[i]); }
    }
}
