namespace MiniLM.Training.Losses;

/// <summary>The margins that a teacher's labels mean: they are margins, or scores of positive and negatives.</summary>
internal static class TeacherMargins
{
    /// <summary>[rows, negatives].</summary>
    internal static double[] Of(string loss, Labels labels, int negatives)
    {
        if (labels.Width == negatives) { return labels.Values; }
        if (labels.Width != negatives + 1)
        {
            throw new LossDataException($"{loss} takes {negatives} margins a row for {negatives} negatives, or {negatives + 1} scores, not {labels.Width} labels.");
        }
        double[] margins = new double[labels.Rows * negatives];
        for (int i = 0; i < margins.Length; i++) { margins[i] = labels[i / negatives][0] - labels[i / negatives][1 + i % negatives]; }
        return margins;
    }
}
