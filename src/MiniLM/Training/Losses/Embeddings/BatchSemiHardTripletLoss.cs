namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Mean over ordered pairs (anchor, positive) of max(0, d(anchor, positive) - d(anchor, negative) + margin) with a semi-hard negative.</summary>
/// <remarks>
/// That is the nearest negative farther than the positive, else the farthest negative; in a batch without negatives the distance 0 (Schroff et al. 2015,
/// arXiv:1503.03832).
/// </remarks>
internal sealed class BatchSemiHardTripletLoss : BatchTripletLoss
{
    internal double Margin { get; init; } = 5;

    private protected override double Value(double[,] distances, double[] classes, double[,] gradient)
    {
        int rows = classes.Length;
        long pairs = classes.GroupBy(label => label).Sum(group => (long)group.Count() * (group.Count() - 1));
        double sum = 0;
        for (int anchor = 0; anchor < rows; anchor++)
        {
            for (int positive = 0; positive < rows; positive++)
            {
                if (positive == anchor || classes[positive] != classes[anchor]) { continue; }
                int negative = Negative(distances, classes, anchor, distances[anchor, positive]);
                double error = distances[anchor, positive] - distances[anchor, negative] + Margin;
                if (error <= 0) { continue; }
                sum += error;
                gradient[anchor, positive] += 1.0 / pairs;
                gradient[anchor, negative] -= 1.0 / pairs;
            }
        }
        return pairs == 0 ? 0 : sum / pairs;
    }

    // The anchor itself, whose distance is 0, where there is none.
    private static int Negative(double[,] distances, double[] classes, int anchor, double positive)
    {
        int nearest = anchor, farthest = anchor;
        for (int i = 0; i < classes.Length; i++)
        {
            if (classes[i] == classes[anchor]) { continue; }
            double distance = distances[anchor, i];
            if (distance > positive && (nearest == anchor || distance < distances[anchor, nearest])) { nearest = i; }
            if (farthest == anchor || distance > distances[anchor, farthest]) { farthest = i; }
        }
        return nearest == anchor ? farthest : nearest;
    }
}
