namespace MiniLM.Training.Losses;

/// <summary>Mean over queries and negatives of (positive - negative - margin)^2.</summary>
internal static class MarginError
{
    /// <summary>Refuses labels that are neither margins nor scores.</summary>
    internal static void Check(string loss, Labels labels, int negatives) =>
        LossDataException.ThrowIf(labels.Width != negatives && labels.Width != negatives + 1,
            $"{loss} takes {negatives} margins a row for {negatives} negatives, or {negatives + 1} scores, not {labels.Width} labels.");

    /// <summary>Gives the mean and writes the gradient of the scores, which is 0 before.</summary>
    /// <param name="scores">[columns, queries]: positives, then the first negatives, ...</param>
    /// <param name="labels">Of a query: the margins of its negatives, or a teacher's scores of positive and negatives, whose differences they are.</param>
    /// <param name="gradient">As long as the scores.</param>
    internal static double Mean(ReadOnlySpan<double> scores, Labels labels, Span<double> gradient)
    {
        int queries = labels.Rows, negatives = scores.Length / queries - 1;
        double[] margins = new double[scores.Length - queries], targets = new double[margins.Length], slopes = new double[margins.Length];
        for (int i = 0; i < margins.Length; i++)
        {
            (int negative, int query) = (i / queries, i % queries);
            margins[i] = scores[query] - scores[queries + i];
            targets[i] = labels.Width == negatives ? labels[query][negative] : labels[query][0] - labels[query][1 + negative];
        }
        double mean = SquaredError.Mean(margins, targets, slopes);
        for (int i = 0; i < slopes.Length; i++)
        {
            gradient[i % queries] += slopes[i];
            gradient[queries + i] -= slopes[i];
        }
        return mean;
    }
}
